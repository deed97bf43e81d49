//! The virtual node: a queue of what happens when, scheduled probes, and questions that waiting logins share.
//! Everything decided here is decided by `continuity`; this file only says when it is asked.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::people::{People, Ticket};
use super::plan::Plan;
use super::record::{Record, What};
use super::weather::{Answer, Budget, Request};
use crate::ambient::Millis;
use crate::continuity::choose::Candidate;
use crate::continuity::pace::{Landed, RECOVERY_MILLIS};
use crate::continuity::{Change, Login, Member, Observation, Why};
use crate::health::{Reason, Unwell, Verdict};

/// What happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    FaultBegins(usize),
    FaultEnds(usize),
    /// A scheduled probe of a member begins; it was due at this moment.
    Probe(usize, u64),
    /// And ends.
    Probed(usize, Answer),
    /// A probe that clears the suspicion of a member nobody watches.
    Recover(usize),
    Recovered(usize, Answer),
    /// A question shared by logins is answered.
    Landed(usize, Question, Answer),
    /// The login with this number comes.
    Arrives(u64),
    /// A person's next step is due.
    Step(Ticket),
}

/// What logins ask of a member; each kind has its own one in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// May a browser be sent there?
    PreFlight,
    /// A sign-in failed there: is it well?
    Check,
}

/// An event with its moment; those of one moment happen in the order in which they were planned.
struct Due {
    at: u64,
    number: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

#[derive(Default)]
struct Flight {
    /// When it began: in the order of the node, and in milliseconds.
    running: Option<(u64, u64)>,
    last: Option<Landed>,
    waiting: Vec<Ticket>,
}

struct Slot {
    member: Member,
    flights: [Flight; 2],
    /// The phase of its second probe, until it is used.
    phase: Option<u64>,
    /// When its last probe began, milliseconds.
    probe_begun: u64,
    /// When its last probe was due, milliseconds.
    probe_due: u64,
    /// Whether it is asked until its suspicion is over.
    recovering: bool,
    /// Whether its documents were ever read.
    known: bool,
}

/// The virtual node.
pub(super) struct Engine<'p> {
    pub(super) plan: &'p Plan,
    pub(super) now: u64,
    pub(super) people: People,
    pub(super) record: Record,
    queue: BinaryHeap<Reverse<Due>>,
    planned: u64,
    order: u64,
    slots: Vec<Slot>,
    /// Who serves now; the primary at first.
    serving: usize,
    /// The place in the order of the login that made it so.
    serving_since: u64,
    pub(super) exhausted: bool,
}

/// Runs a plan to its end.
pub(super) fn run(plan: &Plan) -> Record {
    let slots = plan.seats.iter().map(|seat| Slot {
        member: Member::new(seat.settings, Millis(0)),
        flights: Default::default(),
        phase: Some(seat.phase),
        probe_begun: 0,
        probe_due: 0,
        recovering: false,
        known: false,
    });
    let mut engine = Engine {
        plan,
        now: 0,
        people: People::default(),
        record: Record::new(plan),
        queue: BinaryHeap::new(),
        planned: 0,
        order: 1,
        slots: slots.collect(),
        serving: 0,
        serving_since: 0,
        exhausted: false,
    };
    for window in &plan.windows {
        engine.plan_at(window.from, Event::FaultBegins(window.fault_number));
        engine.plan_at(window.until, Event::FaultEnds(window.fault_number));
    }
    for (place, seat) in plan.seats.iter().enumerate() {
        if seat.watched {
            engine.plan_at(0, Event::Probe(place, 0));
        }
    }
    engine.plan_arrival(0);
    while let Some(Reverse(due)) = engine.queue.pop() {
        if due.at >= plan.duration {
            break;
        }
        engine.now = due.at;
        engine.happen(due.event);
    }
    engine.now = plan.duration;
    engine.record.logins.under_way = engine.people.under_way();
    engine.record
}

