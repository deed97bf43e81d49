//! `maverics lint`: tiers and safety rules.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use maverics::diag::Level;
use maverics::lint::fix::Fixed;
use maverics::lint::fleet::{Linted, Text};
use maverics::lint::{self, Selection, explain};
use maverics::model::{read::ReadOptions, tier::Tier};

use super::args::{FileArgs, ReportArgs, When};
use super::outcome::Outcome;
use super::{input, output};

/// Say which continuity tier a fleet meets, and what would break it
///
/// Roots and edges are read together: name all their files, or a directory. Needs no secrets and no network.
/// Four tiers are judged, each by itself. Vendors and networks are read from host names; where those do not say,
/// a comment on the connector does: `# maverics: vendor=okta region=us-east network=local`. A comment
/// `# maverics: allow(RULE) reason` silences a rule on its line and the line below, or, at the top, in the file.
/// `--fix` puts right what takes nobody's decision, and touches nothing else in the file.
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

    /// Put right what takes no decision, in the files themselves; standard input is written to standard
    /// output
    #[arg(long)]
    fix: bool,

    /// Show what --fix would change, and change nothing
    #[arg(long, conflicts_with = "fix")]
    diff: bool,

    #[command(flatten)]
    config: FileArgs,

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
    let inputs = input::read(&args.files, &args.config)?;
    let (paths, texts): (Vec<Option<PathBuf>>, Vec<Text>) =
        inputs.into_iter().map(|input| (input.path, Text { name: input.name, text: input.text })).unzip();
    let options = ReadOptions { plain: args.config.plain_http(), ..ReadOptions::default() };
    if args.diff {
        let fixed = lint::fix::fix(texts.clone(), &options, &selection);
        let now = lint::fleet::lint(&texts, &options, &selection);
        let bad = now.findings.iter().any(|finding| finding.level >= Level::from(args.report.fail_level));
        return show(&texts, &fixed, bad);
    }
    if args.fix {
        let fixed = lint::fix::fix(texts.clone(), &options, &selection);
        return put_right(args, &paths, &texts, &fixed);
    }
    report(args, &lint::fleet::lint(&texts, &options, &selection))
}

fn report(args: &Args, linted: &Linted) -> Result<Outcome> {
    let Linted { sources, findings, outcome: judged } = linted;
    let extra = output::Extra { fields: lint::report::json(judged), lines: lint::report::text(judged) };
    let outcome = output::findings(&args.report, findings, sources, extra)?;
    Ok(gate(args.tier, judged).unwrap_or(outcome))
}

/// `--diff`: what would change. Exit code 1 when anything would, or when a report would end so (`bad`).
fn show(before: &[Text], fixed: &Fixed, bad: bool) -> Result<Outcome> {
    let pairs = before.iter().zip(&fixed.texts);
    let diff: String = pairs.map(|(old, new)| lint::diff::unified(&old.name, &old.text, &new.text)).collect();
    output::stdout(When::Never, |out, _| out.write_all(diff.as_bytes()))?;
    tell(fixed, "would be put right");
    if bad && diff.is_empty() {
        output::note("there are findings that no edit puts right; `maverics lint` shows them");
    }
    Ok(if diff.is_empty() && !bad { Outcome::Clean } else { Outcome::Findings })
}

/// `--fix`: the files, then a report of what is left. Standard input goes to standard output, where the report
/// would be in its way.
fn put_right(args: &Args, paths: &[Option<PathBuf>], before: &[Text], fixed: &Fixed) -> Result<Outcome> {
    let mut piped = None;
    for ((path, old), new) in paths.iter().zip(before).zip(&fixed.texts) {
        match path {
            Some(path) if old.text != new.text => {
                std::fs::write(path, &new.text).with_context(|| format!("cannot write {}", path.display()))?
            }
            Some(_) => {}
            None => piped = Some(new),
        }
    }
    tell(fixed, "put right");
    let Some(piped) = piped else { return report(args, &fixed.left) };
    output::stdout(When::Never, |out, _| out.write_all(piped.text.as_bytes()))?;
    output::on_stderr(&fixed.left.findings, &fixed.left.sources);
    let fails = args.report.fail_level.into();
    let failed = fixed.left.findings.iter().any(|finding| finding.level >= fails);
    let outcome = if failed { Outcome::Findings } else { Outcome::Clean };
    Ok(gate(args.tier, &fixed.left.outcome).unwrap_or(outcome))
}

fn tell(fixed: &Fixed, what: &str) {
    let s = if fixed.fixed == 1 { "" } else { "s" };
    output::note(&format!("{} finding{s} {what}", fixed.fixed));
    for refused in &fixed.refused {
        output::note(&format!("left as it is, the edit does not hold: {refused}"));
    }
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
