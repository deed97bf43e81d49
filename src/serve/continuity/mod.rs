//! The worldly half of continuity: the state of every provider on this node, and pre-flights that waiting
//! logins share.

pub mod history;
pub mod monitor;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ambient::{Clock, Millis, UnixSecs};
use crate::config::connectors::HealthCheck;
use crate::connector::Connector;
use crate::connector::open::{Mark, Opened};
use crate::continuity::choose::{Candidate, Why, choose};
use crate::continuity::pace::Landed;
use crate::continuity::state::{Change, Member, Observation, Settings, Standing};
use crate::health::{Reason, Unwell, Verdict};
use crate::model::{Continuity, ContinuityIndex, Deployment, Idp, IdpIndex};
use crate::serve::telemetry::events::passed_over;
use crate::serve::telemetry::{Event, Telling};
use history::Probed;

/// Every provider of this node, as one deployment has them. A reload makes another board, which takes over the
/// slots of providers that did not change: their state, their monitors, the questions under way.
pub struct Board {
    slots: Vec<Arc<Slot>>,
    /// Which member served the last login of each continuity connector; the primary at first.
    serving: Mutex<Vec<Serving>>,
    ground: Ground,
}

/// What all slots stand on.
#[derive(Clone)]
pub(crate) struct Ground {
    telling: Arc<Telling>,
    clock: Clock,
    runtime: Handle,
    /// Arrivals and flights, in one count.
    order: Arc<AtomicU64>,
}

impl Ground {
    /// A number later than any given before: the order of arrivals and flights.
    fn arrive(&self) -> u64 {
        self.order.fetch_add(1, Ordering::Relaxed)
    }
}

/// Who serves the logins of a continuity connector now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// The continuity connector.
    pub through: String,
    /// The member.
    pub member: String,
    /// Why it does.
    pub why: &'static str,
    /// Since when, Unix seconds.
    pub since: UnixSecs,
    /// The arrival of the login that made it so.
    arrived: u64,
}

/// One provider.
pub(crate) struct Slot {
    name: String,
    connector: Arc<dyn Connector>,
    mark: Mark,
    provider: Mark,
    check: HealthCheck,
    damped: bool,
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
    /// Ends its monitor: it is not part of the deployment any more.
    retired: CancellationToken,
    ground: Ground,
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
    /// The last one that landed, in the board's own count.
    last: Option<Landed>,
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

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// A board over the opened providers, in the order of the deployment.
    pub fn new(
        deployment: &Deployment,
        opened: &[Opened],
        telling: &Arc<Telling>,
        clock: &Clock,
        runtime: &Handle,
    ) -> Self {
        let ground = Ground {
            telling: telling.clone(),
            clock: clock.clone(),
            runtime: runtime.clone(),
            order: Arc::new(AtomicU64::new(1)),
        };
        Board::over(deployment, opened, None, ground)
    }

    /// The board of another deployment. What this one knows of providers that are the same goes on (row HC10).
    pub fn after(&self, deployment: &Deployment, opened: &[Opened]) -> Self {
        Board::over(deployment, opened, Some(self), self.ground.clone())
    }

    fn over(deployment: &Deployment, opened: &[Opened], before: Option<&Board>, ground: Ground) -> Self {
        let slots = deployment.idps.iter().zip(opened).enumerate().map(|(i, (idp, opened))| {
            let damped = deployment.is_damped(IdpIndex(i));
            let known = before.and_then(|b| b.slots.iter().find(|slot| slot.name == idp.name.as_str()));
            match known {
                Some(slot) if slot.mark == opened.mark && slot.damped == damped => slot.clone(),
                known => Arc::new(Slot::new(idp, opened, damped, known.map(|slot| &**slot), &ground)),
            }
        });
        let serving = deployment.continuity.iter().map(|group| {
            let known = before.and_then(|board| {
                let serving = lock(&board.serving);
                serving.iter().find(|s| s.through == group.name.as_str()).cloned()
            });
            let is_member =
                |name: &str| group.members.iter().any(|m| deployment.idp(*m).name.as_str() == name);
            known.filter(|serving| is_member(&serving.member)).unwrap_or_else(|| Serving {
                through: group.name.0.clone(),
                member: deployment.idp(*group.members.first()).name.0.clone(),
                why: "primary",
                since: ground.clock.unix(),
                arrived: 0,
            })
        });
        Board { slots: slots.collect(), serving: Mutex::new(serving.collect()), ground }
    }

