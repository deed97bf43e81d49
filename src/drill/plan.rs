//! A drill before it runs: one continuity connector, its members, the faults, and who comes.

use super::Options;
use super::chance::Chance;
use super::fault::{FIT_EVERYWHERE, Fault, Outage};
use super::rate::Rate;
use super::weather::{Questions, Weather, Window};
use crate::connector::continuity::config::{LastResort, PreFlight};
use crate::continuity::Settings;
use crate::continuity::detection::{self, Times};
use crate::continuity::pace::{self, Pace};
use crate::diag::did_you_mean;
use crate::model::{ContinuityIndex, Deployment, IdpIndex, ProviderRef};
use crate::value::Duration;

/// Longest drill, in hours.
pub const DURATION_HOURS_MAX: u64 = 100_000;
/// Most logins of one drill.
pub const LOGINS_MAX: u64 = 5_000_000;
/// Most probes of one drill.
pub const PROBES_MAX: u64 = 200_000_000;
/// Most faults of one drill.
pub const FAULTS_MAX: usize = 1_000;
/// When nobody says how long: this long after the last fault begins or ends.
const AFTERWARDS: Duration = Duration::from_secs(600);
/// When nobody says what fails: the primary, after a minute, for ten.
const FIRST_FAULT_AT: Duration = Duration::from_secs(60);
const FIRST_FAULT_FOR: Duration = Duration::from_secs(600);

/// When logins come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrivals {
    /// Each at a random moment of its share of the time.
    #[default]
    Random,
    /// Each at the beginning of its share of the time.
    Even,
}

/// A member of the continuity connector.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) name: String,
    pub(super) watched: bool,
    /// A custom endpoint's definite "no" is an operator's word.
    pub(super) says_no: bool,
    pub(super) pace: Pace,
    pub(super) phase: u64,
    pub(super) settings: Settings,
    pub(super) assurance: Option<u8>,
    pub(super) questions: Questions,
    /// Budget of the question in the middle of a sign-in, in milliseconds.
    pub(super) check_budget: u64,
    /// Closed form, for the report; `None` when nobody watches it.
    pub(super) times: Option<Times>,
}

/// One continuity connector, rehearsed by itself.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) seats: Vec<Seat>,
    pub(super) pre_flight: PreFlight,
    pub(super) sends_anyway: bool,
    /// Levels that the sign-ins through it ask for, each once.
    pub(super) minimums: Vec<Option<u8>>,
    pub(super) windows: Vec<Window>,
    pub(super) weather: Weather,
    /// Milliseconds.
    pub(super) duration: u64,
    pub(super) logins: Rate,
    pub(super) arrivals: Arrivals,
    pub(super) chance: Chance,
}

/// What all plans of one run share.
pub(super) struct Shared {
    /// Milliseconds.
    pub(super) duration: u64,
    pub(super) outages: Vec<Outage>,
    pub(super) chosen: Vec<ContinuityIndex>,
}

impl Shared {
    /// Resolves what the options leave open, and refuses what makes no sense.
    pub(super) fn new(deployment: &Deployment, options: &Options) -> Result<Self, String> {
        let chosen = chosen(deployment, &options.connectors)?;
        let outages = match &options.outages {
            Some(outages) => outages.clone(),
            None => first_faults(deployment, &chosen),
        };
        if outages.len() > FAULTS_MAX {
            return Err(format!("{} faults are too many; the most is {FAULTS_MAX}", outages.len()));
        }
        for outage in &outages {
            member(deployment, &chosen, outage, options.fault)?;
        }
        let ends = outages.iter().map(|o| o.at.as_millis() + o.length.map_or(0, Duration::as_millis));
        let default = ends.max().unwrap_or_default() + AFTERWARDS.as_millis();
        let duration = options.duration.map_or(default, Duration::as_millis);
        if duration == 0 || duration > DURATION_HOURS_MAX * 3_600_000 {
            return Err(format!("a drill lasts longer than nothing and at most {DURATION_HOURS_MAX}h"));
        }
        if options.logins.within(duration) > LOGINS_MAX {
            let logins = options.logins.within(duration);
            return Err(format!("{logins} logins are too many for one drill; the most is {LOGINS_MAX}"));
        }
        let probes: u64 = chosen
            .iter()
            .flat_map(|index| deployment.continuity(*index).members.iter())
            .map(|idp| duration / Pace::of(&deployment.idp(*idp).check_or_default()).interval)
            .sum();
        if probes > PROBES_MAX {
            return Err(format!("{probes} probes are too many for one drill; the most is {PROBES_MAX}"));
        }
        if let Some(late) = outages.iter().find(|outage| outage.at.as_millis() >= duration) {
            return Err(format!(
                "the fault of `{}` at {} begins after the end of the drill ({})",
                late.idp,
                late.at,
                Duration::from_millis(duration)
            ));
        }
        Ok(Shared { duration, outages, chosen })
    }
}

fn chosen(deployment: &Deployment, names: &[String]) -> Result<Vec<ContinuityIndex>, String> {
    let known = || deployment.continuity.iter().map(|group| group.name.as_str());
    if deployment.continuity.is_empty() {
        return Err("there is nothing to rehearse: the configuration has no continuity connector".into());
    }
    let index = |name: &String| {
        known().position(|have| have == name).map(ContinuityIndex).ok_or_else(|| {
            let guess = match did_you_mean(name, known()) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => {
                    format!("there are: {}", known().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))
                }
            };
            format!("there is no continuity connector `{name}`; {guess}")
        })
    };
    match names {
        [] => Ok((0..deployment.continuity.len()).map(ContinuityIndex).collect()),
        names => names.iter().map(index).collect(),
    }
}

