//! The state of one provider on one node: thresholds, suspicion, flap damping (rows HC02, HC03, HC07, and
//! product rules on pre-flight).

use crate::ambient::Millis;
use crate::config::connectors::HealthCheck;
use crate::health::{Reason, Verdict};

/// Changes within this time count as flapping, in milliseconds.
pub const FLAP_WINDOW_MILLIS: u64 = 10 * 60 * 1000;
/// This many changes between available and not within the window double what it takes to be trusted again: the
/// healthy threshold, and the good probes that end a suspicion.
pub const FLAP_CHANGES: usize = 3;
/// Highest factor of the healthy threshold.
pub const DAMPING_FACTOR_MAX: u32 = 8;
/// Quiet time that halves the factor again, in milliseconds.
pub const FLAP_QUIET_MILLIS: u64 = 30 * 60 * 1000;

/// What the thresholds say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// No probe has answered yet; counts as available, or a restart in an outage would refuse everyone.
    Unknown,
    /// Well.
    Healthy,
    /// Not well.
    Unhealthy,
}

impl Standing {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Unknown => "unknown",
            Standing::Healthy => "healthy",
            Standing::Unhealthy => "unhealthy",
        }
    }
}

/// Thresholds of one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Consecutive failures until unhealthy.
    pub unhealthy_threshold: u32,
    /// Consecutive successes until healthy again.
    pub healthy_threshold: u32,
    /// Whether flapping raises the healthy threshold.
    pub damped: bool,
}

impl Settings {
    /// Of a health check.
    pub fn of(check: &HealthCheck, damped: bool) -> Self {
        Settings {
            unhealthy_threshold: check.unhealthy_threshold.max(1),
            healthy_threshold: check.healthy_threshold.max(1),
            damped,
        }
    }
}

/// What a request of ours brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// A scheduled probe found it well.
    ProbeOk,
    /// A scheduled probe found it unwell.
    ProbeFailed(Reason),
    /// A scheduled probe of a custom endpoint answered "no": an operator's word, so suspect at once.
    SaidNo(Reason),
    /// A request before or during a login found it well.
    PreFlightOk,
    /// A request before or during a login found it unwell.
    PreFlightFailed(Reason),
}

impl Observation {
    /// What a scheduled probe means. A custom endpoint (`says_no`) that answers, and not as it must, is an
    /// operator's word; anything else counts towards the thresholds.
    pub fn of(verdict: &Verdict, says_no: bool) -> Self {
        match &verdict.outcome {
            Ok(()) => Observation::ProbeOk,
            Err(unwell) => match unwell.reason {
                reason @ (Reason::Status | Reason::Body | Reason::Header) if says_no => {
                    Observation::SaidNo(reason)
                }
                reason => Observation::ProbeFailed(reason),
            },
        }
    }
}

/// A transition, with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The standing changed.
    Standing {
        /// From.
        from: Standing,
        /// To.
        to: Standing,
        /// Why: `None` when it recovered.
        reason: Option<Reason>,
    },
    /// New logins skip it until a probe succeeds.
    Suspected(Reason),
    /// A probe succeeded, the suspicion is over.
    Cleared,
    /// It flaps: the healthy threshold is multiplied by this factor now.
    Damped(u32),
}

/// One provider on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    settings: Settings,
    standing: Standing,
    suspect: Option<Reason>,
    failures: u32,
    successes: u32,
    last_reason: Option<Reason>,
    since: Millis,
    last_good: Option<Millis>,
    changes: Vec<Millis>,
    factor: u32,
    quiet_since: Millis,
    /// Good probes in a row since it became suspect.
    good_since_suspected: u32,
}

impl Member {
    /// Not asked yet.
    pub fn new(settings: Settings, now: Millis) -> Self {
        Member {
            settings,
            standing: Standing::Unknown,
            suspect: None,
            failures: 0,
            successes: 0,
            last_reason: None,
            since: now,
            last_good: None,
            changes: Vec::new(),
            factor: 1,
            quiet_since: now,
            good_since_suspected: 0,
        }
    }