    /// Ends the monitors of providers that `after`, which took over from this board, does not have.
    pub fn retire(&self, after: &Board) {
        for slot in &self.slots {
            if !after.slots.iter().any(|kept| Arc::ptr_eq(kept, slot)) {
                slot.retired.cancel();
            }
        }
    }

    /// A login of a continuity connector, arrived at `arrived`, goes to this member. Tells when that is another
    /// than before; one that came before whoever moved logins last, and was only asked for longer, moves nothing
    /// back.
    pub fn serves(
        &self,
        deployment: &Deployment,
        through: ContinuityIndex,
        member: IdpIndex,
        why: &'static str,
        arrived: u64,
    ) {
        let mut serving = lock(&self.serving);
        let Some(before) = serving.get_mut(through.0) else { return };
        let name = deployment.idp(member).name.as_str();
        if before.member == name || why == Why::SameAgain.code() || arrived < before.arrived {
            return;
        }
        let group = deployment.continuity(through);
        let primary = *group.members.first() == member;
        let former = group.members.iter().find(|m| deployment.idp(**m).name.as_str() == before.member);
        self.ground.telling.tell(&Event::Served {
            continuity: group.name.as_str(),
            from: &before.member,
            to: name,
            primary,
            why,
            because: former.and_then(|former| self.ails(group, *former)),
        });
        *before = Serving {
            through: group.name.0.clone(),
            member: name.to_owned(),
            why,
            since: self.ground.clock.unix(),
            arrived,
        };
    }

    /// Why logins of a continuity connector pass a member over, if they do.
    fn ails(&self, group: &Continuity, member: IdpIndex) -> Option<Why> {
        let members = self.members(group.members.iter().copied());
        let candidates: Vec<Candidate<'_>> =
            members.iter().map(|m| Candidate { member: Some(m), assurance: None, tried: false }).collect();
        let place = group.members.iter().position(|m| *m == member)?;
        passed_over(&choose(&candidates, None), place)
    }

    /// Who serves now, by continuity connector.
    pub fn serving(&self) -> Vec<Serving> {
        lock(&self.serving).clone()
    }

    /// The state of some providers, in that order.
    pub fn members(&self, indices: impl IntoIterator<Item = IdpIndex>) -> Vec<Member> {
        indices.into_iter().map(|index| self.member(index)).collect()
    }

    /// The state of one provider.
    pub fn member(&self, index: IdpIndex) -> Member {
        lock(&self.slots[index.0].member).clone()
    }

    /// A number later than any given before: the order of arrivals and flights.
    pub fn arrive(&self) -> u64 {
        self.ground.arrive()
    }

    /// Every provider's state.
    pub fn snapshot(&self) -> Vec<Snapshot> {
        let now = self.ground.clock.millis();
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
                    at: self.ground.clock.unix(),
                }
            })
            .collect()
    }

    /// Time by the board's clock.
    pub fn now(&self) -> Millis {
        self.ground.clock.millis()
    }

    /// Takes an observation in, and tells what changed.
    pub fn observe(&self, index: IdpIndex, observation: Observation) {
        self.slots[index.0].observe(observation);
    }

    /// Asks a provider before a login, in a request begun after the login arrived (`arrived` from
    /// [`Board::arrive`]). One request is in flight for each provider; all logins that arrived before it
    /// began share its answer. Evidence of life not older than `max_age` is accepted instead.
    pub async fn ask(&self, index: IdpIndex, arrived: u64, budget: Duration, max_age: Duration) -> bool {
        if !max_age.is_zero() {
            let member = lock(&self.slots[index.0].member);
            let max_age = u64::try_from(max_age.as_millis()).unwrap_or(u64::MAX);
            if member.answered_within(max_age, self.ground.clock.millis()) {
                return true;
            }
        }
        self.slots[index.0].share(Question::PreFlight, arrived, budget).await
    }

    /// Asks a provider after a sign-in failed there, in a request begun now or shared with others that wait.
    pub async fn check(&self, index: IdpIndex, budget: Duration) -> bool {
        self.slots[index.0].share(Question::Check, self.arrive(), budget).await
    }
}

