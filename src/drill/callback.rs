//! The way back: what the browser brought is completed at the provider, and what a failure means is decided by
//! a question of ours.

use super::engine::{Engine, Event, Question};
use super::logins::step_back;
use super::people::{Doubt, Stage, Ticket};
use super::record::{Failure, What};
use super::weather::{Answer, Budget};
use crate::connector::oidc::CALL_MILLIS_MAX;
use crate::continuity::pace::{DOUBT_AGAIN_MILLIS, DOUBT_MILLIS, Landed};
use crate::continuity::transaction::AfterCheck;
use crate::continuity::{Login, Why};
use crate::health::Reason;

impl Engine<'_> {
    pub(super) fn comes_back(&mut self, id: usize, member: usize) {
        let requests = self.plan.seats[member].questions.complete();
        let met = self.plan.weather.ask(member, self.now, requests, Budget::Each(CALL_MILLIS_MAX));
        let until = self.now + DOUBT_MILLIS;
        let ends = self.now + met.takes;
        let doubt = Doubt::Patient { until };
        let ticket = self.enter(id, Stage::Completing { member, ends, answer: met.answer, doubt });
        self.plan_at(ends, Event::Step(ticket));
        self.plan_at(until, Event::Step(ticket));
    }

    pub(super) fn completing(
        &mut self,
        id: usize,
        ticket: Ticket,
        member: usize,
        ends: u64,
        answer: Answer,
        doubt: Doubt,
    ) {
        let in_doubt = |doubt| Stage::Completing { member, ends, answer, doubt };
        if self.now >= ends {
            return match answer {
                Answer::Well => self.signed_in(id, member),
                Answer::Rejected => self.fails(id, Failure::Rejected),
                Answer::Unwell(reason) => self.ask_ourselves(id, member, reason),
            };
        }
        match doubt {
            Doubt::Patient { until } if self.now >= until => {
                let arrived = self.in_order();
                let since = self.now;
                // The end of the call stays planned under the same ticket.
                self.people.all[id].stage = in_doubt(Doubt::Asking { since, arrived });
                if let Some(landed) = self.share(member, Question::Check, arrived, ticket) {
                    self.doubted(id, ticket, landed, since);
                }
            }
            Doubt::Leaving { at } if self.now >= at => {
                self.people.all[id].stage = in_doubt(Doubt::Done);
                let reason = self.last_reason(member);
                self.moved(id, member, false, reason);
            }
            _ => {}
        }
    }

    pub(super) fn doubted(&mut self, id: usize, ticket: Ticket, landed: Landed, since: u64) {
        let Stage::Completing { member, ends, answer, .. } = self.people.all[id].stage else { return };
        let (at, doubt) = if landed.well {
            let until = self.now + DOUBT_AGAIN_MILLIS;
            (until, Doubt::Patient { until })
        } else {
            let at = self.now + step_back(landed, self.now - since);
            (at, Doubt::Leaving { at })
        };
        self.people.all[id].stage = Stage::Completing { member, ends, answer, doubt };
        self.plan_at(at, Event::Step(ticket));
    }

    fn ask_ourselves(&mut self, id: usize, member: usize, reason: Reason) {
        let arrived = self.in_order();
        let since = self.now;
        let ticket = self.enter(id, Stage::Checking { member, reason, since, arrived, well: None });
        if let Some(landed) = self.share(member, Question::Check, arrived, ticket) {
            self.checked(id, ticket, landed, since);
        }
    }

    pub(super) fn checked(&mut self, id: usize, ticket: Ticket, landed: Landed, from: u64) {
        let Stage::Checking { well, .. } = &mut self.people.all[id].stage else { return };
        *well = Some(landed.well);
        let wait = if landed.well { 0 } else { step_back(landed, self.now - from) };
        self.plan_at(self.now + wait, Event::Step(ticket));
    }

    /// The provider seemed unwell: what our own request found decides who is next.
    pub(super) fn moved(&mut self, id: usize, member: usize, well: bool, reason: Reason) {
        let person = &self.people.all[id];
        let mut tried = person.login.tried().to_vec();
        let mut login = Login::resume(None, Vec::new(), 0, person.retries);
        match login.checked(0, well) {
            AfterCheck::SameMember(_) => {
                self.people.all[id].retries = login.retries();
                self.send(id, member, Why::SameAgain);
            }
            AfterCheck::Another => {
                self.record.tell(self.now, What::Restarted(member, reason));
                self.people.all[id].restarted = true;
                tried.push(member);
                self.begin(id, &tried);
            }
            AfterCheck::GiveUp => self.fails(id, Failure::GaveUp),
        }
    }
}
