//! Which continuity tier a fleet meets, and what would break it. Pure: linked deployments in, findings and
//! verdicts out; it opens nothing and asks nobody.
//!
//! A rule is one file in `rules/` and one line in its table. Rules report at their own level; what the user
//! selected and what comments in the files allow is applied afterwards ([`select`]).

pub mod conditions;
pub mod detection;
pub mod diff;
pub mod edits;
pub mod explain;
pub mod facts;
pub mod fix;
pub mod fleet;
pub mod report;
pub mod rule;
pub mod rules;
pub mod scene;
pub mod select;
pub mod tiers;

pub use rule::Rule;
pub use rules::RULES;
pub use scene::{Group, Member, Scene, Site};
pub use select::Selection;

use crate::diag::{Diagnostic, Sources, sort};
use crate::model::Fleet;

/// Everything that linting brought.
#[derive(Debug)]
pub struct Outcome {
    /// In the order of the files.
    pub findings: Vec<Diagnostic>,
    /// One verdict for each tier.
    pub tiers: Vec<tiers::Verdict>,
    /// How long outages go unnoticed, for each continuity connector.
    pub detection: Vec<detection::Line>,
}

/// Runs every rule over the fleet.
pub fn run(fleet: &Fleet, sources: &Sources, selection: &Selection) -> Outcome {
    let scene = Scene::new(fleet, sources);
    let mut report = rule::Report::default();
    for rule in RULES {
        (rule.check)(&scene, &mut report);
    }
    let findings = select::heed_comments(report.findings, fleet, sources);
    let mut findings = selection.apply(findings);
    sort(&mut findings);
    // A member of two continuity connectors has one mistake, however often it is met.
    findings.dedup_by(|a, b| a.code == b.code && a.place == b.place && a.message == b.message);
    Outcome { findings, tiers: tiers::judge(&scene), detection: detection::lines(&scene) }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