impl Engine<'_> {
    pub(super) fn plan_at(&mut self, at: u64, event: Event) {
        self.planned += 1;
        self.queue.push(Reverse(Due { at, number: self.planned, event }));
    }

    /// A number later than any given before: the order of arrivals and flights.
    pub(super) fn in_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::FaultBegins(fault) => self.fault(fault, What::FaultBegins(fault)),
            Event::FaultEnds(fault) => self.fault(fault, What::FaultEnds(fault)),
            Event::Probe(place, due) => self.probe(place, due),
            Event::Probed(place, answer) => self.probed(place, answer),
            Event::Recover(place) => self.recover(place),
            Event::Recovered(place, answer) => self.recovered(place, answer),
            Event::Landed(place, question, answer) => self.landed(place, question, answer),
            Event::Arrives(number) => {
                self.plan_arrival(number + 1);
                self.arrives(number);
            }
            Event::Step(ticket) => self.step(ticket),
        }
    }

    fn fault(&mut self, fault: usize, what: What) {
        self.record.tell(self.now, what);
        let place = self.plan.windows[fault].member;
        self.record.look(self.plan, place, &self.slots[place].member, self.now);
    }

    fn probe(&mut self, place: usize, due: u64) {
        let seat = &self.plan.seats[place];
        let budget = Budget::Together(seat.pace.timeout);
        let met = self.plan.weather.ask(place, self.now, seat.questions.probe(), budget);
        let slot = &mut self.slots[place];
        (slot.probe_due, slot.probe_begun) = (due, self.now);
        self.record.probes += 1;
        self.plan_at(self.now + met.takes, Event::Probed(place, met.answer));
    }

    fn probed(&mut self, place: usize, answer: Answer) {
        let seat = &self.plan.seats[place];
        self.observe_probe(place, answer);
        let slot = &mut self.slots[place];
        let due = seat.pace.next(slot.probe_due, slot.probe_begun, slot.phase.take());
        self.plan_at(due.max(self.now), Event::Probe(place, due));
    }

    fn recover(&mut self, place: usize) {
        let requests = self.plan.seats[place].questions.probe();
        let met = self.plan.weather.ask(place, self.now, requests, Budget::Together(RECOVERY_MILLIS));
        self.plan_at(self.now + met.takes, Event::Recovered(place, met.answer));
    }

    fn recovered(&mut self, place: usize, answer: Answer) {
        self.observe_probe(place, answer);
        if self.slots[place].member.is_available() {
            self.slots[place].recovering = false;
        } else {
            self.plan_at(self.now + RECOVERY_MILLIS, Event::Recover(place));
        }
    }

    fn observe_probe(&mut self, place: usize, answer: Answer) {
        let seat = &self.plan.seats[place];
        let outcome = match self.on_the_known(place, answer) {
            Answer::Unwell(reason) => Err(Unwell::new(reason, String::new())),
            Answer::Well | Answer::Rejected => {
                self.slots[place].known |= !seat.questions.custom;
                Ok(())
            }
        };
        let verdict = Verdict { outcome, phases: Default::default(), facts: Vec::new() };
        self.observe(place, Observation::of(&verdict, seat.says_no));
    }

    /// "You ask too often" is a sign of life of a provider whose documents are known.
    fn on_the_known(&self, place: usize, answer: Answer) -> Answer {
        match answer {
            Answer::Unwell(Reason::RateLimited) if self.slots[place].known => Answer::Well,
            answer => answer,
        }
    }

    /// Takes an observation in, and tells what changed.
    pub(super) fn observe(&mut self, place: usize, observation: Observation) {
        let changes = self.slots[place].member.observe(observation, Millis(self.now));
        if changes.is_empty() {
            return;
        }
        for change in changes {
            self.record.tell(self.now, What::Changed(place, change));
            let slot = &mut self.slots[place];
            if matches!(change, Change::Suspected(_)) && !self.plan.seats[place].watched && !slot.recovering {
                slot.recovering = true;
                self.plan_at(self.now + RECOVERY_MILLIS, Event::Recover(place));
            }
        }
        self.record.look(self.plan, place, &self.slots[place].member, self.now);
        if self.plan.logins.start_of(1).is_none() {
            self.would_serve();
        }
    }

    /// Without logins: whom one would be sent to.
    fn would_serve(&mut self) {
        match Login::new(self.plan.minimums[0]).plan(&self.candidates()).first() {
            Some((_, Why::LastTry)) | None => self.nobody(),
            Some((place, why)) => {
                let now = self.in_order();
                self.serves(place, why, now);
            }
        }
    }

    /// The members as a choice looks at them.
    pub(super) fn candidates(&self) -> Vec<Candidate<'_>> {
        let seats = self.plan.seats.iter().zip(&self.slots);
        seats
            .map(|(seat, slot)| Candidate {
                member: Some(&slot.member),
                assurance: seat.assurance,
                tried: false,
            })
            .collect()
    }

    /// A login that arrived at this place in the order goes to this member. Tells when that is another than
    /// before; one that came before whoever moved logins last, and was only asked for longer, moves nothing back.
    pub(super) fn serves(&mut self, to: usize, why: Why, arrived: u64) {
        let again = std::mem::take(&mut self.exhausted);
        if self.serving == to || why == Why::SameAgain {
            if again {
                self.record.tell(self.now, What::ServesAgain(to, why));
            }
            return;
        }
        if arrived < self.serving_since {
            return;
        }
        self.serving_since = arrived;
        self.record.tell(self.now, What::Serves { from: self.serving, to, why });
        self.record.switches += 1;
        self.serving = to;
    }

    /// A login has nobody to go to. Tells the first of a row.
    pub(super) fn nobody(&mut self) {
        if !self.exhausted {
            self.record.tell(self.now, What::Exhausted);
        }
        self.exhausted = true;
    }

    /// Whether evidence of life is young enough to be accepted instead of a pre-flight.
    pub(super) fn is_vouched_for(&self, place: usize) -> bool {
        let max_age = self.plan.pre_flight.max_age.as_millis();
        self.slots[place].member.answered_within(max_age, Millis(self.now))
    }

    /// Whether a member's documents were ever read.
    pub(super) fn is_known(&self, place: usize) -> bool {
        self.slots[place].known
    }

    pub(super) fn becomes_known(&mut self, place: usize) {
        self.slots[place].known = true;
    }

    pub(super) fn last_reason(&self, place: usize) -> Reason {
        self.slots[place].member.last_reason().unwrap_or(Reason::Timeout)
    }

    /// The answer that counts for a login which arrived at this place in the order; else the login waits for
    /// the next one.
    pub(super) fn share(
        &mut self,
        place: usize,
        question: Question,
        arrived: u64,
        ticket: Ticket,
    ) -> Option<Landed> {
        let flight = &mut self.slots[place].flights[question as usize];
        if let Some(landed) = flight.last.filter(|landed| landed.counts_for(arrived)) {
            return Some(landed);
        }
        flight.waiting.push(ticket);
        if flight.running.is_none() {
            let begun = self.in_order();
            self.slots[place].flights[question as usize].running = Some((begun, self.now));
            let (requests, budget) = self.asks(place, question);
            let met = self.plan.weather.ask(place, self.now, requests, Budget::Together(budget));
            self.plan_at(self.now + met.takes, Event::Landed(place, question, met.answer));
        }
        None
    }

    fn asks(&self, place: usize, question: Question) -> (&'static [Request], u64) {
        let seat = &self.plan.seats[place];
        match question {
            Question::PreFlight => (seat.questions.pre_flight(), self.plan.pre_flight.timeout.as_millis()),
            Question::Check => (seat.questions.check(), seat.check_budget),
        }
    }

    fn landed(&mut self, place: usize, question: Question, answer: Answer) {
        let well = match self.on_the_known(place, answer) {
            Answer::Unwell(reason) => {
                self.observe(place, Observation::PreFlightFailed(reason));
                false
            }
            Answer::Well | Answer::Rejected => {
                self.slots[place].known |= !self.plan.seats[place].questions.custom;
                self.observe(place, Observation::PreFlightOk);
                true
            }
        };
        let ended = self.in_order();
        let flight = &mut self.slots[place].flights[question as usize];
        let Some((begun, since)) = flight.running.take() else { return };
        let took = std::time::Duration::from_millis(self.now - since);
        flight.last = Some(Landed { begun, ended, well, took });
        for ticket in std::mem::take(&mut flight.waiting) {
            self.look_again(ticket, place, question);
        }
    }
}
