//! Health and order to an ordered plan, with a reason for each member.

use super::state::{Member, Standing};
use crate::health::Reason;

/// Why a member stands where it stands in a plan, or is not in it. The code is stable: the same in log,
/// probe, drill and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// First of the list, and available.
    Primary,
    /// Available; those before it are not.
    Failover,
    /// Available; tried should those before it fail.
    Standby,
    /// Not available.
    Unhealthy(Option<Reason>),
    /// New logins skip it until a probe succeeds.
    Suspect(Reason),
    /// Weaker than what the app needs.
    BelowAssurance,
    /// Was tried in this login.
    AlreadyTried,
    /// Nobody is available; tried once all the same, in order.
    LastTry,
    /// Nobody is available, and the configuration says to send people to the primary anyway.
    LastResort,
    /// A sign-in stumbled there, the member was asked, and was well: the person may try it once more.
    SameAgain,
}

/// Every code of [`Why`], and what it means.
pub const WHYS: &[(&str, &str)] = &[
    ("primary", "The first of the list, and available."),
    ("failover", "Available; those before it are not."),
    ("standby", "Available; it is tried should those before it fail."),
    ("unhealthy", "Not available: its threshold of failed probes was reached."),
    ("suspect", "Skipped by new logins after a question of ours failed, until a probe succeeds."),
    ("below-assurance", "Authenticates more weakly than the app demands, and never serves there."),
    ("already-tried", "Was tried in this login, in vain."),
    ("began-there", "The provider began the sign-in itself, at the page that is configured for that."),
    ("same-again", "A failure in a callback, and the provider is well: the person tries it once more."),
    ("last-try", "Nobody is available; each is asked once all the same, in order."),
    ("last-resort", "Nobody is available, and the configuration says to send people to the primary anyway."),
];

impl Why {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Why::Primary => "primary",
            Why::Failover => "failover",
            Why::Standby => "standby",
            Why::Unhealthy(_) => "unhealthy",
            Why::Suspect(_) => "suspect",
            Why::BelowAssurance => "below-assurance",
            Why::AlreadyTried => "already-tried",
            Why::LastTry => "last-try",
            Why::LastResort => "last-resort",
            Why::SameAgain => "same-again",
        }
    }

    /// What made a provider unavailable, where that is why.
    pub fn because(self) -> Option<Reason> {
        match self {
            Why::Unhealthy(reason) => reason,
            Why::Suspect(reason) => Some(reason),
            _ => None,
        }
    }
}

/// What a choice looks at, per candidate in the order of the configuration.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// Its state; `None` for a provider nobody watches, which counts as available.
    pub member: Option<&'a Member>,
    /// How strongly it authenticates.
    pub assurance: Option<u8>,
    /// Was tried in this login.
    pub tried: bool,
}

impl Candidate<'_> {
    /// Whether it authenticates strongly enough: at the level or above, when one is asked for.
    pub fn is_strong_enough(&self, minimum_assurance: Option<u8>) -> bool {
        minimum_assurance.is_none_or(|least| self.assurance.is_some_and(|have| have >= least))
    }
}

/// An ordered plan: whom to try, and why the others are not in it. Numbers are places in the list of
/// candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// To be tried, in order.
    pub order: Vec<(usize, Why)>,
    /// Not to be tried.
    pub skipped: Vec<(usize, Why)>,
}

impl Plan {
    /// Who goes first.
    pub fn first(&self) -> Option<(usize, Why)> {
        self.order.first().copied()
    }
}

