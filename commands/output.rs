//! Findings and other answers, written where they belong: data to standard output or a file, the rest to
//! standard error.

use std::fs::File;
use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, Result};
use maverics::diag::{Diagnostic, Level, Sources, gitlab, json, junit, sarif, tally, text};
use serde_json::{Map, Value};

use super::args::{Format, ReportArgs, When};
use super::outcome::Outcome;

/// What a report says besides its findings.
#[derive(Default)]
pub struct Extra {
    /// Further fields of the JSON report.
    pub fields: Map<String, Value>,
    /// Further lines of the text report.
    pub lines: String,
}

/// Reports findings, and says how the command ended.
pub fn findings(
    args: &ReportArgs,
    findings: &[Diagnostic],
    sources: &Sources,
    extra: Extra,
) -> Result<Outcome> {
    to(args, |out, colour| match args.format() {
        Format::Text => {
            findings.iter().try_for_each(|d| writeln!(out, "{}\n", text::render(d, sources, colour)))?;
            out.write_all(extra.lines.as_bytes())
        }
        Format::Github => findings.iter().try_for_each(|d| writeln!(out, "{}", sarif::github(d, sources))),
        Format::Json => pretty(out, &json::report(findings, sources, extra.fields)),
        Format::Sarif => pretty(out, &sarif::sarif(findings, sources)),
        Format::Gitlab => pretty(out, &gitlab::report(findings, sources)),
        Format::Junit => out.write_all(junit::report(findings, sources).as_bytes()),
    })?;
    summary(findings, sources);
    let fails = Level::from(args.fail_level);
    let failed = findings.iter().any(|d| d.level >= fails);
    Ok(if failed { Outcome::Findings } else { Outcome::Clean })
}

/// Findings for a command whose standard output is for something else.
pub fn on_stderr(findings: &[Diagnostic], sources: &Sources) {
    let raw = io::stderr();
    let choice = AutoStream::choice(&raw);
    let mut err = AutoStream::new(raw, choice);
    for finding in findings.iter().filter(|finding| finding.level >= Level::Error) {
        // Nothing is left to tell a person whose terminal is gone.
        let _ = writeln!(err, "{}\n", text::render(finding, sources, choice != ColorChoice::Never));
    }
}

fn summary(findings: &[Diagnostic], sources: &Sources) {
    let (errors, warnings, infos) = tally(findings);
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let words = [count(errors, "error"), count(warnings, "warning"), count(infos, "info")].join(", ");
    note(&format!("{} checked: {words}", count(sources.len(), "file")));
}

/// A line for the person at the terminal. Nothing is left to tell a person whose terminal is gone.
pub fn note(words: &str) {
    let _ = writeln!(io::stderr(), "maverics: {words}");
}

/// Says why a command did not run, causes included.
pub fn failure(error: &anyhow::Error, outcome: Outcome) -> Outcome {
    note(&format!("{error:#}"));
    outcome
}

/// Writes to `--output`, else to standard output; the second argument of `write` is whether to use colour.
pub fn to(args: &ReportArgs, write: impl FnOnce(&mut dyn Write, bool) -> io::Result<()>) -> Result<()> {
    match &args.output {
        Some(path) => {
            let mut file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            write(&mut file, args.color == When::Always)
                .with_context(|| format!("cannot write {}", path.display()))
        }
        None => stdout(args.color, write),
    }
}

/// Writes to standard output. A reader that has seen enough (`| head`) is a polite end, not a failure.
pub fn stdout(color: When, write: impl FnOnce(&mut dyn Write, bool) -> io::Result<()>) -> Result<()> {
    let raw = io::stdout().lock();
    let choice = match color {
        When::Auto => AutoStream::choice(&raw),
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
    };
    let mut out = io::BufWriter::new(AutoStream::new(raw, choice));
    match write(&mut out, choice != ColorChoice::Never).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}

/// JSON as people can read it, with a newline at the end.
pub fn pretty(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}
