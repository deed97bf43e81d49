//! What the orchestrator logged, as the page tells it: the last events that are about the providers.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maverics::ambient::{Clock, UnixSecs};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::cast::is_provider;

/// Most events kept.
pub const EVENTS_MAX: usize = 500;

/// The log of this run, as far as the page needs it. A layer of the log; clones share the events.
#[derive(Clone)]
pub struct Journal {
    events: Arc<Mutex<VecDeque<Entry>>>,
    clock: Clock,
}

/// One event.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When.
    pub at: UnixSecs,
    /// Its stable name.
    pub event: String,
    fields: BTreeMap<&'static str, String>,
}

impl Entry {
    /// A field; empty when the event has none of that name.
    pub fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }

    /// For people; `None` for events that are only looked up.
    pub fn words(&self) -> Option<String> {
        let (connector, reason) = (self.get("connector"), self.get("reason"));
        Some(match self.event.as_str() {
            "demo.switched" => format!("You set {connector} to {}.", self.get("mode")),
            "health.suspected" => {
                format!("{connector} is suspect ({reason}): new sign-ins skip it until it answers a probe.")
            }
            "health.cleared" => format!("{connector} is no longer suspect: it answered a probe."),
            "health.state.changed" if reason == "recovered" => format!("{connector} is healthy."),
            "health.state.changed" => format!("{connector} is {} ({reason}).", self.get("to")),
            "continuity.failover" | "continuity.failback" => {
                format!("Sign-ins go to {} instead of {}.", self.get("to"), self.get("from"))
            }
            "continuity.login.restarted" => {
                format!("A sign-in that {} dropped ({reason}) began again at the next.", self.get("from"))
            }
            "continuity.exhausted" => "No provider was available: somebody saw the page that says so.".into(),
            "login.completed" => format!("{connector} signed in {}.", person_of(self.get("subject"))),
            _ => return None,
        })
    }
}

/// The name behind the bar of a subject.
fn person_of(subject: &str) -> &str {
    subject.rsplit('|').next().unwrap_or(subject)
}

impl Journal {
    /// Empty.
    pub fn new(clock: Clock) -> Self {
        Journal { events: Arc::default(), clock }
    }

    /// The newest event that fits.
    pub fn newest(&self, fits: impl Fn(&Entry) -> bool) -> Option<Entry> {
        self.events().iter().rev().find(|entry| fits(entry)).cloned()
    }

    /// The newest events that have words, newest first.
    pub fn told(&self, count: usize) -> Vec<(UnixSecs, String)> {
        self.events().iter().rev().filter_map(|entry| Some((entry.at, entry.words()?))).take(count).collect()
    }

    fn events(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an event is the orchestrator's: the providers have connectors and apps of other names.
fn is_orchestrators(fields: &BTreeMap<&'static str, String>) -> bool {
    let field = |name| fields.get(name).map_or("", String::as_str);
    is_provider(field("connector")) || is_provider(field("from")) || field("app") == "page"
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Some(name) = fields.0.remove("event") else { return };
        if !is_orchestrators(&fields.0) {
            return;
        }
        let mut events = self.events();
        if events.len() == EVENTS_MAX {
            events.pop_front();
        }
        events.push_back(Entry { at: self.clock.unix(), event: name, fields: fields.0 });
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn only_the_orchestrators_events_are_told() {
        let journal = Journal::new(Clock::fixed(UnixSecs(7)));
        let log = tracing_subscriber::registry().with(journal.clone());
        tracing::subscriber::with_default(log, || {
            tracing::info!(event = "login.completed", connector = "staff", subject = "staff|ada");
            tracing::info!(event = "login.completed", connector = "north", subject = "people|ada");
            tracing::warn!(event = "health.suspected", connector = "north", reason = "timeout");
            tracing::warn!(event = "continuity.failover", from = "north", to = "south");
            tracing::info!(event = "http.request", path = "/");
        });
        let told: Vec<String> = journal.told(9).into_iter().map(|(_, words)| words).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[2].ends_with("north signed in ada."), "{told:?}");
        let suspected = journal.newest(|e| e.event == "health.suspected").unwrap();
        assert_eq!((suspected.get("reason"), suspected.at), ("timeout", UnixSecs(7)));
    }

    #[test]
    fn old_events_make_room() {
        let journal = Journal::new(Clock::fixed(UnixSecs(7)));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(journal.clone()), || {
            for _ in 0..EVENTS_MAX + 5 {
                tracing::info!(event = "health.cleared", connector = "north");
            }
        });
        assert_eq!(journal.events().len(), EVENTS_MAX);
    }
}