/// Chooses. A plan never has a member below `minimum_assurance`, nor one without a level when a level is
/// asked for. When nobody is available, all that are strong enough are tried once, in order.
pub fn choose(candidates: &[Candidate<'_>], minimum_assurance: Option<u8>) -> Plan {
    let mut plan = Plan { order: Vec::new(), skipped: Vec::new() };
    let mut unavailable = Vec::new();
    for (i, candidate) in candidates.iter().enumerate() {
        if !candidate.is_strong_enough(minimum_assurance) {
            plan.skipped.push((i, Why::BelowAssurance));
        } else if candidate.tried {
            plan.skipped.push((i, Why::AlreadyTried));
        } else if let Some(why) = unavailable_because(candidate.member) {
            unavailable.push((i, why));
        } else {
            let why = match (plan.order.is_empty(), i) {
                (true, 0) => Why::Primary,
                (true, _) => Why::Failover,
                (false, _) => Why::Standby,
            };
            plan.order.push((i, why));
        }
    }
    if plan.order.is_empty() {
        plan.order = unavailable.iter().map(|(i, _)| (*i, Why::LastTry)).collect();
    }
    plan.skipped.extend(unavailable);
    plan
}

fn unavailable_because(member: Option<&Member>) -> Option<Why> {
    let member = member?;
    match (member.standing(), member.suspect()) {
        (Standing::Unhealthy, _) => Some(Why::Unhealthy(member.last_reason())),
        (_, Some(reason)) => Some(Why::Suspect(reason)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    /// Each code is explained, and nothing else is.
    #[test]
    fn every_code_is_explained() {
        use super::{WHYS, Why};
        use crate::health::Reason;
        let all = [
            Why::Primary,
            Why::Failover,
            Why::Standby,
            Why::Unhealthy(None),
            Why::Suspect(Reason::Timeout),
            Why::BelowAssurance,
            Why::AlreadyTried,
            Why::SameAgain,
            Why::LastTry,
            Why::LastResort,
        ];
        let codes: Vec<_> = all.into_iter().map(Why::code).collect();
        // One is no choice of ours.
        let explained = WHYS.iter().map(|(code, _)| *code).filter(|code| *code != "began-there");
        assert_eq!(codes, explained.collect::<Vec<_>>());
    }

    use super::*;
    use crate::ambient::Millis;
    use crate::continuity::state::{Observation, Settings};

    fn member(observations: &[Observation]) -> Member {
        let settings = Settings { unhealthy_threshold: 1, healthy_threshold: 1, damped: false };
        let mut member = Member::new(settings, Millis(0));
        for observation in observations {
            member.observe(*observation, Millis(0));
        }
        member
    }

    fn codes(plan: &[(usize, Why)]) -> Vec<(usize, &'static str)> {
        plan.iter().map(|(i, why)| (*i, why.code())).collect()
    }

    #[test]
    fn order_health_and_assurance() {
        let (up, down) =
            (member(&[Observation::ProbeOk]), member(&[Observation::ProbeFailed(Reason::Timeout)]));
        let suspect = member(&[Observation::PreFlightFailed(Reason::Timeout)]);
        let candidate = |member, assurance| Candidate { member, assurance, tried: false };
        let plan = choose(&[candidate(Some(&up), None), candidate(None, None)], None);
        assert_eq!(codes(&plan.order), [(0, "primary"), (1, "standby")]);
        let plan = choose(
            &[candidate(Some(&down), None), candidate(Some(&suspect), None), candidate(Some(&up), None)],
            None,
        );
        assert_eq!(codes(&plan.order), [(2, "failover")]);
        assert_eq!(codes(&plan.skipped), [(0, "unhealthy"), (1, "suspect")]);
        let plan = choose(&[candidate(Some(&down), None), candidate(Some(&suspect), None)], None);
        assert_eq!(codes(&plan.order), [(0, "last-try"), (1, "last-try")]);
        let plan = choose(
            &[candidate(Some(&down), Some(3)), candidate(Some(&up), Some(1)), candidate(Some(&up), None)],
            Some(2),
        );
        assert_eq!(
            codes(&plan.order),
            [(0, "last-try")],
            "never a weaker one, even when the strong one is down"
        );
        let mut tried = candidate(Some(&up), None);
        tried.tried = true;
        let plan = choose(&[tried, candidate(Some(&up), None)], None);
        assert_eq!(codes(&plan.order), [(1, "failover")]);
    }
}
