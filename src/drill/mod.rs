//! Outages rehearsed in virtual time, with the state machine, the choice, the login transaction and the pace
//! of `serve` itself ([`crate::continuity`]). Pure: a deployment, faults and a seed in, a report out.
//!
//! ```text
//!  Options ──► Plan ─────────────────► engine ──────────► Record ──► Report: text, JSON, picture
//!              one continuity           probes, questions
//!              connector, its members,  and logins, by a
//!              faults as weather        queue of moments
//! ```
//!
//! Each continuity connector is rehearsed by itself, as if all logins went through it. What is not simulated:
//! networks, and this machine. A provider that is well answers within [`ANSWER_MILLIS`], and a request meets
//! the weather of the moment in which it begins.

mod callback;
mod chance;
mod engine;
pub mod fault;
pub mod json;
mod logins;
mod measure;
mod people;
pub mod plan;
pub mod rate;
pub mod record;
pub mod scenario;
pub mod svg;
pub mod text;
mod weather;
mod words;

pub use fault::{Fault, Outage};
pub use measure::{Check, Expect, Measured};
pub use plan::Arrivals;
pub use rate::Rate;
pub use record::Record;
pub use scenario::Scenario;
pub use weather::ANSWER_MILLIS;

use crate::model::Deployment;
use crate::value::Duration;
use plan::{Plan, Shared};

/// The seed when nobody names one: a drill repeats.
pub const SEED: u64 = 1;

/// What to rehearse.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the drill is called.
    pub name: Option<String>,
    /// Continuity connectors to rehearse; all without.
    pub connectors: Vec<String>,
    /// What fails, where it differs from `fault`; without, the primary fails after a minute for ten.
    pub outages: Option<Vec<Outage>>,
    /// The fault of outages that do not name one.
    pub fault: Fault,
    /// How long; ten minutes after the last fault begins or ends, without.
    pub duration: Option<Duration>,
    /// Where chance begins.
    pub seed: u64,
    /// How many logins come.
    pub logins: Rate,
    /// When they come.
    pub arrivals: Arrivals,
    /// The phase of all providers, instead of one of chance each.
    pub phase: Option<Duration>,
    /// What makes the drill pass.
    pub expect: Expect,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            name: None,
            connectors: Vec::new(),
            outages: None,
            fault: Fault::default(),
            duration: None,
            seed: SEED,
            logins: Rate::ONE_A_SECOND,
            arrivals: Arrivals::default(),
            phase: None,
            expect: Expect::default(),
        }
    }
}

/// What a run of all chosen continuity connectors brought.
#[derive(Debug, Clone)]
pub struct Report {
    /// What the drill is called.
    pub name: Option<String>,
    /// Where chance began.
    pub seed: u64,
    /// How long it lasted.
    pub duration: Duration,
    /// How many logins came to each.
    pub logins: Rate,
    /// Whether members were asked before a browser was sent there, and what happened, per connector.
    pub rehearsals: Vec<Rehearsal>,
    /// What was expected, and whether it held.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether everything that was expected held.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.held)
    }
}

/// One continuity connector, rehearsed.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// Its name.
    pub name: String,
    /// Its members, in order.
    pub members: Vec<String>,
    /// Budget of a pre-flight; `None` where members are not asked first.
    pub pre_flight: Option<Duration>,
    /// The faults, with what was measured beside what may be expected at worst.
    pub faults: Vec<Measured>,
    /// What happened.
    pub record: Record,
}

/// Rehearses. The error says which option makes no sense, and a guess at what was meant.
pub fn run(deployment: &Deployment, options: &Options) -> Result<Report, String> {
    let shared = Shared::new(deployment, options)?;
    let rehearsals: Vec<Rehearsal> = shared
        .chosen
        .iter()
        .map(|index| {
            let plan = Plan::new(deployment, *index, &shared, options);
            let record = engine::run(&plan);
            Rehearsal {
                members: plan.seats.iter().map(|seat| seat.name.clone()).collect(),
                pre_flight: plan.asks_first().then_some(plan.pre_flight.timeout),
                faults: measure::faults(&plan, &record),
                name: plan.name,
                record,
            }
        })
        .collect();
    Ok(Report {
        name: options.name.clone(),
        seed: options.seed,
        duration: Duration::from_millis(shared.duration),
        logins: options.logins,
        checks: measure::checks(&rehearsals, &options.expect),
        rehearsals,
    })
}