    /// Takes an observation in and returns what changed, in order.
    pub fn observe(&mut self, observation: Observation, now: Millis) -> Vec<Change> {
        let mut changes = Vec::new();
        self.calm_down(now);
        let known_before = self.standing != Standing::Unknown;
        let available_before = self.is_available();
        match observation {
            Observation::ProbeOk => {
                self.last_good = Some(now);
                self.failures = 0;
                self.successes = self.successes.saturating_add(1);
                self.good_since_suspected = self.good_since_suspected.saturating_add(1);
                // One good probe ends a suspicion; as many as the factor when it flaps.
                if self.suspect.is_some() && self.good_since_suspected >= self.factor {
                    self.suspect = None;
                    changes.push(Change::Cleared);
                }
                match self.standing {
                    Standing::Healthy => {}
                    Standing::Unknown => self.turn(Standing::Healthy, None, now, &mut changes),
                    Standing::Unhealthy => {
                        if self.successes >= self.healthy_threshold_now() {
                            self.turn(Standing::Healthy, None, now, &mut changes);
                        }
                    }
                }
                if self.is_available() {
                    self.last_reason = None;
                }
            }
            Observation::ProbeFailed(reason) => self.failed(reason, now, &mut changes),
            Observation::SaidNo(reason) => {
                self.suspected(reason, &mut changes);
                self.failed(reason, now, &mut changes);
            }
            // Evidence that it lives serves the login that asked; thresholds count scheduled probes only.
            Observation::PreFlightOk => self.last_good = Some(now),
            Observation::PreFlightFailed(reason) => {
                self.last_reason = Some(reason);
                self.suspected(reason, &mut changes);
            }
        }
        if known_before && available_before != self.is_available() {
            self.flipped(now, &mut changes);
        }
        changes
    }

    /// Logins go there no more, or again: what counts as flapping (row HC07).
    fn flipped(&mut self, now: Millis, changes: &mut Vec<Change>) {
        self.quiet_since = now;
        self.changes.retain(|at| now.since(*at) < FLAP_WINDOW_MILLIS);
        self.changes.push(now);
        if self.settings.damped && self.changes.len() >= FLAP_CHANGES && self.factor < DAMPING_FACTOR_MAX {
            self.factor *= 2;
            self.changes.clear();
            changes.push(Change::Damped(self.factor));
        }
    }

    fn failed(&mut self, reason: Reason, now: Millis, changes: &mut Vec<Change>) {
        self.last_reason = Some(reason);
        self.successes = 0;
        self.good_since_suspected = 0;
        self.failures = self.failures.saturating_add(1);
        if self.standing != Standing::Unhealthy && self.failures >= self.settings.unhealthy_threshold {
            self.turn(Standing::Unhealthy, Some(reason), now, changes);
        }
    }

    fn suspected(&mut self, reason: Reason, changes: &mut Vec<Change>) {
        if self.suspect.is_none() {
            changes.push(Change::Suspected(reason));
        }
        self.suspect = Some(reason);
        self.good_since_suspected = 0;
    }

    fn turn(&mut self, to: Standing, reason: Option<Reason>, now: Millis, changes: &mut Vec<Change>) {
        let from = self.standing;
        self.standing = to;
        self.since = now;
        changes.push(Change::Standing { from, to, reason });
    }

    fn calm_down(&mut self, now: Millis) {
        while self.factor > 1 && now.since(self.quiet_since) >= FLAP_QUIET_MILLIS {
            self.factor /= 2;
            self.quiet_since = self.quiet_since.plus(FLAP_QUIET_MILLIS);
        }
    }

    /// Whether a login may be sent there: neither unhealthy nor suspect.
    pub fn is_available(&self) -> bool {
        self.standing != Standing::Unhealthy && self.suspect.is_none()
    }

    /// What the thresholds say.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Why it is suspect, if it is.
    pub fn suspect(&self) -> Option<Reason> {
        self.suspect
    }

    /// Why the last request failed, until it is well again.
    pub fn last_reason(&self) -> Option<Reason> {
        self.last_reason
    }

    /// When the standing last changed.
    pub fn since(&self) -> Millis {
        self.since
    }

    /// When it last answered well, to a probe or before a login.
    pub fn last_good(&self) -> Option<Millis> {
        self.last_good
    }

    /// Whether it is available and answered well within the last `max_age` milliseconds: evidence that is
    /// accepted instead of a pre-flight where the configuration says so. Zero accepts nothing.
    pub fn answered_within(&self, max_age: u64, now: Millis) -> bool {
        max_age > 0 && self.is_available() && self.last_good.is_some_and(|at| now.since(at) <= max_age)
    }

    /// Consecutive failures of scheduled probes.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Consecutive successes it needs now, damping included.
    pub fn healthy_threshold_now(&self) -> u32 {
        self.settings.healthy_threshold.saturating_mul(self.factor)
    }

    /// The same state under new thresholds: a reload keeps what is known.
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTINGS: Settings = Settings { unhealthy_threshold: 3, healthy_threshold: 2, damped: true };
    const FAILED: Observation = Observation::ProbeFailed(Reason::ConnectionRefused);

    fn after(observations: &[Observation]) -> Member {
        let mut member = Member::new(SETTINGS, Millis(0));
        for (i, observation) in observations.iter().enumerate() {
            member.observe(*observation, Millis(i as u64 * 1000));
        }
        member
    }

