//! The worldly half of continuity: the state of every provider on this node, and pre-flights that waiting
//! logins share.

mod flight;
pub mod history;
pub mod monitor;
mod slot;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;

pub use self::flight::Question;
use self::slot::{Ground, Slot, lock};
use crate::ambient::{Clock, Millis, UnixSecs};
use crate::connector::open::Opened;
use crate::continuity::choose::{Candidate, Why, choose};
use crate::continuity::state::{Member, Observation, Standing};
use crate::health::Reason;
use crate::model::{Continuity, ContinuityIndex, Deployment, IdpIndex};
use crate::serve::telemetry::events::passed_over;
use crate::serve::telemetry::{Event, Telling};

/// Every provider of this node, as one deployment has them. A reload makes another board, which takes over the
/// slots of providers that did not change: their state, their monitors, the questions under way.
pub struct Board {
    slots: Vec<Arc<Slot>>,
    /// Which member served the last login of each continuity connector; the primary at first.
    serving: Mutex<Vec<Serving>>,
    ground: Ground,
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

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::config::connectors::HealthCheck;
    use crate::connector::Connector;
    use crate::connector::open::Mark;
    use crate::continuity::state::Settings;
    use crate::serve::telemetry::EventCounts;

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
}
