//! The worldly half of continuity: the state of every provider on this node, and pre-flights that waiting
//! logins share.

pub mod monitor;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::ambient::{Clock, Millis, UnixSecs};
use crate::config::connectors::HealthCheck;
use crate::connector::Connector;
use crate::continuity::state::{Change, Member, Observation, Settings, Standing};
use crate::health::{Reason, Unwell, Verdict};
use crate::model::{ContinuityIndex, Deployment, IdpIndex};
use crate::serve::telemetry::events;

/// Interval of the probes that clear the suspicion of a provider nobody watches, in milliseconds.
pub const RECOVERY_MILLIS: u64 = 10_000;

/// The part of a failed question's time, beyond what one has waited oneself, by which one steps back.
const STEP_BACK_SHARE: u32 = 4;

/// Every provider of this node.
pub struct Board {
    slots: Vec<Slot>,
    /// Which member served the last login of each continuity connector; the primary at first.
    serving: Mutex<Vec<Serving>>,
    clock: Clock,
    runtime: Handle,
    order: AtomicU64,
}

/// Who serves the logins of a continuity connector now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// The member.
    pub member: IdpIndex,
    /// Why it does.
    pub why: &'static str,
    /// Since when, Unix seconds.
    pub since: UnixSecs,
}

struct Slot {
    name: String,
    connector: Arc<dyn Connector>,
    check: HealthCheck,
    watched: bool,
    /// A custom endpoint's definite "no" is an operator's word.
    says_no: bool,
    member: Mutex<Member>,
    /// Pre-flights, and checks in the middle of a sign-in: each kind has its own one in flight.
    flights: [(Mutex<Flight>, Notify); 2],
    /// Wakes the monitor of an unwatched provider.
    suspected: Notify,
    /// When the last scheduled probe was over.
    last_probe: Mutex<Option<Instant>>,
}

/// What is asked of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// May a browser be sent there?
    PreFlight,
    /// A sign-in failed there: are the parts that only a sign-in needs well?
    Check,
}

#[derive(Default)]
struct Flight {
    running: bool,
    /// Of the last one that landed: when it began and ended, in the board's own count, its outcome, and how
    /// long it took.
    last: Option<(u64, u64, bool, Duration)>,
}

