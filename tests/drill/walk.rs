//! What holds of a member and of a login whatever happens to them: a long random walk in which everything that
//! can happen does, in any order. 200,000 steps; ten million with `MAVERICS_LONG=1`.

use maverics::ambient::{Entropy, Millis};
use maverics::continuity::choose::Candidate;
use maverics::continuity::state::DAMPING_FACTOR_MAX;
use maverics::continuity::transaction::{AfterCheck, RETRIES_AT_SAME_MEMBER_MAX};
use maverics::continuity::{Change, Login, Member, Observation, Settings, Standing, Step, Why};
use maverics::health::Reason;

use crate::support::long_runs;

const REASONS: &[Reason] =
    &[Reason::Timeout, Reason::ConnectionRefused, Reason::Status, Reason::IssuerMismatch];
/// Steps until a new deployment.
const STEPS_OF_A_WORLD: u64 = 2_000;
/// Logins under way at once.
const LOGINS: usize = 4;

/// Where a login is. It has one member or none by its type; the walk checks that it is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Asking(usize),
    Away(usize),
}

struct Person {
    login: Login,
    minimum: Option<u8>,
    at: At,
    sent: Vec<usize>,
    retries: u8,
}

impl Person {
    fn new(minimum: Option<u8>) -> Self {
        Person { login: Login::new(minimum), minimum, at: At::Start, sent: Vec::new(), retries: 0 }
    }
}

struct World {
    settings: Vec<Settings>,
    members: Vec<Member>,
    levels: Vec<Option<u8>>,
    failures: Vec<u32>,
    people: Vec<Person>,
    now: Millis,
    chance: Entropy,
}

impl World {
    fn new(chance: Entropy) -> Self {
        let count = 1 + chance.below(4) as usize;
        let settings = |_| Settings {
            unhealthy_threshold: 1 + chance.below(4) as u32,
            healthy_threshold: 1 + chance.below(4) as u32,
            damped: chance.below(2) == 0,
        };
        let settings: Vec<Settings> = (0..count).map(settings).collect();
        let level = |_| (chance.below(3) > 0).then(|| 1 + chance.below(3) as u8);
        let levels = (0..count).map(level).collect();
        let members = settings.iter().map(|settings| Member::new(*settings, Millis(0))).collect();
        let people = (0..LOGINS).map(|_| Person::new(None)).collect();
        World { settings, members, levels, failures: vec![0; count], people, now: Millis(0), chance }
    }

    fn step(&mut self) {
        // Mostly seconds, sometimes long enough for damping to be forgiven.
        let pause = if self.chance.below(500) == 0 { 4_000_000 } else { self.chance.below(40_000) };
        self.now = self.now.plus(pause);
        match self.chance.below(3) {
            0 => self.probe(),
            _ => {
                let person = self.chance.below(LOGINS as u64) as usize;
                self.login(person);
            }
        }
    }

    fn reason(&self) -> Reason {
        REASONS[self.chance.below(REASONS.len() as u64) as usize]
    }

    fn probe(&mut self) {
        let place = self.chance.below(self.members.len() as u64) as usize;
        let observation = match self.chance.below(5) {
            0..=1 => Observation::ProbeOk,
            2..=3 => Observation::ProbeFailed(self.reason()),
            _ => Observation::SaidNo(self.reason()),
        };
        self.observe(place, observation);
    }

    /// A question of ours in a login; what it brings is seen by the member, as in `serve`.
    fn ask(&mut self, place: usize) -> bool {
        let well = self.chance.below(2) == 0;
        let failed = Observation::PreFlightFailed(self.reason());
        self.observe(place, if well { Observation::PreFlightOk } else { failed });
        well
    }

