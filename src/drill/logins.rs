//! People: one comes, is sent to a provider, types, comes back, and is in; or something fails on the way. The
//! decisions are [`Login`]'s, in the order in which `serve` asks for them.

use super::chance::Draw;
use super::engine::{Engine, Event, Question};
use super::people::{Doubt, Person, Stage, Ticket};
use super::plan::Arrivals;
use super::record::Failure;
use super::weather::{Answer, Budget, Request};
use crate::connector::oidc::FETCH_MILLIS_MAX;
use crate::continuity::pace::Landed;
use crate::continuity::{Login, Observation, Step, Why};

/// How long people take at a provider's page, in milliseconds.
const TYPING_MILLIS: (u64, u64) = (4_000, 20_000);
/// How long until a person leaves a dead page and opens the app again, in milliseconds.
const RETURN_MILLIS: (u64, u64) = (10_000, 40_000);
/// How long a person reads an error page of ours before the one more try, in milliseconds.
const RELOAD_MILLIS: u64 = 5_000;
/// From the provider's last answer to the callback, in milliseconds.
const WAY_BACK_MILLIS: u64 = 100;

impl Engine<'_> {
    pub(super) fn plan_arrival(&mut self, number: u64) {
        let logins = self.plan.logins;
        let (Some(from), Some(until)) = (logins.start_of(number), logins.start_of(number + 1)) else {
            return;
        };
        let later = match self.plan.arrivals {
            Arrivals::Even => 0,
            Arrivals::Random => self.plan.chance.below(until - from, Draw::Arrival, number),
        };
        self.plan_at(from + later, Event::Arrives(number));
    }

    pub(super) fn arrives(&mut self, number: u64) {
        let minimums = &self.plan.minimums;
        let which = self.plan.chance.below(minimums.len() as u64, Draw::SignIn, number);
        let mut person = Person {
            number,
            attempt: 0,
            came: self.now,
            minimum: minimums[which as usize],
            own: 0,
            reloaded: false,
            stranded: false,
            restarted: false,
            login: Login::new(None),
            retries: 0,
            arrived: 0,
            count: 0,
            stage: Stage::Over,
        };
        self.record.logins.begun += 1;
        let id = match self.people.free.pop() {
            Some(id) => {
                // Whoever had the place before may still be in a queue.
                person.count = self.people.all[id].count;
                self.people.all[id] = person;
                id
            }
            None => {
                self.people.all.push(person);
                self.people.all.len() - 1
            }
        };
        self.begin(id, &[]);
    }

    pub(super) fn enter(&mut self, id: usize, stage: Stage) -> Ticket {
        let person = &mut self.people.all[id];
        person.stage = stage;
        person.count = person.count.wrapping_add(1);
        Ticket { person: id, stage: person.count }
    }

    pub(super) fn enter_for(&mut self, id: usize, stage: Stage, millis: u64) {
        let ticket = self.enter(id, stage);
        self.plan_at(self.now + millis, Event::Step(ticket));
    }

    /// A sign-in begins, or begins again without these members.
    pub(super) fn begin(&mut self, id: usize, tried: &[usize]) {
        let arrived = self.in_order();
        let person = &mut self.people.all[id];
        person.arrived = arrived;
        person.retries = 0;
        person.login = Login::new(person.minimum);
        for member in tried {
            person.login.give_up_on(*member);
        }
        self.go_on(id);
    }

    /// Asks the transaction what is next, and does it.
    fn go_on(&mut self, id: usize) {
        let asks_first = self.plan.asks_first();
        let mut login = self.people.all[id].login.clone();
        let step = login.next(&self.candidates(), |_| asks_first);
        self.people.all[id].login = login;
        match step {
            Step::Exhausted => self.exhausted(id),
            Step::Send(member, why) => self.send(id, member, why),
            Step::PreFlight(member, _) if self.is_vouched_for(member) => self.asked(id, member, true),
            Step::PreFlight(member, _) => {
                let arrived = self.people.all[id].arrived;
                let ticket = self.enter(id, Stage::Asking { member, since: self.now });
                match self.share(member, Question::PreFlight, arrived, ticket) {
                    None => {}
                    Some(landed) if landed.well => self.asked(id, member, true),
                    Some(landed) => self.step_back(id, member, landed, self.now),
                }
            }
        }
    }

    fn asked(&mut self, id: usize, member: usize, well: bool) {
        match self.people.all[id].login.asked(member, well) {
            Some(Step::Send(member, why)) => self.send(id, member, why),
            _ => self.go_on(id),
        }
    }

    fn step_back(&mut self, id: usize, member: usize, landed: Landed, since: u64) {
        let millis = step_back(landed, self.now - since);
        self.enter_for(id, Stage::SteppingBack { member }, millis);
    }

    /// Nobody is left: the last resort, or a page that says so.
    fn exhausted(&mut self, id: usize) {
        let sends_anyway = self.plan.sends_anyway;
        match self.people.all[id].login.last_resort(&self.candidates(), |_| sends_anyway) {
            Some((member, why)) => self.send(id, member, why),
            None => self.turned_away(id),
        }
    }

    fn turned_away(&mut self, id: usize) {
        self.nobody();
        self.fails(id, Failure::Exhausted);
    }

    fn needs_documents(&self, member: usize) -> bool {
        self.plan.seats[member].questions.needs_documents()
    }

    /// Sends the browser to a member, once it is known where that is.
    pub(super) fn send(&mut self, id: usize, member: usize, why: Why) {
        if !self.is_known(member) && self.needs_documents(member) {
            let budget = Budget::Together(FETCH_MILLIS_MAX);
            let met = self.plan.weather.ask(member, self.now, &[Request::Document], budget);
            return self.enter_for(id, Stage::Fetching { member, why, answer: met.answer }, met.takes);
        }
        self.sent(id, member, why);
    }

    fn sent(&mut self, id: usize, member: usize, why: Why) {
        *self.record.logins.selections[member].entry(why.code()).or_default() += 1;
        self.serves(member, why, self.people.all[id].arrived);
        if self.plan.seats[member].questions.has_our_page() {
            return self.types(id, member);
        }
        match self.plan.weather.page(member, self.now) {
            Some(millis) => self.enter_for(id, Stage::Loading { member }, millis),
            None => self.fails(id, Failure::DeadPage),
        }
    }

    fn types(&mut self, id: usize, member: usize) {
        let person = &mut self.people.all[id];
        person.attempt += 1;
        let (from, to) = TYPING_MILLIS;
        let millis = self.plan.chance.between(from, to, Draw::Typing(person.attempt), person.number);
        person.own += millis;
        self.enter_for(id, Stage::Typing { member }, millis);
    }

    pub(super) fn step(&mut self, ticket: Ticket) {
        let id = ticket.person;
        if self.people.all[id].count != ticket.stage {
            return;
        }
        match self.people.all[id].stage {
            Stage::Over | Stage::Asking { .. } => {}
            Stage::SteppingBack { member } => self.asked(id, member, false),
            Stage::Fetching { member, why, answer } => self.fetched(id, member, why, answer),
            Stage::Loading { member } => self.types(id, member),
            Stage::Typing { member } => self.typed(id, member),
            Stage::Submitting { member } => self.comes_back(id, member),
            Stage::Completing { member, ends, answer, doubt } => {
                self.completing(id, ticket, member, ends, answer, doubt);
            }
            Stage::Checking { member, reason, well, .. } => {
                if let Some(well) = well {
                    self.moved(id, member, well, reason);
                }
            }
            Stage::Away { fresh } => {
                let person = &mut self.people.all[id];
                person.reloaded = !fresh;
                self.begin(id, &[]);
            }
        }
    }

    fn fetched(&mut self, id: usize, member: usize, why: Why, answer: Answer) {
        match answer {
            Answer::Unwell(reason) => {
                self.observe(member, Observation::PreFlightFailed(reason));
                if why == Why::LastResort {
                    return self.turned_away(id);
                }
                self.people.all[id].login.give_up_on(member);
                self.go_on(id);
            }
            Answer::Well | Answer::Rejected => {
                self.becomes_known(member);
                self.sent(id, member, why);
            }
        }
    }

    fn typed(&mut self, id: usize, member: usize) {
        if self.plan.seats[member].questions.has_our_page() {
            return self.comes_back(id, member);
        }
        match self.plan.weather.page(member, self.now) {
            Some(millis) => self.enter_for(id, Stage::Submitting { member }, millis + WAY_BACK_MILLIS),
            None => {
                let person = &mut self.people.all[id];
                self.record.logins.stranded += u64::from(!person.stranded);
                person.stranded = true;
                let (from, to) = RETURN_MILLIS;
                let millis = self.plan.chance.between(from, to, Draw::Return(person.attempt), person.number);
                self.enter_for(id, Stage::Away { fresh: true }, millis);
            }
        }
    }

    /// A question this person waits for was answered.
    pub(super) fn look_again(&mut self, ticket: Ticket, place: usize, question: Question) {
        let id = ticket.person;
        if self.people.all[id].count != ticket.stage {
            return;
        }
        match (self.people.all[id].stage, question) {
            (Stage::Asking { member, since }, Question::PreFlight) if member == place => {
                let arrived = self.people.all[id].arrived;
                match self.share(member, question, arrived, ticket) {
                    None => {}
                    Some(landed) if landed.well => self.asked(id, member, true),
                    Some(landed) => self.step_back(id, member, landed, since),
                }
            }
            (Stage::Completing { member, doubt: Doubt::Asking { since, arrived }, .. }, Question::Check)
                if member == place =>
            {
                if let Some(landed) = self.share(member, question, arrived, ticket) {
                    self.doubted(id, ticket, landed, since);
                }
            }
            (Stage::Checking { member, since, arrived, well: None, .. }, Question::Check)
                if member == place =>
            {
                if let Some(landed) = self.share(member, question, arrived, ticket) {
                    self.checked(id, ticket, landed, since);
                }
            }
            _ => {}
        }
    }

    pub(super) fn signed_in(&mut self, id: usize, member: usize) {
        let questions = self.plan.seats[member].questions;
        let way_back = if questions.has_our_page() { 0 } else { WAY_BACK_MILLIS };
        let usual = questions.usual_millis(self.plan.asks_first()) + way_back;
        let person = &self.people.all[id];
        let logins = &mut self.record.logins;
        logins.signed_in[member] += 1;
        logins.retried += u64::from(person.reloaded);
        logins.restarted += u64::from(person.restarted);
        if !person.stranded {
            let delay = (self.now - person.came).saturating_sub(person.own + usual);
            logins.delays.push(u32::try_from(delay).unwrap_or(u32::MAX));
        }
        self.leaves(id);
    }

    /// An error page. A person tries once more, and then gives up.
    pub(super) fn fails(&mut self, id: usize, failure: Failure) {
        let person = &mut self.people.all[id];
        if !person.reloaded {
            person.own += RELOAD_MILLIS;
            return self.enter_for(id, Stage::Away { fresh: false }, RELOAD_MILLIS);
        }
        *self.record.logins.failed.entry(failure).or_default() += 1;
        self.leaves(id);
    }

    fn leaves(&mut self, id: usize) {
        self.enter(id, Stage::Over);
        self.people.free.push(id);
    }
}

/// How long one steps back after a question that failed, in milliseconds.
pub(super) fn step_back(landed: Landed, waited: u64) -> u64 {
    let millis = landed.step_back(std::time::Duration::from_millis(waited)).as_millis();
    u64::try_from(millis).unwrap_or(u64::MAX)
}