    #[test]
    fn only_consecutive_failures_count() {
        use Observation::ProbeOk;
        assert_eq!(after(&[ProbeOk, FAILED, FAILED, ProbeOk, FAILED, FAILED]).standing(), Standing::Healthy);
        assert_eq!(after(&[ProbeOk, FAILED, FAILED, FAILED]).standing(), Standing::Unhealthy);
        assert_eq!(
            after(&[FAILED, FAILED]).standing(),
            Standing::Unknown,
            "down at boot: after the threshold"
        );
        assert_eq!(after(&[FAILED, FAILED, FAILED]).standing(), Standing::Unhealthy);
        let down = [FAILED, FAILED, FAILED];
        assert_eq!(after(&[&down[..], &[ProbeOk]].concat()).standing(), Standing::Unhealthy);
        assert_eq!(after(&[&down[..], &[ProbeOk, FAILED, ProbeOk]].concat()).standing(), Standing::Unhealthy);
        assert_eq!(after(&[&down[..], &[ProbeOk, ProbeOk]].concat()).standing(), Standing::Healthy);
    }

    #[test]
    fn suspicion_ends_with_a_probe_and_touches_no_threshold() {
        let suspected = Observation::PreFlightFailed(Reason::Timeout);
        let member = after(&[Observation::ProbeOk, suspected]);
        assert!(!member.is_available() && member.standing() == Standing::Healthy && member.failures() == 0);
        assert!(!after(&[Observation::ProbeOk, suspected, Observation::PreFlightOk]).is_available());
        assert!(after(&[Observation::ProbeOk, suspected, Observation::ProbeOk]).is_available());
        let no = Observation::SaidNo(Reason::Body);
        assert!(!after(&[Observation::ProbeOk, no]).is_available(), "an operator's word counts at once");
    }

    #[test]
    fn flapping_is_damped_and_forgiven() {
        let mut member = Member::new(SETTINGS, Millis(0));
        let mut now = Millis(0);
        let mut go = |member: &mut Member, observation, times: u32| {
            for _ in 0..times {
                now = now.plus(1000);
                member.observe(observation, now);
            }
        };
        go(&mut member, Observation::ProbeOk, 1);
        go(&mut member, FAILED, 3);
        go(&mut member, Observation::ProbeOk, 2);
        go(&mut member, FAILED, 3);
        assert_eq!(member.healthy_threshold_now(), 4, "three changes in ten minutes");
        go(&mut member, Observation::ProbeOk, 3);
        assert_eq!(member.standing(), Standing::Unhealthy);
        go(&mut member, Observation::ProbeOk, 1);
        assert_eq!(member.standing(), Standing::Healthy);
        go(&mut member, Observation::ProbeOk, (FLAP_QUIET_MILLIS / 1000) as u32 + 1);
        assert_eq!(member.healthy_threshold_now(), 2);
    }

    proptest! {
        #[test]
        fn invariants(observations in proptest::collection::vec(0..5u8, 0..400), step in 1..120_000u64) {
            let mut member = Member::new(SETTINGS, Millis(0));
            let mut failures_in_a_row = 0u32;
            for (i, which) in observations.iter().enumerate() {
                let now = Millis(i as u64 * step);
                let observation = match which {
                    0 => Observation::ProbeOk,
                    1 => FAILED,
                    2 => Observation::PreFlightOk,
                    3 => Observation::PreFlightFailed(Reason::Timeout),
                    _ => Observation::SaidNo(Reason::Status),
                };
                let before = member.clone();
                let changes = member.observe(observation, now);
                match observation {
                    Observation::ProbeOk => failures_in_a_row = 0,
                    Observation::ProbeFailed(_) | Observation::SaidNo(_) => failures_in_a_row += 1,
                    _ => {}
                }
                // No demotion without that many failures of ours; every transition has its record.
                if before.standing() != Standing::Unhealthy && member.standing() == Standing::Unhealthy {
                    prop_assert!(failures_in_a_row >= SETTINGS.unhealthy_threshold);
                }
                let told = changes.iter().any(|c| matches!(c, Change::Standing { .. }));
                prop_assert_eq!(told, before.standing() != member.standing());
                let told = changes.iter().any(|c| matches!(c, Change::Suspected(_) | Change::Cleared));
                prop_assert_eq!(told, before.suspect().is_some() != member.suspect().is_some());
                // What is not available can say why.
                prop_assert!(member.is_available() || member.last_reason().is_some());
                prop_assert!(member.healthy_threshold_now() <= SETTINGS.healthy_threshold * DAMPING_FACTOR_MAX);
            }
        }
    }
}
