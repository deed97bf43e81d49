//! What the running orchestrator tells: a log line, metrics and history from one typed event.

pub mod count;
pub mod events;
pub mod format;
pub mod kinds;
pub mod metrics;
pub mod requests;
pub mod text;

use crate::ambient::Clock;
use crate::serve::continuity::history::History;

pub use count::EventCounts;
pub use events::Event;
pub use metrics::Metrics;

/// Where events go. Outlives a configuration: what was counted and remembered stays.
#[derive(Debug)]
pub struct Telling {
    /// What is measured.
    pub metrics: Metrics,
    /// What is remembered.
    pub history: History,
    clock: Clock,
}

impl Telling {
    /// Nothing told yet. `counts` is what the log counts.
    pub fn new(counts: &EventCounts, clock: Clock) -> Self {
        Telling { metrics: Metrics::new(counts), history: History::default(), clock }
    }

    /// Tells: the log line, the metrics, the history.
    pub fn tell(&self, event: &Event<'_>) {
        event.log();
        self.metrics.take(event);
        self.history.take(event, self.clock.unix());
    }
}
