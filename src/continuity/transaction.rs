//! One login as a pure state machine: whom to ask first, whom to send the browser to, what a failure in
//! the middle means. `serve` runs it against the world, `drill` against scripted faults.
//!
//! ```text
//!            ask the member              it answers
//!  begin ──► PreFlight(member) ─────────────────────► Send(member) ──► (browser away)
//!              │ no answer: suspect, next member                          │
//!              └──────────────► ... ──► Exhausted                 comes back, or the provider fails:
//!                                                                 Check(member): ask it ourselves
//!                                                                   │ well: same member again (or a fault)
//!                                                                   └ unwell: begin again without it
//! ```

use super::choose::{Candidate, Plan, Why, choose};

/// Most attempts of one login, whatever the plan says: each member once, and one more after a check that
/// found the member well after all.
pub const RETRIES_AT_SAME_MEMBER_MAX: u8 = 1;

/// A login. Numbers are places in the list of candidates, which does not change during a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    tried: Vec<usize>,
    current: Option<(usize, Why)>,
    retries: u8,
    minimum_assurance: Option<u8>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask this member first; then [`Login::asked`].
    PreFlight(usize, Why),
    /// Send the browser to this member.
    Send(usize, Why),
    /// Nobody is left.
    Exhausted,
}

/// What a failure after the browser was sent away leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterCheck {
    /// The member is well: the person may try it again.
    SameMember(usize),
    /// It is not: go on with [`Login::next`].
    Another,
    /// It is well, and was tried again already: tell the person.
    GiveUp,
}

impl Login {
    /// A login that may use the given level and above.
    pub fn new(minimum_assurance: Option<u8>) -> Self {
        Login { tried: Vec::new(), current: None, retries: 0, minimum_assurance }
    }

    /// A login that goes on after the members in `tried` failed it.
    pub fn resume(minimum_assurance: Option<u8>, tried: Vec<usize>, current: usize, retries: u8) -> Self {
        Login { tried, current: Some((current, Why::Standby)), retries, minimum_assurance }
    }