    fn observe(&mut self, place: usize, observation: Observation) {
        let before = self.members[place].clone();
        let changes = self.members[place].observe(observation, self.now);
        let (after, settings) = (&self.members[place], self.settings[place]);
        // All of them are requests of ours that carry nothing from a person. A new kind needs a place here.
        let is_probe_failure = match observation {
            Observation::ProbeFailed(_) | Observation::SaidNo(_) => true,
            Observation::ProbeOk | Observation::PreFlightOk | Observation::PreFlightFailed(_) => false,
        };
        match observation {
            Observation::ProbeOk => self.failures[place] = 0,
            _ => self.failures[place] += u32::from(is_probe_failure),
        }
        let told = |change: fn(&Change) -> bool| changes.iter().filter(|told| change(told)).count();

        // No demotion without that many failures in a row of our own probes; no promotion without a good one.
        if before.standing() != after.standing() {
            match after.standing() {
                Standing::Unhealthy => {
                    assert!(is_probe_failure && self.failures[place] >= settings.unhealthy_threshold);
                }
                Standing::Healthy => assert_eq!(observation, Observation::ProbeOk),
                Standing::Unknown => panic!("what is known is not forgotten"),
            }
        }
        // Every transition is told once, with its reason: a demotion with what failed, a recovery with none.
        let standing = told(|change| matches!(change, Change::Standing { .. }));
        assert_eq!(standing, usize::from(before.standing() != after.standing()));
        for change in &changes {
            match *change {
                Change::Standing { from, to, reason } => {
                    assert_eq!((from, to), (before.standing(), after.standing()));
                    assert_eq!(reason.is_some(), to == Standing::Unhealthy);
                }
                Change::Suspected(reason) => assert_eq!(after.suspect(), Some(reason)),
                Change::Cleared => assert_eq!(after.suspect(), None),
                Change::Damped(factor) => {
                    assert!(settings.damped && (2..=DAMPING_FACTOR_MAX).contains(&factor));
                }
            }
        }
        // Suspicion begins with a question of a login or an operator's word, and ends with a probe only.
        match (before.suspect(), after.suspect()) {
            (None, Some(_)) => {
                assert!(matches!(observation, Observation::PreFlightFailed(_) | Observation::SaidNo(_)));
                assert_eq!(told(|change| matches!(change, Change::Suspected(_))), 1);
            }
            (Some(_), None) => {
                assert_eq!(observation, Observation::ProbeOk);
                assert_eq!(told(|change| matches!(change, Change::Cleared)), 1);
            }
            _ => assert_eq!(told(|c| matches!(c, Change::Suspected(_) | Change::Cleared)), 0),
        }
        // The factor has its bounds, and is none where damping is off.
        let most = if settings.damped { DAMPING_FACTOR_MAX } else { 1 };
        let threshold = after.healthy_threshold_now();
        assert!((settings.healthy_threshold..=settings.healthy_threshold * most).contains(&threshold));
        // Who is not available can say why.
        assert!(after.is_available() || after.last_reason().is_some());
        assert_eq!(
            after.is_available(),
            after.standing() != Standing::Unhealthy && after.suspect().is_none()
        );
    }