/// A provider's state, for pages and reports.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// Thresholds.
    pub standing: Standing,
    /// Suspicion.
    pub suspect: Option<Reason>,
    /// Why it last failed.
    pub reason: Option<Reason>,
    /// Seconds since the standing changed.
    pub since_secs: u64,
    /// Whether logins are sent there.
    pub available: bool,
    /// Seconds since the last scheduled probe was over; `None` before the first, and when nobody watches.
    pub probe_age_secs: Option<u64>,
    /// Now, for whoever shows it.
    pub at: UnixSecs,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// A board over the opened connectors, in the order of the deployment.
    pub fn new(
        deployment: &Deployment,
        connectors: &[Arc<dyn Connector>],
        clock: Clock,
        runtime: Handle,
    ) -> Self {
        let now = clock.millis();
        let slots = deployment.idps.iter().zip(connectors).enumerate().map(|(i, (idp, connector))| {
            let check = idp.check_or_default();
            let damped = deployment.is_damped(IdpIndex(i));
            Slot {
                name: idp.name.0.clone(),
                connector: connector.clone(),
                watched: idp.check.is_some(),
                says_no: check.custom_endpoint.is_some(),
                member: Mutex::new(Member::new(Settings::of(&check, damped), now)),
                check,
                flights: Default::default(),
                suspected: Notify::new(),
                last_probe: Mutex::new(None),
            }
        });
        let serving = deployment.continuity.iter().map(|c| Serving {
            member: *c.members.first(),
            why: "primary",
            since: clock.unix(),
        });
        Board {
            slots: slots.collect(),
            serving: Mutex::new(serving.collect()),
            clock,
            runtime,
            order: AtomicU64::new(1),
        }
    }

    /// A login of a continuity connector goes to this member. Tells when that is another than before.
    pub fn serves(
        &self,
        deployment: &Deployment,
        through: ContinuityIndex,
        member: IdpIndex,
        why: &'static str,
    ) {
        let mut serving = lock(&self.serving);
        let Some(before) = serving.get_mut(through.0) else { return };
        if before.member == member || why == "same-again" {
            return;
        }
        let group = deployment.continuity(through);
        let name = |index: IdpIndex| deployment.idp(index).name.as_str();
        let primary = *group.members.first() == member;
        events::served_by(group.name.as_str(), name(before.member), name(member), primary, why);
        *before = Serving { member, why, since: self.clock.unix() };
    }

    /// Who serves now, by continuity connector.
    pub fn serving(&self) -> Vec<Serving> {
        lock(&self.serving).clone()
    }

    /// The state of some providers, in that order.
    pub fn members(&self, indices: impl IntoIterator<Item = IdpIndex>) -> Vec<Member> {
        indices.into_iter().map(|index| lock(&self.slots[index.0].member).clone()).collect()
    }

    /// The state of one provider.
    pub fn member(&self, index: IdpIndex) -> Member {
        lock(&self.slots[index.0].member).clone()
    }

    /// A number later than any given before: the order of arrivals and flights.
    pub fn arrive(&self) -> u64 {
        self.order.fetch_add(1, Ordering::Relaxed)
    }

    /// Every provider's state.
    pub fn snapshot(&self) -> Vec<Snapshot> {
        let now = self.clock.millis();
        self.slots
            .iter()
            .map(|slot| {
                let member = lock(&slot.member);
                Snapshot {
                    name: slot.name.clone(),
                    standing: member.standing(),
                    suspect: member.suspect(),
                    reason: member.last_reason(),
                    since_secs: now.since(member.since()) / 1000,
                    available: member.is_available(),
                    probe_age_secs: lock(&slot.last_probe).map(|at| at.elapsed().as_secs()),
                    at: self.clock.unix(),
                }
            })
            .collect()
    }

    /// Takes an observation in, and tells what changed.
    pub fn observe(&self, index: IdpIndex, observation: Observation) {
        let slot = &self.slots[index.0];
        let changes = lock(&slot.member).observe(observation, self.clock.millis());
        for change in changes {
            if matches!(change, Change::Suspected(_)) {
                slot.suspected.notify_one();
            }
            events::health_changed(&slot.name, &change);
        }
    }

    /// Asks a provider before a login, in a request begun after the login arrived (`arrived` from
    /// [`Board::arrive`]). One request is in flight for each provider; all logins that arrived before it
    /// began share its answer. Evidence of life not older than `max_age` is accepted instead.
    pub async fn ask(
        self: &Arc<Self>,
        index: IdpIndex,
        arrived: u64,
        budget: Duration,
        max_age: Duration,
    ) -> bool {
        if !max_age.is_zero() {
            let member = lock(&self.slots[index.0].member);
            let recent = member
                .last_good()
                .is_some_and(|at| u128::from(self.clock.millis().since(at)) <= max_age.as_millis());
            if recent && member.is_available() {
                return true;
            }
        }
        self.share(Question::PreFlight, index, arrived, budget).await
    }

    /// Asks a provider after a sign-in failed there, in a request begun now or shared with others that wait.
    pub async fn check(self: &Arc<Self>, index: IdpIndex, budget: Duration) -> bool {
        self.share(Question::Check, index, self.arrive(), budget).await
    }

    async fn share(
        self: &Arc<Self>,
        question: Question,
        index: IdpIndex,
        arrived: u64,
        budget: Duration,
    ) -> bool {
        let (flight, landed) = &self.slots[index.0].flights[question as usize];
        let came = Instant::now();
        loop {
            let landing = landed.notified();
            tokio::pin!(landing);
            // Listen before looking, or a landing in between would be missed.
            landing.as_mut().enable();
            let mut answer = None;
            {
                let mut flight = lock(flight);
                if let Some((begun, ended, well, took)) = flight.last {
                    // A failure that ended after the login arrived is evidence enough, whenever it began.
                    if begun > arrived || (!well && ended > arrived) {
                        answer = Some((well, took));
                    }
                }
                if answer.is_none() && !flight.running {
                    flight.running = true;
                    let landing = Landing {
                        board: self.clone(),
                        index,
                        question,
                        begun: self.arrive(),
                        started: Instant::now(),
                        well: false,
                    };
                    // Spawned: a login that goes away must not leave the others without an answer.
                    self.runtime.spawn(self.clone().fly(landing, budget));
                }
            }
            match answer {
                Some((true, _)) => return true,
                Some((false, took)) => {
                    // Everybody who waited goes on at once, to a provider that had little to do until now. Those
                    // who waited least step back a little for those who waited longest.
                    tokio::time::sleep(took.saturating_sub(came.elapsed()) / STEP_BACK_SHARE).await;
                    return false;
                }
                None => landing.await,
            }
        }
    }

    async fn fly(self: Arc<Self>, mut landing: Landing, budget: Duration) {
        let slot = &self.slots[landing.index.0];
        let asking = match (self.simulated(landing.index), landing.question) {
            (Some(unwell), _) => Box::pin(async { Verdict::unwell(unwell) }),
            (None, Question::PreFlight) => slot.connector.pre_flight(budget),
            (None, Question::Check) => slot.connector.check(budget),
        };
        let outcome = match tokio::time::timeout(budget, asking).await {
            Ok(verdict) => verdict.outcome.map_err(|unwell| (unwell.reason, unwell.detail)),
            Err(_) => Err((Reason::Timeout, format!("no answer within {} ms", budget.as_millis()))),
        };
        match outcome {
            Ok(()) => {
                landing.well = true;
                self.observe(landing.index, Observation::PreFlightOk);
            }
            // This machine could not ask, which says nothing about the provider: go on as if it had not.
            Err((Reason::OurLimit, detail)) => {
                landing.well = true;
                tracing::error!(
                    event = "health.not_asked",
                    connector = slot.name,
                    detail,
                    "this machine is out of resources"
                );
            }
            Err((reason, detail)) => {
                events::pre_flight_failed(&slot.name, reason, &detail);
                self.observe(landing.index, Observation::PreFlightFailed(reason));
            }
        }
    }

    /// Takes the answer to a scheduled probe in.
    fn probed(&self, index: IdpIndex, verdict: &Verdict) {
        let slot = &self.slots[index.0];
        *lock(&slot.last_probe) = Some(Instant::now());
        if let Err(unwell) = &verdict.outcome {
            events::probe_failed(&slot.name, unwell);
            if unwell.reason == Reason::OurLimit {
                return;
            }
        }
        self.observe(index, Observation::of(verdict, slot.says_no));
    }

    /// When the last scheduled probe was over.
    fn last_probe(&self, index: IdpIndex) -> Option<Instant> {
        *lock(&self.slots[index.0].last_probe)
    }

    /// The failure that a pretended outage is, while it lasts: a function of the time since start.
    fn simulated(&self, index: IdpIndex) -> Option<Unwell> {
        let simulation = self.slots[index.0].check.simulation.as_ref()?;
        let down = simulation.is_down(Duration::from_millis(self.clock.millis().0));
        down.then(|| Unwell::new(Reason::Simulated, "the outage is pretended (healthCheck.simulation)"))
    }

    /// Time by the board's clock.
    pub fn now(&self) -> Millis {
        self.clock.millis()
    }
}