    /// The plan as things stand: health may have changed since the last step.
    pub fn plan(&self, candidates: &[Candidate<'_>]) -> Plan {
        let candidates: Vec<Candidate<'_>> = candidates
            .iter()
            .enumerate()
            .map(|(i, c)| Candidate { tried: c.tried || self.tried.contains(&i), ..c.clone() })
            .collect();
        choose(&candidates, self.minimum_assurance)
    }

    /// Whom to turn to now. With `ask_first`, members of a continuity connector are asked before a browser is
    /// sent there.
    pub fn next(&mut self, candidates: &[Candidate<'_>], ask_first: impl Fn(usize) -> bool) -> Step {
        match self.plan(candidates).first() {
            None => {
                self.current = None;
                Step::Exhausted
            }
            Some((member, why)) => {
                self.current = Some((member, why));
                if ask_first(member) { Step::PreFlight(member, why) } else { Step::Send(member, why) }
            }
        }
    }

    /// The answer to [`Step::PreFlight`]: `true` sends the browser there, `false` makes it a tried member, and
    /// `None` is returned so that the caller goes on with [`Login::next`].
    pub fn asked(&mut self, member: usize, well: bool) -> Option<Step> {
        if well {
            let why = self.current.filter(|(m, _)| *m == member).map_or(Why::Standby, |(_, why)| why);
            return Some(Step::Send(member, why));
        }
        self.give_up_on(member);
        None
    }

    /// Something went wrong after the browser was sent to `member`, and a request of ours asked the member
    /// since: was it well?
    pub fn checked(&mut self, member: usize, well: bool) -> AfterCheck {
        if !well {
            self.give_up_on(member);
            return AfterCheck::Another;
        }
        if self.retries < RETRIES_AT_SAME_MEMBER_MAX {
            self.retries += 1;
            return AfterCheck::SameMember(member);
        }
        AfterCheck::GiveUp
    }

    /// The member could not even begin (nothing at all is known of it).
    pub fn give_up_on(&mut self, member: usize) {
        if !self.tried.contains(&member) {
            self.tried.push(member);
        }
        self.current = None;
    }

    /// The member to send the browser to although it is down, once nobody is left: the first whose continuity
    /// connector has such a last resort, and which is strong enough.
    pub fn last_resort(
        &self,
        candidates: &[Candidate<'_>],
        allowed: impl Fn(usize) -> bool,
    ) -> Option<(usize, Why)> {
        let place = candidates
            .iter()
            .enumerate()
            .position(|(i, candidate)| candidate.is_strong_enough(self.minimum_assurance) && allowed(i))?;
        Some((place, Why::LastResort))
    }

    /// Members tried in vain, in order.
    pub fn tried(&self) -> &[usize] {
        &self.tried
    }

    /// Tries at one member beyond the first.
    pub fn retries(&self) -> u8 {
        self.retries
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ambient::Millis;
    use crate::continuity::state::{Member, Observation, Settings};
    use crate::health::Reason;

    const SETTINGS: Settings = Settings { unhealthy_threshold: 2, healthy_threshold: 2, damped: true };

    fn candidates(members: &[Member]) -> Vec<Candidate<'_>> {
        members.iter().map(|m| Candidate { member: Some(m), assurance: None, tried: false }).collect()
    }

    #[test]
    fn a_dead_primary_costs_one_question() {
        let mut members = vec![Member::new(SETTINGS, Millis(0)), Member::new(SETTINGS, Millis(0))];
        let mut login = Login::new(None);
        assert_eq!(login.next(&candidates(&members), |_| true), Step::PreFlight(0, Why::Primary));
        members[0].observe(Observation::PreFlightFailed(Reason::ConnectionRefused), Millis(1));
        assert_eq!(login.asked(0, false), None);
        assert_eq!(login.next(&candidates(&members), |_| true), Step::PreFlight(1, Why::Failover));
        assert_eq!(login.asked(1, true), Some(Step::Send(1, Why::Failover)));
        let mut later = Login::new(None);
        assert_eq!(later.next(&candidates(&members), |_| true), Step::PreFlight(1, Why::Failover));
    }

    #[test]
    fn a_person_cannot_talk_a_login_away_from_a_member_that_is_well() {
        let members = vec![Member::new(SETTINGS, Millis(0)), Member::new(SETTINGS, Millis(0))];
        let mut login = Login::new(None);
        login.next(&candidates(&members), |_| false);
        assert_eq!(login.checked(0, true), AfterCheck::SameMember(0));
        assert_eq!(login.checked(0, true), AfterCheck::GiveUp);
        assert!(login.tried().is_empty());
    }

    #[test]
    fn everybody_is_tried_once_and_then_it_ends() {
        let mut members = vec![Member::new(SETTINGS, Millis(0)); 3];
        let mut login = Login::new(None);
        let mut asked = Vec::new();
        while let Step::PreFlight(member, _) = login.next(&candidates(&members), |_| true) {
            asked.push(member);
            members[member].observe(Observation::PreFlightFailed(Reason::Timeout), Millis(0));
            assert_eq!(login.asked(member, false), None);
        }
        assert_eq!(asked, [0, 1, 2]);
        // A new login while all are suspect tries each once, in order, and ends as well.
        let mut next = Login::new(None);
        assert_eq!(next.next(&candidates(&members), |_| true), Step::PreFlight(0, Why::LastTry));
    }

    proptest! {
        /// Random health, answers and levels: a login ends, asks nobody twice, never goes below the level.
        #[test]
        fn logins_end_and_never_go_down(
            levels in proptest::collection::vec(proptest::option::of(1..4u8), 1..6),
            minimum in proptest::option::of(1..4u8),
            answers in proptest::collection::vec(any::<bool>(), 12),
            weather in proptest::collection::vec(0..4u8, 0..40),
        ) {
            let mut members = vec![Member::new(SETTINGS, Millis(0)); levels.len()];
            for (i, which) in weather.iter().enumerate() {
                let member = i % members.len();
                let observation = match which {
                    0 => Observation::ProbeOk,
                    1 => Observation::ProbeFailed(Reason::Status),
                    2 => Observation::PreFlightFailed(Reason::Timeout),
                    _ => Observation::PreFlightOk,
                };
                members[member].observe(observation, Millis(i as u64 * 1000));
            }
            let mut login = Login::new(minimum);
            let mut asked = Vec::new();
            let mut answers = answers.into_iter();
            loop {
                let view: Vec<Candidate<'_>> = members.iter().zip(&levels)
                    .map(|(m, a)| Candidate { member: Some(m), assurance: *a, tried: false }).collect();
                let step = login.next(&view, |_| true);
                let Step::PreFlight(member, _) = step else {
                    prop_assert_eq!(step, Step::Exhausted);
                    break;
                };
                prop_assert!(!asked.contains(&member), "asked twice");
                prop_assert!(minimum.is_none_or(|least| levels[member].is_some_and(|have| have >= least)));
                asked.push(member);
                let well = answers.next().unwrap_or(false);
                if login.asked(member, well).is_some() {
                    break;
                }
            }
            prop_assert!(asked.len() <= levels.len());
        }
    }
}
