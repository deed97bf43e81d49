//! Texts of configurations to everything that linting says of them: what `maverics lint` does, without files.

use super::{Outcome, Selection, run};
use crate::config::codes::UNSUPPORTED_HERE;
use crate::diag::{Diagnostic, Level, Sources, sort};
use crate::model::{self, Fleet, read::ReadOptions};

/// A configuration and the name that findings give it.
#[derive(Debug, Clone)]
pub struct Text {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What was said of a fleet.
#[derive(Debug)]
pub struct Linted {
    /// The files, for labels; in the order of the texts.
    pub sources: Sources,
    /// What keeps a file from being judged, and the findings of the rules, in the order of the files.
    pub findings: Vec<Diagnostic>,
    /// What the rules, the tiers and the times say.
    pub outcome: Outcome,
}

/// Reads the texts as one fleet, and judges it.
pub fn lint(texts: &[Text], options: &ReadOptions<'_>, selection: &Selection) -> Linted {
    let mut sources = Sources::default();
    let mut fleet = Fleet::default();
    let mut findings = Vec::new();
    for text in texts {
        let reading = model::read(&text.name, &text.text, &mut sources, options);
        findings.extend(reading.findings.into_iter().filter_map(refusal));
        fleet.deployments.extend(reading.deployment.or(reading.planned));
    }
    let outcome = run(&fleet, &sources, selection);
    findings.extend(outcome.findings.iter().cloned());
    sort(&mut findings);
    Linted { sources, findings, outcome }
}

/// What keeps a file from being run: it is told here too, and the file then not judged. That something is not
/// run here yet says nothing about continuity: the plan is judged, with a warning.
fn refusal(mut finding: Diagnostic) -> Option<Diagnostic> {
    if finding.code == &UNSUPPORTED_HERE {
        finding.level = finding.level.min(Level::Warn);
        return Some(finding);
    }
    (finding.level >= Level::Error).then_some(finding)
}
