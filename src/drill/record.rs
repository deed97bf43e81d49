//! What happened: the timeline, what became of the logins, and how long each fault went unnoticed.

use std::collections::BTreeMap;

use super::plan::Plan;
use crate::continuity::state::Standing;
use crate::continuity::{Change, Member, Why};
use crate::health::Reason;

/// Most entries of a timeline; further ones are counted.
pub const ENTRIES_MAX: usize = 20_000;
/// A login that takes longer than this beyond the usual counts as delayed, in milliseconds.
pub const DELAYED_MILLIS: u64 = 250;

/// Something worth a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// When, in milliseconds.
    pub at: u64,
    /// What.
    pub what: What,
}

/// What happened. Numbers are places among the members or the faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A fault begins.
    FaultBegins(usize),
    /// A fault ends.
    FaultEnds(usize),
    /// The state of a member changed.
    Changed(usize, Change),
    /// Logins go to another member than before.
    Serves {
        /// Before.
        from: usize,
        /// Now.
        to: usize,
        /// Why.
        why: Why,
    },
    /// A login under way begins again without this member.
    Restarted(usize, Reason),
    /// Nobody is available, after somebody was.
    Exhausted,
    /// The member that served before serves again, after nobody was available.
    ServesAgain(usize, Why),
}

/// Why a person is not in the app after one more try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// Nobody was available.
    Exhausted,
    /// Sent to a page that was dead already.
    DeadPage,
    /// The provider's answer could not be accepted.
    Rejected,
    /// The provider was well, and failed the sign-in twice.
    GaveUp,
}

impl Failure {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Failure::Exhausted => "exhausted",
            Failure::DeadPage => "dead-page",
            Failure::Rejected => "rejected",
            Failure::GaveUp => "gave-up",
        }
    }
}

/// What became of the logins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logins {
    /// People who came.
    pub begun: u64,
    /// Of them, in the app, by the member that signed them in.
    pub signed_in: Vec<u64>,
    /// Not in the app after one more try, by why.
    pub failed: BTreeMap<Failure, u64>,
    /// Signed in after an error page and one more try.
    pub retried: u64,
    /// Began again at another member after their browser had been sent away.
    pub restarted: u64,
    /// Stood on a page of a provider when it died, and came back later.
    pub stranded: u64,
    /// Still under way when the drill ended.
    pub under_way: u64,
    /// How much longer than usual each took that signed in and was not stranded, in milliseconds.
    pub delays: Vec<u32>,
    /// Browsers sent to each member, by why.
    pub selections: Vec<BTreeMap<&'static str, u64>>,
}

impl Logins {
    /// How many signed in.
    pub fn succeeded(&self) -> u64 {
        self.signed_in.iter().sum()
    }

    /// How many failed.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// How many took noticeably longer than usual.
    pub fn delayed(&self) -> u64 {
        self.delays.iter().filter(|delay| u64::from(**delay) > DELAYED_MILLIS).count() as u64
    }

    /// The longest delay, in milliseconds.
    pub fn worst_delay(&self) -> u64 {
        self.delays.iter().max().copied().unwrap_or_default().into()
    }

    /// The delay that one of a hundred logins exceeds, in milliseconds.
    pub fn p99_delay(&self) -> u64 {
        let mut sorted = self.delays.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * 99).div_ceil(100).saturating_sub(1);
        sorted.get(rank).copied().unwrap_or_default().into()
    }
}

/// How one fault was noticed, and its end. Milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultRecord {
    /// From its beginning until logins avoided the member: suspect or unhealthy.
    pub noticed: Option<u64>,
    /// From its beginning until the thresholds called the member unhealthy.
    pub unhealthy: Option<u64>,
    /// From its end until logins went to the member again, where they had avoided it.
    pub recovered: Option<u64>,
}

/// What happened in a drill of one continuity connector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// In order.
    pub timeline: Vec<Entry>,
    /// Entries beyond [`ENTRIES_MAX`].
    pub cut: u64,
    /// What became of the logins.
    pub logins: Logins,
    /// Per fault.
    pub faults: Vec<FaultRecord>,
    /// How often another member took over, failbacks included.
    pub switches: u64,
    /// Scheduled probes.
    pub probes: u64,
    /// Per member: how it stood, from when on.
    pub stretches: Vec<Vec<(u64, State)>>,
}

/// How a member stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not asked yet.
    Unknown,
    /// Well.
    Healthy,
    /// New logins skip it.
    Suspect,
    /// Not well.
    Unhealthy,
}

impl State {
    /// Of a member.
    pub fn of(member: &Member) -> Self {
        match (member.standing(), member.suspect()) {
            (Standing::Unhealthy, _) => State::Unhealthy,
            (_, Some(_)) => State::Suspect,
            (Standing::Unknown, None) => State::Unknown,
            (Standing::Healthy, None) => State::Healthy,
        }
    }

    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            State::Unknown => "unknown",
            State::Healthy => "healthy",
            State::Suspect => "suspect",
            State::Unhealthy => "unhealthy",
        }
    }
}

impl Record {
    pub(super) fn new(plan: &Plan) -> Self {
        let members = plan.seats.len();
        Record {
            logins: Logins {
                signed_in: vec![0; members],
                selections: vec![BTreeMap::new(); members],
                ..Logins::default()
            },
            faults: vec![FaultRecord::default(); plan.windows.len()],
            stretches: vec![vec![(0, State::Unknown)]; members],
            ..Record::default()
        }
    }

    pub(super) fn tell(&mut self, at: u64, what: What) {
        if self.timeline.len() < ENTRIES_MAX {
            self.timeline.push(Entry { at, what });
        } else {
            self.cut += 1;
        }
    }

    /// A member's state after an observation that changed it, or after a fault of it began or ended.
    pub(super) fn look(&mut self, plan: &Plan, place: usize, member: &Member, now: u64) {
        let state = State::of(member);
        let stretches = &mut self.stretches[place];
        if stretches.last().is_none_or(|(_, last)| *last != state) && stretches.len() < ENTRIES_MAX {
            stretches.push((now, state));
        }
        // A change belongs to the fault of the member that began last.
        let begun = |w: &&super::weather::Window| w.member == place && w.from <= now;
        let Some(window) = plan.windows.iter().filter(begun).max_by_key(|window| window.from) else { return };
        let fault = &mut self.faults[window.fault_number];
        let since = now - window.from;
        if !member.is_available() && fault.noticed.is_none() && fault.recovered.is_none() {
            fault.noticed = Some(since);
        }
        if member.standing() == Standing::Unhealthy && fault.unhealthy.is_none() {
            fault.unhealthy = Some(since);
        }
        if now >= window.until
            && member.is_available()
            && fault.noticed.is_some()
            && fault.recovered.is_none()
        {
            fault.recovered = Some(now - window.until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_counted_from_the_noticeable_on() {
        let delays = (1..=200).map(|n| n * 10).collect();
        let logins = Logins { delays, ..Logins::default() };
        assert_eq!((logins.delayed(), logins.worst_delay(), logins.p99_delay()), (175, 2_000, 1_980));
        assert_eq!(Logins::default().p99_delay(), 0);
    }
}