fn first_faults(deployment: &Deployment, chosen: &[ContinuityIndex]) -> Vec<Outage> {
    let mut primaries: Vec<&str> = Vec::new();
    for group in chosen.iter().map(|index| deployment.continuity(*index)) {
        let name = deployment.idp(*group.members.first()).name.as_str();
        if !primaries.contains(&name) {
            primaries.push(name);
        }
    }
    let fault = |idp: &str| Outage {
        idp: idp.to_owned(),
        at: FIRST_FAULT_AT,
        length: Some(FIRST_FAULT_FOR),
        fault: None,
    };
    primaries.into_iter().map(fault).collect()
}

/// The provider that an outage names: one that takes part.
fn member(
    deployment: &Deployment,
    chosen: &[ContinuityIndex],
    outage: &Outage,
    otherwise: Fault,
) -> Result<IdpIndex, String> {
    let members = || chosen.iter().flat_map(|index| deployment.continuity(*index).members.iter().copied());
    let name_of = |index: IdpIndex| deployment.idp(index).name.as_str();
    let Some(index) = members().find(|index| name_of(*index) == outage.idp) else {
        let elsewhere = deployment.idps.iter().any(|idp| idp.name.as_str() == outage.idp);
        let what = match elsewhere {
            true => format!("connector `{}` is no member of the continuity connectors rehearsed", outage.idp),
            false => format!("there is no connector `{}`", outage.idp),
        };
        let guess = did_you_mean(&outage.idp, members().map(name_of)).filter(|_| !elsewhere);
        return Err(guess.map_or(what.clone(), |guess| format!("{what}; did you mean `{guess}`?")));
    };
    let idp = deployment.idp(index);
    match outage.fault.unwrap_or(otherwise).unfit(idp) {
        Some(words) => Err(format!("{words}; {FIT_EVERYWHERE}")),
        None => Ok(index),
    }
}

impl Plan {
    pub(super) fn new(
        deployment: &Deployment,
        index: ContinuityIndex,
        shared: &Shared,
        options: &Options,
    ) -> Self {
        let group = deployment.continuity(index);
        let chance = Chance(options.seed);
        let seats: Vec<Seat> = group
            .members
            .iter()
            .enumerate()
            .map(|(place, idp)| seat(deployment, *idp, place, options.phase, chance))
            .collect();
        let mut windows = Vec::new();
        for outage in &shared.outages {
            let Some(member) = seats.iter().position(|seat| seat.name == outage.idp) else { continue };
            let from = outage.at.as_millis();
            let fault = outage.fault.unwrap_or(options.fault);
            let period = match fault {
                Fault::Flap { period: Some(period), .. } => period.as_millis(),
                _ => seats[member].pace.interval,
            };
            let until = outage.length.map_or(u64::MAX, |length| from + length.as_millis());
            windows.push(Window { fault_number: windows.len(), member, from, until, fault, period });
        }
        Plan {
            name: group.name.to_string(),
            weather: Weather::new(seats.len(), &windows, chance),
            seats,
            pre_flight: group.pre_flight.clone(),
            sends_anyway: group.last_resort == LastResort::Primary,
            minimums: minimums(deployment, index),
            windows,
            duration: shared.duration,
            logins: options.logins,
            arrivals: options.arrivals,
            chance,
        }
    }

    /// Whether a member is asked before a browser is sent there.
    pub(super) fn asks_first(&self) -> bool {
        !self.pre_flight.disabled
    }
}

fn seat(
    deployment: &Deployment,
    index: IdpIndex,
    place: usize,
    phase: Option<Duration>,
    chance: Chance,
) -> Seat {
    let idp = deployment.idp(index);
    let check = idp.check_or_default();
    let pace = Pace::of(&check);
    let drawn = || chance.below(pace.interval, super::chance::Draw::Phase, place as u64);
    let custom = check.custom_endpoint.is_some();
    Seat {
        name: idp.name.to_string(),
        watched: idp.check.is_some(),
        says_no: custom,
        pace,
        phase: phase.map_or_else(drawn, |phase| phase.as_millis() % pace.interval),
        settings: Settings::of(&check, deployment.is_damped(index)),
        assurance: idp.assurance,
        questions: Questions { custom, protocol: idp.facts.protocol, by_file: idp.facts.is_by_file() },
        check_budget: pace::check_budget(deployment.pre_flights(index)).as_millis(),
        times: idp.check.as_ref().map(detection::times),
    }
}

/// The levels that sign-ins through a continuity connector ask for; none where no app uses it.
fn minimums(deployment: &Deployment, index: ContinuityIndex) -> Vec<Option<u8>> {
    let mut minimums: Vec<Option<u8>> = deployment
        .apps
        .iter()
        .flat_map(|app| app.sign_ins())
        .filter(|sign_in| sign_in.providers.iter().any(|p| *p == ProviderRef::Continuity(index)))
        .map(|sign_in| sign_in.minimum_assurance)
        .collect();
    minimums.sort_unstable();
    minimums.dedup();
    if minimums.is_empty() { vec![None] } else { minimums }
}
