//! What is known of the providers after the answers so far: the state that `serve` would have, and a history.

use std::collections::VecDeque;

use super::ask::{Answered, Options};
use super::{Report, judge};
use crate::ambient::Millis;
use crate::continuity::state::{Member, Observation, Settings};
use crate::health::Verdict;
use crate::model::Deployment;
use crate::model::idp::IdpIndex;

/// Verdicts kept of one provider.
pub const HISTORY_MAX: usize = 60;

/// What the questions to one provider brought.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The provider.
    pub idp: IdpIndex,
    /// The last answer.
    pub last: Verdict,
    /// Questions.
    pub asked: u32,
    /// Good answers among them.
    pub well: u32,
    /// What `serve` would think of it after these answers.
    pub member: Member,
    /// Whether each of the last answers was good, at most [`HISTORY_MAX`], oldest first.
    pub history: VecDeque<bool>,
}

/// Collects answers.
#[derive(Debug)]
pub struct Watch<'d> {
    deployment: &'d Deployment,
    once: bool,
    providers: Vec<Asked>,
}

impl<'d> Watch<'d> {
    /// Before the first answer.
    pub fn new(deployment: &'d Deployment, options: &Options) -> Self {
        Watch { deployment, once: options.is_once(), providers: Vec::new() }
    }

    /// Takes an answer in.
    pub fn take(&mut self, answered: Answered, now: Millis) {
        let Answered { idp, verdict } = answered;
        let check = self.deployment.idp(idp).check_or_default();
        let place = self.providers.partition_point(|asked| asked.idp < idp);
        if self.providers.get(place).is_none_or(|asked| asked.idp != idp) {
            // One question is the state of this moment; thresholds are for those who ask more often.
            let settings = match self.once {
                true => Settings { unhealthy_threshold: 1, healthy_threshold: 1, damped: false },
                false => Settings::of(&check, self.deployment.is_damped(idp)),
            };
            let member = Member::new(settings, now);
            let last = verdict.clone();
            self.providers
                .insert(place, Asked { idp, last, asked: 0, well: 0, member, history: VecDeque::new() });
        }
        let asked = &mut self.providers[place];
        asked.asked = asked.asked.saturating_add(1);
        asked.well = asked.well.saturating_add(u32::from(verdict.is_well()));
        asked.member.observe(Observation::of(&verdict, check.custom_endpoint.is_some()), now);
        if asked.history.len() == HISTORY_MAX {
            asked.history.pop_front();
        }
        asked.history.push_back(verdict.is_well());
        asked.last = verdict;
    }

    /// How things stand. A provider that has not answered yet counts as available, as in `serve`.
    pub fn report(&self) -> Report {
        judge(self.deployment, self.providers.clone())
    }
}