/// A question under way. However it ends, also by a panic, those who wait learn it.
struct Landing {
    board: Arc<Board>,
    index: IdpIndex,
    question: Question,
    begun: u64,
    started: Instant,
    well: bool,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let (flight, landed) = &self.board.slots[self.index.0].flights[self.question as usize];
        {
            let mut flight = lock(flight);
            flight.running = false;
            flight.last = Some((self.begun, self.board.arrive(), self.well, self.started.elapsed()));
        }
        landed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::connector::{Answer, Begin, BeginRequest, CompleteRequest, Fault, Identity};

    struct Scripted {
        asked: AtomicUsize,
        well: Mutex<bool>,
        takes: Duration,
    }

    impl Connector for Scripted {
        fn probe(&self, budget: Duration) -> Answer<'_, Verdict> {
            self.pre_flight(budget)
        }

        fn pre_flight(&self, _: Duration) -> Answer<'_, Verdict> {
            Box::pin(async move {
                self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(self.takes).await;
                let mut verdict = Verdict::unwell(Unwell::new(Reason::Status, "scripted"));
                if *lock(&self.well) {
                    verdict.outcome = Ok(());
                }
                verdict
            })
        }

        fn begin<'a>(&'a self, _: &'a BeginRequest) -> Answer<'a, Result<Begin, Fault>> {
            Box::pin(async { Err(Fault::Unsupported("scripted")) })
        }

        fn complete<'a>(&'a self, _: CompleteRequest<'a>) -> Answer<'a, Result<Identity, Fault>> {
            Box::pin(async { Err(Fault::Unsupported("scripted")) })
        }
    }

    fn board(well: bool, takes: Duration) -> (Arc<Board>, Arc<Scripted>) {
        let connector = Arc::new(Scripted { asked: AtomicUsize::new(0), well: Mutex::new(well), takes });
        (board_over(connector.clone(), HealthCheck::default(), Clock::fixed(UnixSecs(0))), connector)
    }

    /// A board over one provider.
    pub(super) fn board_over(connector: Arc<dyn Connector>, check: HealthCheck, clock: Clock) -> Arc<Board> {
        let slot = Slot {
            name: "a".into(),
            connector,
            watched: true,
            says_no: false,
            member: Mutex::new(Member::new(Settings::of(&check, true), clock.millis())),
            check,
            flights: Default::default(),
            suspected: Notify::new(),
            last_probe: Mutex::new(None),
        };
        let board = Board {
            slots: vec![slot],
            serving: Mutex::default(),
            clock,
            runtime: Handle::current(),
            order: AtomicU64::new(1),
        };
        Arc::new(board)
    }

    const BUDGET: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn waiting_logins_share_one_question() {
        let (board, connector) = board(true, Duration::from_millis(100));
        let logins = (0..50).map(|_| {
            let (board, arrived) = (board.clone(), board.arrive());
            tokio::spawn(async move { board.ask(IdpIndex(0), arrived, BUDGET, Duration::ZERO).await })
        });
        for login in logins.collect::<Vec<_>>() {
            assert!(login.await.unwrap());
        }
        assert_eq!(connector.asked.load(Ordering::Relaxed), 1);
        let arrived = board.arrive();
        assert!(board.ask(IdpIndex(0), arrived, BUDGET, Duration::ZERO).await);
        assert_eq!(connector.asked.load(Ordering::Relaxed), 2, "an older answer is not evidence");
        let arrived = board.arrive();
        assert!(board.ask(IdpIndex(0), arrived, BUDGET, Duration::from_secs(9)).await);
        assert_eq!(connector.asked.load(Ordering::Relaxed), 2, "unless the configuration accepts it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_provider_costs_everybody_one_budget_at_most() {
        let (board, connector) = board(true, Duration::from_secs(3600));
        let begun = tokio::time::Instant::now();
        let first = board.arrive();
        let one = {
            let board = board.clone();
            tokio::spawn(async move { board.ask(IdpIndex(0), first, BUDGET, Duration::ZERO).await })
        };
        tokio::time::sleep(Duration::from_secs(2)).await;
        let second = board.arrive();
        assert!(
            !board.ask(IdpIndex(0), second, BUDGET, Duration::ZERO).await,
            "a flight that failed meanwhile"
        );
        assert!(!one.await.unwrap());
        assert_eq!(begun.elapsed().as_secs(), 3);
        assert_eq!(connector.asked.load(Ordering::Relaxed), 1);
        assert!(!board.member(IdpIndex(0)).is_available());
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_goes_away_leaves_the_others_their_answer() {
        let (board, _) = board(true, Duration::from_millis(500));
        let (a, b) = (board.arrive(), board.arrive());
        let gone = {
            let board = board.clone();
            tokio::spawn(async move { board.ask(IdpIndex(0), a, BUDGET, Duration::ZERO).await })
        };
        tokio::task::yield_now().await;
        let waiting = {
            let board = board.clone();
            tokio::spawn(async move { board.ask(IdpIndex(0), b, BUDGET, Duration::ZERO).await })
        };
        tokio::task::yield_now().await;
        gone.abort();
        assert!(waiting.await.unwrap());
    }
}
