//! One provider on this node: its state, and what is told when it changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::flight::Flights;
use super::history::Probed;
use crate::ambient::Clock;
use crate::config::connectors::HealthCheck;
use crate::connector::Connector;
use crate::connector::open::{Mark, Opened};
use crate::continuity::state::{Change, Member, Observation, Settings};
use crate::health::{Reason, Unwell, Verdict};
use crate::model::Idp;
use crate::serve::telemetry::{Event, Telling};

/// What all slots stand on.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(super) telling: Arc<Telling>,
    pub(super) clock: Clock,
    pub(super) runtime: Handle,
    /// Arrivals and flights, in one count.
    pub(super) order: Arc<AtomicU64>,
}

impl Ground {
    /// A number later than any given before: the order of arrivals and flights.
    pub(super) fn arrive(&self) -> u64 {
        self.order.fetch_add(1, Ordering::Relaxed)
    }
}

/// One provider.
pub(crate) struct Slot {
    pub(super) name: String,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) mark: Mark,
    pub(super) provider: Mark,
    pub(super) check: HealthCheck,
    pub(super) damped: bool,
    pub(super) watched: bool,
    /// A custom endpoint's definite "no" is an operator's word.
    pub(super) says_no: bool,
    pub(super) member: Mutex<Member>,
    pub(super) flights: Flights,
    /// Wakes the monitor of an unwatched provider.
    pub(super) suspected: Notify,
    /// When the last scheduled probe was over.
    pub(super) last_probe: Mutex<Option<Instant>>,
    /// Ends its monitor: it is not part of the deployment any more.
    pub(super) retired: CancellationToken,
    pub(super) ground: Ground,
}

/// As milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What a lock guards, also after a panic: every change here is whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    pub(super) fn new(
        idp: &Idp,
        opened: &Opened,
        damped: bool,
        before: Option<&Slot>,
        ground: &Ground,
    ) -> Self {
        let check = idp.check_or_default();
        let settings = Settings::of(&check, damped);
        // The same provider, watched in another way: what is known of it holds.
        let known = before.filter(|slot| slot.provider == opened.provider);
        let member = match known {
            Some(slot) => lock(&slot.member).clone().with_settings(settings),
            None => Member::new(settings, ground.clock.millis()),
        };
        Slot {
            name: idp.name.0.clone(),
            connector: opened.connector.clone(),
            mark: opened.mark,
            provider: opened.provider,
            damped,
            watched: idp.check.is_some(),
            says_no: check.custom_endpoint.is_some(),
            member: Mutex::new(member),
            check,
            flights: Default::default(),
            suspected: Notify::new(),
            last_probe: Mutex::new(None),
            retired: CancellationToken::new(),
            ground: ground.clone(),
        }
    }

    /// Takes an observation in, and tells what changed.
    pub(super) fn observe(&self, observation: Observation) {
        let changes = lock(&self.member).observe(observation, self.ground.clock.millis());
        for change in changes {
            if matches!(change, Change::Suspected(_)) {
                self.suspected.notify_one();
            }
            self.ground.telling.tell(&Event::Changed { connector: &self.name, change: &change });
        }
    }

    pub(super) fn is_available(&self) -> bool {
        lock(&self.member).is_available()
    }

    /// Takes the answer to a scheduled probe in.
    pub(super) fn probed(&self, verdict: &Verdict, took: Duration) {
        *lock(&self.last_probe) = Some(Instant::now());
        let telling = &self.ground.telling;
        telling.metrics.probed(&self.name, took);
        let reason = verdict.outcome.as_ref().err().map(|unwell| unwell.reason);
        let probed = Probed { at: self.ground.clock.unix(), millis: millis(took), reason };
        telling.history.probed(&self.name, probed);
        if let Err(unwell) = &verdict.outcome {
            telling.tell(&Event::ProbeFailed { connector: &self.name, unwell, millis: probed.millis });
            if unwell.reason == Reason::OurLimit {
                return;
            }
        }
        self.observe(Observation::of(verdict, self.says_no));
    }

    /// When the last scheduled probe was over.
    pub(super) fn last_probe(&self) -> Option<Instant> {
        *lock(&self.last_probe)
    }

    /// The failure that a pretended outage is, while it lasts: a function of the time since start.
    pub(super) fn simulated(&self) -> Option<Unwell> {
        let simulation = self.check.simulation.as_ref()?;
        let down = simulation.is_down(Duration::from_millis(self.ground.clock.millis().0));
        down.then(|| Unwell::new(Reason::Simulated, "the outage is pretended (healthCheck.simulation)"))
    }
}
