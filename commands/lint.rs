//! `maverics lint`: tiers and safety rules.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use maverics::config::codes::UNSUPPORTED_HERE;
use maverics::diag::{Diagnostic, Level, Sources, sort};
use maverics::lint::{self, Selection, explain};
use maverics::model::{self, Fleet, read::ReadOptions, tier::Tier};

use super::args::{ConfigArgs, ReportArgs, When};
use super::outcome::Outcome;
use super::{input, output};

/// Say which continuity tier a fleet meets, and what would break it
///
/// Roots and edges are read together: name all their files, or a directory. Needs no secrets and no network.
/// Four tiers are judged, each by itself. Vendors and networks are read from host names; where those do not say,
/// a comment on the connector does: `# maverics: vendor=okta region=us-east network=local`. A comment
/// `# maverics: allow(RULE) reason` silences a rule on its line and the line below, or, at the top, in the file.
#[derive(clap::Args)]
pub struct Args {
    /// Files or directories (*.yaml, *.yml, *.json); `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// List all rules
    #[arg(long, conflicts_with = "files")]
    list: bool,

    /// Print the page of a rule
    #[arg(long, value_name = "RULE", conflicts_with_all = ["files", "list"])]
    explain: Option<String>,

    /// Silence a rule, by name or code, or `all`; may be repeated
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,

    /// Make a rule's findings warnings
    #[arg(long, value_name = "RULE")]
    warn: Vec<String>,

    /// Make a rule's findings errors
    #[arg(long, value_name = "RULE")]
    deny: Vec<String>,

    /// Fail unless this tier is met
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=4))]
    tier: Option<u8>,

    #[command(flatten)]
    config: ConfigArgs,

    #[command(flatten)]
    report: ReportArgs,
}

pub fn run(args: &Args) -> Result<Outcome> {
    if args.list {
        output::stdout(When::Never, |out, _| out.write_all(explain::list().as_bytes()))?;
        return Ok(Outcome::Clean);
    }
    if let Some(word) = &args.explain {
        return page(word);
    }
    let selection = match Selection::new(&args.allow, &args.warn, &args.deny) {
        Ok(selection) => selection,
        Err(faults) => return Ok(output::failure(&anyhow!(faults.join("; ")), Outcome::Usage)),
    };
    let mut sources = Sources::default();
    let mut fleet = Fleet::default();
    let mut findings = Vec::new();
    for input in input::read(&args.files, &args.config)? {
        let options = ReadOptions { plain: args.config.plain_http(), ..ReadOptions::default() };
        let reading = model::read(&input.name, &input.text, &mut sources, &options);
        findings.extend(reading.findings.into_iter().filter_map(refusal));
        fleet.deployments.extend(reading.deployment.or(reading.planned));
    }
    let judged = lint::run(&fleet, &sources, &selection);
    findings.extend(judged.findings.iter().cloned());
    sort(&mut findings);
    let extra = output::Extra { fields: lint::report::json(&judged), lines: lint::report::text(&judged) };
    let outcome = output::findings(&args.report, &findings, &sources, extra)?;
    Ok(gate(args.tier, &judged).unwrap_or(outcome))
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

/// `--tier N` is a gate.
fn gate(wanted: Option<u8>, judged: &lint::Outcome) -> Option<Outcome> {
    let wanted = Tier::ALL.into_iter().find(|tier| Some(tier.number()) == wanted)?;
    let verdict = judged.tiers.iter().find(|verdict| verdict.tier == wanted)?;
    if verdict.is_met() {
        return None;
    }
    output::note(&format!(
        "tier {} ({}) is not met: {}",
        wanted.number(),
        wanted.name(),
        verdict.missing.join("; ")
    ));
    Some(Outcome::Findings)
}

fn page(word: &str) -> Result<Outcome> {
    match explain::find(word) {
        Ok(rule) => {
            output::stdout(When::Never, |out, _| out.write_all(explain::page(rule).as_bytes()))?;
            Ok(Outcome::Clean)
        }
        Err(words) => Ok(output::failure(&anyhow!(words), Outcome::Usage)),
    }
}
