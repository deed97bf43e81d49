//! Drills: seconds worked out by hand, what holds whatever happens, and the same outage in real time.

mod cli;
mod flapping;
mod outages;
mod tiers;
mod twin;
mod walk;

use maverics::diag::Sources;
use maverics::drill::{self, Arrivals, Options, Rehearsal};
use maverics::model::read::ReadOptions;
use maverics::model::{self, Deployment};

const TIER1: &str = include_str!("../fixtures/seeds/tier1-basic.yaml");
const TIER2: &str = include_str!("../fixtures/seeds/tier2-diversified.yaml");
const TIER4: &str = include_str!("../fixtures/seeds/tier4-tactical.yaml");

/// A deployment as `drill` reads it.
fn deployment(text: &str) -> Deployment {
    let reading = model::read("t.yaml", text, &mut Sources::default(), &ReadOptions::default());
    reading.deployment.or(reading.planned).unwrap_or_else(|| panic!("{:?}", reading.findings))
}

/// A guide's configuration with more under `failover`.
fn with_failover(text: &str, more: &str) -> String {
    let changed = text.replace("    failover:\n", &format!("    failover:\n      {more}\n"));
    assert_ne!(changed, text);
    changed
}

fn without_pre_flight(text: &str) -> String {
    with_failover(text, "preFlight: {disabled: true}")
}

/// Logins at even distances, phases as told, and these faults.
fn even(fails: &[&str], logins: &str, phase: &str) -> Options {
    Options {
        outages: Some(fails.iter().map(|text| text.parse().expect("an outage")).collect()),
        logins: logins.parse().expect("a rate"),
        arrivals: Arrivals::Even,
        phase: Some(phase.parse().expect("a duration")),
        ..Options::default()
    }
}

/// The only continuity connector, rehearsed.
#[track_caller]
fn rehearse(text: &str, options: &Options) -> Rehearsal {
    let report = drill::run(&deployment(text), options).expect("options that make sense");
    let [rehearsal] = <[Rehearsal; 1]>::try_from(report.rehearsals).expect("one continuity connector");
    rehearsal
}
