//! When a provider is asked, how long an answer may take, and for whom an answer counts. The rules of
//! `serve`, as values, so that `drill` rehearses with them and not with a copy.

use crate::config::connectors::HealthCheck;
use crate::connector::continuity::config::PreFlight;
use crate::value::Duration;

/// Shortest time between the starts of two scheduled probes, in milliseconds.
pub const INTERVAL_MILLIS_MIN: u64 = 1_000;
/// Interval of the probes that clear the suspicion of a provider nobody watches, and the budget of each, in
/// milliseconds.
pub const RECOVERY_MILLIS: u64 = 10_000;
/// How long a provider may take with an answer in the middle of a sign-in before we ask ourselves whether it
/// is well, in milliseconds. Together with the pre-flight's budget this bounds what a provider that hangs in
/// the middle costs.
pub const DOUBT_MILLIS: u64 = 250;
/// And how long after that question until it is asked again, in milliseconds.
pub const DOUBT_AGAIN_MILLIS: u64 = 500;
/// Budget of that question, in milliseconds: with the doubt and a restart, less than what a pre-flight costs.
pub const CHECK_MILLIS_MAX: u64 = 2_500;
/// The part of a failed question's time, beyond what one has waited oneself, by which one steps back.
pub const STEP_BACK_SHARE: u32 = 4;

/// Scheduled probes of one provider: the first at once, the second after a phase that differs by node so that
/// many nodes do not ask in step, from then on one interval from start to start, which keeps detection at
/// `threshold x interval + timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From start to start, in milliseconds.
    pub interval: u64,
    /// Budget of one probe, in milliseconds; never above the interval, so that probes do not overlap.
    pub timeout: u64,
}

impl Pace {
    /// Of a health check.
    pub fn of(check: &HealthCheck) -> Self {
        let interval = check.interval.as_millis().max(INTERVAL_MILLIS_MIN);
        Pace { interval, timeout: check.timeout.as_millis().min(interval).max(1) }
    }

    /// When the next probe is due, after one that was due at `due` and began at `begun` (both milliseconds on
    /// one clock). `phase` is that of the provider after its first probe and `None` afterwards. What was missed
    /// while a machine slept is not made up for.
    pub fn next(self, due: u64, begun: u64, phase: Option<u64>) -> u64 {
        let next = due + phase.map_or(self.interval, |phase| phase.max(INTERVAL_MILLIS_MIN));
        if next + self.interval < begun { begun + self.interval } else { next }
    }
}

/// Budget of the question in the middle of a sign-in. Where a continuity connector of the provider gives slow
/// ones more time before a sign-in, they have it here too.
pub fn check_budget<'a>(groups: impl IntoIterator<Item = &'a PreFlight>) -> Duration {
    let patient = groups
        .into_iter()
        .map(|pre_flight| pre_flight.timeout)
        .filter(|timeout| *timeout > PreFlight::default().timeout)
        .max();
    patient.unwrap_or(Duration::from_millis(CHECK_MILLIS_MAX))
}

/// The last question of its kind to one provider that was answered. `begun` and `ended` are places in the
/// order of all arrivals, beginnings and ends on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landed {
    /// When it was asked.
    pub begun: u64,
    /// When it was answered.
    pub ended: u64,
    /// The answer.
    pub well: bool,
    /// How long it took.
    pub took: std::time::Duration,
}

impl Landed {
    /// Whether it is evidence for a login that arrived at this place in the order: asked after the login came,
    /// or a failure that ended after the login came, whenever it began.
    pub fn counts_for(&self, arrived: u64) -> bool {
        self.begun > arrived || (!self.well && self.ended > arrived)
    }

    /// After a failure everybody who waited goes on at once, to a provider that had little to do until now:
    /// who waited least steps back this long for those who waited longest.
    pub fn step_back(&self, waited: std::time::Duration) -> std::time::Duration {
        self.took.saturating_sub(waited) / STEP_BACK_SHARE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_keep_their_interval() {
        let check = HealthCheck {
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(40),
            ..HealthCheck::default()
        };
        let pace = Pace::of(&check);
        assert_eq!(pace, Pace { interval: 30_000, timeout: 30_000 }, "a probe ends before the next begins");
        assert_eq!(pace.next(0, 0, Some(7_000)), 7_000);
        assert_eq!(pace.next(0, 0, Some(3)), 1_000, "the floor holds for the phase too");
        assert_eq!(pace.next(7_000, 7_000, None), 37_000);
        assert_eq!(pace.next(7_000, 30_000, None), 37_000, "a late one does not move the others");
        assert_eq!(pace.next(7_000, 900_000, None), 930_000, "after a sleep, from now");
    }

    #[test]
    fn the_slowest_group_decides_the_budget_of_a_check() {
        let group = |secs| PreFlight { timeout: Duration::from_secs(secs), ..PreFlight::default() };
        assert_eq!(check_budget(&[group(3)]), Duration::from_millis(CHECK_MILLIS_MAX));
        assert_eq!(check_budget(&[group(1), group(8), group(5)]), Duration::from_secs(8));
        assert_eq!(check_budget([]), Duration::from_millis(CHECK_MILLIS_MAX));
    }

    #[test]
    fn evidence_is_younger_than_the_login_or_a_failure_seen_while_it_waited() {
        let secs = std::time::Duration::from_secs;
        let landed = |begun, ended, well| Landed { begun, ended, well, took: secs(3) };
        assert!(landed(5, 9, true).counts_for(4));
        assert!(!landed(3, 9, true).counts_for(4), "an older answer is no evidence of life");
        assert!(landed(3, 9, false).counts_for(4));
        assert!(!landed(1, 3, false).counts_for(4));
        assert_eq!(landed(1, 3, false).step_back(secs(1)), std::time::Duration::from_millis(500));
        assert_eq!(landed(1, 3, false).step_back(secs(9)), secs(0));
    }
}
