//! Counts events where they are logged, so that what is logged once is counted once, wherever in the program
//! it was said.

use std::fmt;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::kinds::Kind;

/// Most combinations of event, connector and reason that have a series of their own; those that come later
/// are counted without connector and reason.
pub const SERIES_MAX: usize = 2_000;
/// Where the access log speaks: a line for each request, counted elsewhere.
pub const ACCESS_TARGET: &str = "maverics::access";

/// Labels of `maverics_events_total`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Labels {
    event: &'static str,
    connector: String,
    reason: String,
}

/// The counts; clones share them.
#[derive(Debug, Clone, Default)]
pub struct EventCounts {
    pub(super) family: Family<Labels, Counter>,
    series: Arc<AtomicUsize>,
}

impl EventCounts {
    /// The part of the log that counts.
    pub fn layer<S: Subscriber + for<'s> LookupSpan<'s>>(&self) -> impl Layer<S> + use<S> {
        let counts = |metadata: &Metadata<'_>| {
            metadata.fields().field("event").is_some() && metadata.target() != ACCESS_TARGET
        };
        Counting(self.clone()).with_filter(filter_fn(counts).with_max_level_hint(LevelFilter::DEBUG))
    }

    fn count(&self, event: &str, connector: &str, reason: &str) {
        // A name that is on no list is a mistake of ours; it is counted all the same.
        let event = Kind::named(event).map_or("unlisted", |kind| kind.name);
        let labels = Labels { event, connector: connector.to_owned(), reason: reason.to_owned() };
        if let Some(counter) = self.family.get(&labels) {
            counter.inc();
            return;
        }
        if self.series.fetch_add(1, Ordering::Relaxed) < SERIES_MAX {
            self.family.get_or_create(&labels).inc();
        } else {
            self.family
                .get_or_create(&Labels { event, connector: String::new(), reason: String::new() })
                .inc();
        }
    }
}

struct Counting(EventCounts);

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // A continuity connector is a connector: what is about one and no member stands under its name.
        let connector = if fields.connector.is_empty() { &fields.continuity } else { &fields.connector };
        self.0.count(&fields.event, connector, &fields.reason);
    }
}

#[derive(Default)]
struct Fields {
    event: String,
    connector: String,
    continuity: String,
    reason: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let place = match field.name() {
            "event" => &mut self.event,
            "connector" => &mut self.connector,
            "continuity" => &mut self.continuity,
            "reason" => &mut self.reason,
            _ => return,
        };
        value.clone_into(place);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if matches!(field.name(), "event" | "connector" | "continuity" | "reason") {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn counted(counts: &EventCounts, event: &'static str, connector: &str, reason: &str) -> u64 {
        let labels = Labels { event, connector: connector.into(), reason: reason.into() };
        counts.family.get(&labels).map_or(0, |counter| counter.get())
    }

    #[test]
    fn what_is_logged_is_counted_once_whatever_the_level_of_the_log() {
        let counts = EventCounts::default();
        let log = tracing_subscriber::registry().with(counts.layer());
        tracing::subscriber::with_default(log, || {
            let event =
                super::super::events::Event::Unconfirmed { app: "a", connector: "north", reason: "timeout" };
            event.log();
            event.log();
            tracing::info!(event = "idp.jwks.unknown_kid", connector = "north", "below the serve floor");
            tracing::info!(target: ACCESS_TARGET, event = "http.request", "not counted");
            tracing::info!("no event");
            tracing::info!(event = "of.no.list", "x");
        });
        assert_eq!(counted(&counts, "login.failure.unconfirmed", "north", "timeout"), 2);
        assert_eq!(counted(&counts, "idp.jwks.unknown_kid", "north", ""), 1);
        assert_eq!(counted(&counts, "http.request", "", ""), 0);
        assert_eq!(counted(&counts, "unlisted", "", ""), 1);
    }

    #[test]
    fn series_are_bounded() {
        let counts = EventCounts::default();
        for i in 0..SERIES_MAX + 50 {
            counts.count("health.suspected", &format!("c{i}"), "timeout");
        }
        assert_eq!(counted(&counts, "health.suspected", "", ""), 50);
        assert_eq!(counted(&counts, "health.suspected", "c7", "timeout"), 1);
    }
}