    fn candidates(&self) -> Vec<Candidate<'_>> {
        let members = self.members.iter().zip(&self.levels);
        members
            .map(|(member, level)| Candidate { member: Some(member), assurance: *level, tried: false })
            .collect()
    }

    /// A plan names each candidate once or says why not, nobody too weak, nobody twice, and those who are
    /// available before all others.
    fn check_plan(&self, person: &Person) {
        let plan = person.login.plan(&self.candidates());
        let tried = person.login.tried();
        let strong = |place: usize| {
            person.minimum.is_none_or(|least| self.levels[place].is_some_and(|have| have >= least))
        };
        let mut planned = vec![false; self.members.len()];
        for (place, why) in &plan.order {
            assert!(strong(*place), "never below the level");
            assert!(!tried.contains(place), "never a second time");
            assert!(!std::mem::replace(&mut planned[*place], true), "once in the order");
            let available = self.members[*place].is_available();
            assert_eq!(available, *why != Why::LastTry);
        }
        for (place, why) in &plan.skipped {
            match why {
                Why::BelowAssurance => assert!(!strong(*place)),
                Why::AlreadyTried => assert!(tried.contains(place)),
                Why::Unhealthy(_) | Why::Suspect(_) => assert!(!self.members[*place].is_available()),
                why => panic!("{why:?} is no reason to be skipped"),
            }
            planned[*place] = true;
        }
        assert!(planned.iter().all(|planned| *planned), "everybody is accounted for");
        let left = (0..self.members.len()).any(|place| strong(place) && !tried.contains(&place));
        assert_eq!(plan.order.is_empty(), !left, "nobody is left out while somebody is left");
        assert!(plan.order.windows(2).all(|pair| pair[0].0 < pair[1].0), "in the order of the configuration");
    }

    fn login(&mut self, index: usize) {
        let mut person = std::mem::replace(&mut self.people[index], Person::new(None));
        self.check_plan(&person);
        match person.at {
            At::Start => {
                let tried = person.login.tried().to_vec();
                match person.login.next(&self.candidates(), |_| self.chance.below(4) > 0) {
                    Step::PreFlight(member, _) => {
                        assert!(!tried.contains(&member));
                        person.at = At::Asking(member);
                    }
                    Step::Send(member, _) => self.send(&mut person, member),
                    Step::Exhausted => person = self.somebody_new(),
                }
            }
            At::Asking(member) => {
                let well = self.ask(member);
                match person.login.asked(member, well) {
                    Some(Step::Send(sent, _)) => {
                        assert!(well && sent == member, "the one that was asked");
                        self.send(&mut person, sent);
                    }
                    Some(step) => panic!("{step:?} is no answer to a pre-flight"),
                    None => {
                        assert!(!well && person.login.tried().contains(&member));
                        person.at = At::Start;
                    }
                }
            }
            At::Away(member) => self.comes_back(&mut person, member),
        }
        assert!(person.login.tried().len() <= self.members.len());
        self.people[index] = person;
    }

    /// One browser is at one member: who was given up on is never that one, and nobody is sent elsewhere before
    /// he came back and a question of ours failed.
    fn send(&self, person: &mut Person, member: usize) {
        assert!(!person.login.tried().contains(&member));
        assert!(!person.sent.contains(&member) || person.retries > 0, "once, and once more when it was well");
        person.sent.push(member);
        person.at = At::Away(member);
    }

    fn comes_back(&mut self, person: &mut Person, member: usize) {
        match self.chance.below(4) {
            // Signed in, or never seen again.
            0..=1 => *person = self.somebody_new(),
            // Whatever the person brings (an error, a forged answer) only makes us ask ourselves: neither a
            // member nor a login has a way to take in anything else.
            _ => {
                let well = self.ask(member);
                match person.login.checked(member, well) {
                    AfterCheck::SameMember(same) => {
                        assert!(well && same == member && person.retries < RETRIES_AT_SAME_MEMBER_MAX);
                        person.retries = person.login.retries();
                        self.send(person, same);
                    }
                    AfterCheck::Another => {
                        assert!(!well, "only our own question moves a login");
                        assert!(person.login.tried().contains(&member));
                        person.at = At::Start;
                    }
                    AfterCheck::GiveUp => {
                        assert!(well && person.retries == RETRIES_AT_SAME_MEMBER_MAX);
                        *person = self.somebody_new();
                    }
                }
            }
        }
    }

    fn somebody_new(&self) -> Person {
        Person::new((self.chance.below(3) == 0).then(|| 1 + self.chance.below(3) as u8))
    }
}

#[test]
fn whatever_happens() {
    let steps = if long_runs() { 10_000_000 } else { 200_000 };
    let chance = Entropy::counted(2026);
    let mut world = World::new(chance.clone());
    for step in 0..steps {
        if step % STEPS_OF_A_WORLD == 0 {
            world = World::new(chance.clone());
        }
        world.step();
    }
}
