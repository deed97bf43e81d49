//! Names, units and labels of what is measured. Labels come from the configuration or from lists of ours, never
//! from a request.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::count::EventCounts;
use super::events::Event;
use super::requests::Requests;
use crate::continuity::state::Standing;

/// Bounds of the latency histograms, in seconds: from a provider next door to the longest budget.
const LATENCY_SECS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByConnector {
    connector: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByState {
    connector: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByMember {
    continuity: String,
    member: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByLogin {
    continuity: String,
    member: String,
    result: &'static str,
}

type Latencies = Family<ByConnector, Histogram>;
type Level = Gauge<f64, AtomicU64>;

/// Everything that is measured.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    probes: Latencies,
    pre_flights: Latencies,
    logins: Family<ByLogin, Counter>,
    /// Requests by app; see [`super::requests::Handles`].
    pub requests: Requests,
    state: Family<ByState, Gauge>,
    available: Family<ByConnector, Gauge>,
    failures: Family<ByConnector, Gauge>,
    last_good: Family<ByConnector, Level>,
    document_age: Family<ByConnector, Gauge>,
    serving: Family<ByMember, Gauge>,
    sessions: Gauge,
    draining: Gauge,
    uptime: Gauge,
    /// One at a time: what is set here is read in the same turn.
    writing: Mutex<()>,
}

/// What is not counted but looked up when somebody asks.
#[derive(Debug, Clone, Default)]
pub struct Levels {
    /// Every provider.
    pub providers: Vec<ProviderLevel>,
    /// Members of continuity connectors: connector, member, whether it served the last login.
    pub serving: Vec<(String, String, bool)>,
    /// Living sessions.
    pub sessions: usize,
    /// Whether the status endpoint sends balancers away.
    pub draining: bool,
    /// Seconds since the start.
    pub uptime_secs: u64,
}

/// A provider now.
#[derive(Debug, Clone)]
pub struct ProviderLevel {
    /// Its name.
    pub name: String,
    /// By the thresholds.
    pub standing: Standing,
    /// Skipped by new logins.
    pub suspect: bool,
    /// Neither.
    pub available: bool,
    /// Consecutive failures of scheduled probes.
    pub failures: u32,
    /// Seconds since it last answered well.
    pub last_good_secs: Option<f64>,
    /// Age of its documents, in seconds.
    pub document_age_secs: Option<u64>,
}

fn latencies() -> Latencies {
    Family::new_with_constructor(|| Histogram::new(LATENCY_SECS))
}

impl Metrics {
    /// Nothing measured yet.
    pub fn new(counts: &EventCounts) -> Self {
        let mut registry = Registry::with_prefix("maverics");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What runs", build);
        let m = Metrics {
            probes: latencies(),
            pre_flights: latencies(),
            logins: Family::default(),
            requests: Family::default(),
            state: Family::default(),
            available: Family::default(),
            failures: Family::default(),
            last_good: Family::default(),
            document_age: Family::default(),
            serving: Family::default(),
            sessions: Gauge::default(),
            draining: Gauge::default(),
            uptime: Gauge::default(),
            writing: Mutex::default(),
            registry: Registry::default(),
        };
        registry.register("events", "Events, by name, connector and reason", counts.family.clone());
        registry.register(
            "logins",
            "Logins, by continuity connector, provider and result: completed, denied, rejected, restarted, exhausted",
            m.logins.clone(),
        );
        registry.register("http_requests", "Requests, by app and class of status", m.requests.clone());
        let secs = || Unit::Seconds;
        registry.register_with_unit(
            "probe_latency",
            "How long scheduled probes took",
            secs(),
            m.probes.clone(),
        );
        registry.register_with_unit(
            "preflight_latency",
            "How long requests before and during logins took",
            secs(),
            m.pre_flights.clone(),
        );
        registry.register("provider_state", "1 for the state a provider is in", m.state.clone());
        registry.register("provider_available", "1 when new logins may go there", m.available.clone());
        registry.register(
            "provider_consecutive_failures",
            "Scheduled probes that failed in a row",
            m.failures.clone(),
        );
        registry.register_with_unit(
            "provider_last_good",
            "Time since a provider last answered well",
            secs(),
            m.last_good.clone(),
        );
        registry.register_with_unit(
            "provider_document_age",
            "Age of the provider documents in use",
            secs(),
            m.document_age.clone(),
        );
        registry.register(
            "continuity_serving",
            "1 for the member that served the last login",
            m.serving.clone(),
        );
        registry.register("sessions", "Sessions on this node", m.sessions.clone());
        registry.register("draining", "1 while balancers are sent away", m.draining.clone());
        registry.register_with_unit("uptime", "Time since the start", secs(), m.uptime.clone());
        Metrics { registry, ..m }
    }

    /// A scheduled probe took so long.
    pub fn probed(&self, connector: &str, took: Duration) {
        observe(&self.probes, connector, took);
    }

    /// A request before or during a login took so long.
    pub fn asked(&self, connector: &str, took: Duration) {
        observe(&self.pre_flights, connector, took);
    }

    /// Counts what an event says about a login.
    pub fn take(&self, event: &Event<'_>) {
        let (continuity, member, result) = match *event {
            Event::Completed { continuity, connector, .. } => (continuity, connector, "completed"),
            Event::Denied { continuity, connector, .. } => (continuity, connector, "denied"),
            Event::Rejected { continuity, connector, .. } => (continuity, connector, "rejected"),
            Event::Restarted { continuity, from, .. } => (continuity, from, "restarted"),
            Event::Exhausted { continuity, .. } => (continuity, "", "exhausted"),
            _ => return,
        };
        let continuity = continuity.unwrap_or_default().to_owned();
        self.logins.get_or_create(&ByLogin { continuity, member: member.to_owned(), result }).inc();
    }

    /// Everything as OpenMetrics text, with the levels of now.
    pub fn open_metrics(&self, levels: &Levels) -> String {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.set(levels);
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }

    fn set(&self, levels: &Levels) {
        // What a reload removed must not stay.
        self.state.clear();
        self.available.clear();
        self.failures.clear();
        self.last_good.clear();
        self.document_age.clear();
        self.serving.clear();
        for provider in &levels.providers {
            let by = || ByConnector { connector: provider.name.clone() };
            for state in [Standing::Unknown, Standing::Healthy, Standing::Unhealthy] {
                let labels = ByState { connector: provider.name.clone(), state: state.word() };
                self.state.get_or_create(&labels).set((provider.standing == state).into());
            }
            let labels = ByState { connector: provider.name.clone(), state: "suspect" };
            self.state.get_or_create(&labels).set(provider.suspect.into());
            self.available.get_or_create(&by()).set(provider.available.into());
            self.failures.get_or_create(&by()).set(provider.failures.into());
            if let Some(secs) = provider.last_good_secs {
                self.last_good.get_or_create(&by()).set(secs);
            }
            if let Some(secs) = provider.document_age_secs {
                self.document_age.get_or_create(&by()).set(secs.try_into().unwrap_or(i64::MAX));
            }
        }
        for (continuity, member, serves) in &levels.serving {
            let labels = ByMember { continuity: continuity.clone(), member: member.clone() };
            self.serving.get_or_create(&labels).set((*serves).into());
        }
        self.sessions.set(levels.sessions.try_into().unwrap_or(i64::MAX));
        self.draining.set(levels.draining.into());
        self.uptime.set(levels.uptime_secs.try_into().unwrap_or(i64::MAX));
    }
}

fn observe(family: &Latencies, connector: &str, took: Duration) {
    family.get_or_create(&ByConnector { connector: connector.to_owned() }).observe(took.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_counted_by_what_became_of_it() {
        let metrics = Metrics::new(&EventCounts::default());
        let denied = Event::Denied {
            app: "page",
            continuity: Some("ha"),
            connector: "north",
            reason: "credentials",
            detail: "",
        };
        metrics.take(&denied);
        metrics.take(&denied);
        metrics.take(&Event::Exhausted { app: "page", continuity: Some("ha") });
        metrics.take(&Event::CookieDropped { app: "page" });
        metrics.probed("north", Duration::from_millis(7));
        let provider = |name: &str| ProviderLevel {
            name: name.into(),
            standing: Standing::Unhealthy,
            suspect: false,
            available: false,
            failures: 3,
            last_good_secs: Some(1.5),
            document_age_secs: None,
        };
        let levels = Levels { providers: vec![provider("north")], sessions: 4, ..Levels::default() };
        let text = metrics.open_metrics(&levels);
        for line in [
            r#"maverics_logins_total{continuity="ha",member="north",result="denied"} 2"#,
            r#"maverics_logins_total{continuity="ha",member="",result="exhausted"} 1"#,
            r#"maverics_probe_latency_seconds_bucket{le="0.01",connector="north"} 1"#,
            r#"maverics_provider_state{connector="north",state="unhealthy"} 1"#,
            r#"maverics_provider_state{connector="north",state="healthy"} 0"#,
            r#"maverics_provider_last_good_seconds{connector="north"} 1.5"#,
            "maverics_sessions 4",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
        let text = metrics.open_metrics(&Levels { providers: vec![provider("south")], ..Levels::default() });
        assert!(!text.contains(r#"connector="north",state"#), "what a reload removed is gone:\n{text}");
    }
}