impl Slot {
    fn new(idp: &Idp, opened: &Opened, damped: bool, before: Option<&Slot>, ground: &Ground) -> Self {
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
    fn observe(&self, observation: Observation) {
        let changes = lock(&self.member).observe(observation, self.ground.clock.millis());
        for change in changes {
            if matches!(change, Change::Suspected(_)) {
                self.suspected.notify_one();
            }
            self.ground.telling.tell(&Event::Changed { connector: &self.name, change: &change });
        }
    }

    fn is_available(&self) -> bool {
        lock(&self.member).is_available()
    }

    async fn share(self: &Arc<Self>, question: Question, arrived: u64, budget: Duration) -> bool {
        let (flight, landed) = &self.flights[question as usize];
        let came = Instant::now();
        loop {
            let landing = landed.notified();
            tokio::pin!(landing);
            // Listen before looking, or a landing in between would be missed.
            landing.as_mut().enable();
            let answer;
            {
                let mut flight = lock(flight);
                answer = flight.last.filter(|landed| landed.counts_for(arrived));
                if answer.is_none() && !flight.running {
                    flight.running = true;
                    let landing = Landing {
                        slot: self.clone(),
                        question,
                        begun: self.ground.arrive(),
                        started: Instant::now(),
                        well: false,
                    };
                    // Spawned: a login that goes away must not leave the others without an answer.
                    self.ground.runtime.spawn(self.clone().fly(landing, budget));
                }
            }
            match answer {
                Some(landed) if landed.well => return true,
                Some(landed) => {
                    tokio::time::sleep(landed.step_back(came.elapsed())).await;
                    return false;
                }
                None => landing.await,
            }
        }
    }

    async fn fly(self: Arc<Self>, mut landing: Landing, budget: Duration) {
        let asking = match (self.simulated(), landing.question) {
            (Some(unwell), _) => Box::pin(async { Verdict::unwell(unwell) }),
            (None, Question::PreFlight) => self.connector.pre_flight(budget),
            (None, Question::Check) => self.connector.check(budget),
        };
        let answered = tokio::time::timeout(budget, asking).await;
        let took = landing.started.elapsed();
        let telling = &self.ground.telling;
        telling.metrics.asked(&self.name, took);
        let outcome = match answered {
            Ok(verdict) => verdict.outcome.map_err(|unwell| (unwell.reason, unwell.detail)),
            Err(_) => Err((Reason::Timeout, format!("no answer within {} ms", budget.as_millis()))),
        };
        match outcome {
            Ok(()) => {
                landing.well = true;
                self.observe(Observation::PreFlightOk);
            }
            // This machine could not ask, which says nothing about the provider: go on as if it had not.
            Err((Reason::OurLimit, detail)) => {
                landing.well = true;
                telling.tell(&Event::NotAsked { connector: &self.name, detail: &detail });
            }
            Err((reason, detail)) => {
                let (connector, detail, millis) = (self.name.as_str(), detail.as_str(), Some(millis(took)));
                telling.tell(&Event::PreFlightFailed { connector, reason, detail, millis });
                self.observe(Observation::PreFlightFailed(reason));
            }
        }
    }

    /// Takes the answer to a scheduled probe in.
    fn probed(&self, verdict: &Verdict, took: Duration) {
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
    fn last_probe(&self) -> Option<Instant> {
        *lock(&self.last_probe)
    }

    /// The failure that a pretended outage is, while it lasts: a function of the time since start.
    fn simulated(&self) -> Option<Unwell> {
        let simulation = self.check.simulation.as_ref()?;
        let down = simulation.is_down(Duration::from_millis(self.ground.clock.millis().0));
        down.then(|| Unwell::new(Reason::Simulated, "the outage is pretended (healthCheck.simulation)"))
    }
}

/// A question under way. However it ends, also by a panic, those who wait learn it.
struct Landing {
    slot: Arc<Slot>,
    question: Question,
    begun: u64,
    started: Instant,
    well: bool,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let (flight, landed) = &self.slot.flights[self.question as usize];
        {
            let mut flight = lock(flight);
            flight.running = false;
            flight.last = Some(Landed {
                begun: self.begun,
                ended: self.slot.ground.arrive(),
                well: self.well,
                took: self.started.elapsed(),
            });
        }
        landed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::connector::{Answer, Begin, BeginRequest, CompleteRequest, Fault, Identity};
    use crate::serve::telemetry::EventCounts;

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
        let ground = Ground {
            telling: Arc::new(Telling::new(&EventCounts::default(), clock.clone())),
            clock: clock.clone(),
            runtime: Handle::current(),
            order: Arc::new(AtomicU64::new(1)),
        };
        let slot = Slot {
            name: "a".into(),
            connector,
            mark: Mark::default(),
            provider: Mark::default(),
            damped: true,
            watched: true,
            says_no: false,
            member: Mutex::new(Member::new(Settings::of(&check, true), clock.millis())),
            check,
            flights: Default::default(),
            suspected: Notify::new(),
            last_probe: Mutex::new(None),
            retired: CancellationToken::new(),
            ground: ground.clone(),
        };
        Arc::new(Board { slots: vec![Arc::new(slot)], serving: Mutex::default(), ground })
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
