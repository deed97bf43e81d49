//! `maverics probe`: ask each identity provider whether it is well.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use maverics::ambient::{Clock, Entropy, UnixSecs};
use maverics::connector::Connector;
use maverics::connector::open::{self, World};
use maverics::diag::{Level, Sources, did_you_mean};
use maverics::model::Deployment;
use maverics::model::idp::IdpIndex;
use maverics::probe::{self, Answered, Options, Overall, Report, Watch, findings, prometheus, report};
use maverics::secrets::keyring;
use maverics::value::{Duration, SecretText};

use super::args::{self, ConfigArgs, FailLevel, ReportArgs, When, environment};
use super::outcome::Outcome;
use super::output;
use super::serve::{load_into, print};

/// Between two questions to one provider, where a number of them is asked and nobody watches.
const COUNT_PAUSE_SECS: u64 = 1;
/// Cursor to the upper left, and everything below it empty.
const REDRAW: &str = "\x1b[H\x1b[J";

/// Ask every identity provider whether it is well, and say where logins would go now
///
/// Each provider is asked the question that `serve` asks, all at once; one that hangs delays no other. The exit
/// code is 1 when a provider is not well, and 4 when some app has no healthy provider left (without apps: when none
/// that was asked is well). `maverics explain REASON` says what a reason means.
#[derive(clap::Args)]
pub struct Args {
    /// Configuration file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Ask only this connector; may be repeated
    #[arg(long, value_name = "NAME")]
    connector: Vec<String>,

    /// Budget of one question, such as 3s [default: the connector's own timeout]
    #[arg(long, value_name = "DURATION")]
    timeout: Option<Duration>,

    /// Ask this often, and apply the thresholds of the configuration [default: 1; with --watch, without end]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: Option<u32>,

    /// Ask again and again, and show each provider's last 60 answers; the thresholds apply. Ctrl-C ends it, with
    /// the exit code of that moment
    #[arg(long)]
    watch: bool,

    /// From one question to the next to the same provider, 100ms to 1h [default: 1s; with --watch, the
    /// connector's own interval, 1s to 60s]
    #[arg(long, value_name = "DURATION")]
    interval: Option<Duration>,

    /// Format of the report [default: github where $GITHUB_ACTIONS is set, else text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,

    /// Write the report to a file instead of standard output; with --watch, anew after each answer
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    color: When,

    /// Least level of a finding that makes the exit code 1
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t)]
    fail_level: FailLevel,

    #[command(flatten)]
    config: ConfigArgs,
}

/// Format of the report.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// For people
    Text,
    /// For programs (schemas/output/probe.schema.json); with --watch, one line after each answer
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
    /// Code quality report of GitLab
    Gitlab,
    /// JUnit XML
    Junit,
    /// Metrics as Prometheus reads them
    Prometheus,
}

impl Format {
    /// The format of findings that it is.
    fn of_findings(self) -> Option<args::Format> {
        match self {
            Format::Text | Format::Json | Format::Prometheus => None,
            Format::Sarif => Some(args::Format::Sarif),
            Format::Github => Some(args::Format::Github),
            Format::Gitlab => Some(args::Format::Gitlab),
            Format::Junit => Some(args::Format::Junit),
        }
    }
}

impl Args {
    fn format(&self) -> Format {
        self.format.unwrap_or_else(|| match environment("GITHUB_ACTIONS") {
            Some(_) if !self.watch => Format::Github,
            _ => Format::Text,
        })
    }

    /// What makes no sense together.
    fn fault(&self) -> Option<String> {
        if self.watch && self.format().of_findings().is_some() {
            return Some("--watch goes with --format text, json or prometheus".into());
        }
        if self.watch && self.output.is_some() && self.format() == Format::Text {
            return Some(
                "--watch writes text to the terminal only; --output goes with json or prometheus".into(),
            );
        }
        let millis = self.interval.map(Duration::as_millis);
        if millis.is_some_and(|millis| !(100..=3_600_000).contains(&millis)) {
            return Some("--interval is between 100ms and 1h".into());
        }
        None
    }

    fn options(&self) -> Options {
        let pause = (!self.watch).then(|| std::time::Duration::from_secs(COUNT_PAUSE_SECS));
        Options {
            count: self.count.or((!self.watch).then_some(1)),
            interval: self.interval.map(Duration::std).or(pause),
            timeout: self.timeout.map(Duration::std),
        }
    }
}

pub fn run(args: &Args) -> Result<Outcome> {
    if let Some(words) = args.fault() {
        return Ok(output::failure(&anyhow!(words), Outcome::Usage));
    }
    let files: Vec<PathBuf> = args.file.iter().cloned().collect();
    let mut sources = Sources::default();
    let (deployment, store) = match load_into(&files, &args.config, &mut sources, &mut print)? {
        Ok(loaded) => loaded,
        Err(outcome) => return Ok(outcome),
    };
    let chosen = match chosen(&deployment, &args.connector) {
        Ok(chosen) => chosen,
        Err(words) => return Ok(output::failure(&anyhow!(words), Outcome::Usage)),
    };
    // Only what the questions need: an on-call engineer may not hold the signing keys.
    let texts = chosen.iter().flat_map(|index| deployment.idp(*index).config.secrets());
    let references = texts.filter_map(|(_, text)| match text {
        SecretText::Reference(reference) => Some(reference),
        SecretText::Inline(_) => None,
    });
    let keyring = keyring::unlock(references, store.as_deref()).map_err(|missing| anyhow!("{missing}"))?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let clock = Clock::system();
    let world = World {
        runtime: runtime.handle().clone(),
        clock: clock.clone(),
        entropy: Entropy::system(),
        plain: args.config.plain_http(),
        shelf: None,
    };
    let parts = deployment.to_open().enumerate().filter(|(place, _)| chosen.contains(&IdpIndex(*place)));
    let opened = parts.map(|(place, parts)| {
        let connector = open::open(parts.config, parts.tls, parts.custom_tls, &keyring, &world)
            .map_err(|words| anyhow!(words))?;
        Ok((IdpIndex(place), connector))
    });
    let opened: Vec<(IdpIndex, Arc<dyn Connector>)> = opened.collect::<Result<_>>()?;
    let options = args.options();
    let report = match args.watch {
        false => runtime.block_on(probe::run(&deployment, opened, &options, &clock)),
        true => runtime.block_on(watch(args, &deployment, opened, &options, &clock))?,
    };
    // A provider that still hangs must not hold the program.
    runtime.shutdown_background();
    tell(args, &report, &deployment, &sources, clock.unix())
}

/// Shows each answer as it comes, until all were asked as often as wanted, or somebody ends it.
async fn watch(
    args: &Args,
    deployment: &Deployment,
    opened: Vec<(IdpIndex, Arc<dyn Connector>)>,
    options: &Options,
    clock: &Clock,
) -> Result<Report> {
    let mut watch = Watch::new(deployment, options);
    let providers = opened.len();
    let mut answers = probe::ask(deployment, opened, options);
    let in_place = args.format() == Format::Text && io::stdout().is_terminal();
    let mut before: Option<Report> = None;
    loop {
        let answered: Answered = tokio::select! {
            answered = answers.recv() => match answered {
                Some(answered) => answered,
                None => break,
            },
            _ = tokio::signal::ctrl_c() => break,
        };
        let (idp, verdict) = (answered.idp, answered.verdict.clone());
        watch.take(answered, clock.millis());
        let report = watch.report();
        // Before everybody has answered once there is nothing to conclude.
        let complete = report.providers.len() == providers;
        if !complete && args.format() != Format::Text {
            continue;
        }
        let text = match args.format() {
            Format::Text if in_place => {
                format!("{REDRAW}{}", report::text(&report, deployment, clock.unix()))
            }
            Format::Text => {
                let line = report::line(idp, &verdict, &report, deployment, clock.unix());
                match complete {
                    true => line + &report::changes(before.as_ref(), &report, clock.unix()),
                    false => line,
                }
            }
            Format::Prometheus => prometheus::text(&report, deployment),
            _ => format!("{}\n", report::json(&report, deployment)),
        };
        let more = match &args.output {
            Some(path) => replace(path, &text).map(|()| true)?,
            None => show(&text)?,
        };
        before = Some(report).filter(|_| complete);
        if !more {
            break;
        }
    }
    Ok(watch.report())
}

/// Writes to standard output at once. `false` when the reader has seen enough.
fn show(text: &str) -> Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        result => result.map(|()| true).context("cannot write to standard output"),
    }
}

/// A file whose readers see the old text or the new one.
fn replace(path: &Path, text: &str) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// The providers to ask: all of them, or those named.
fn chosen(deployment: &Deployment, names: &[String]) -> std::result::Result<Vec<IdpIndex>, String> {
    let known = || deployment.idps.iter().map(|idp| idp.name.as_str());
    let index = |name: &String| {
        known().position(|have| have == name).map(IdpIndex).ok_or_else(|| match did_you_mean(name, known()) {
            Some(guess) => format!("there is no connector `{name}`; did you mean `{guess}`?"),
            None => format!("there is no connector `{name}` that can be asked"),
        })
    };
    if names.is_empty() {
        return Ok((0..deployment.idps.len()).map(IdpIndex).collect());
    }
    let mut chosen: Vec<IdpIndex> = names.iter().map(index).collect::<std::result::Result<_, _>>()?;
    chosen.sort();
    chosen.dedup();
    Ok(chosen)
}

/// Writes the report, unless the watch has shown it, and says how the command ended.
fn tell(
    args: &Args,
    report: &Report,
    deployment: &Deployment,
    sources: &Sources,
    now: UnixSecs,
) -> Result<Outcome> {
    let findings = findings::findings(report, deployment, now);
    let written = ReportArgs {
        format: args.format().of_findings(),
        output: args.output.clone(),
        color: args.color,
        fail_level: args.fail_level,
    };
    match args.format() {
        _ if args.watch => {}
        Format::Text => {
            output::to(&written, |out, _| out.write_all(report::text(report, deployment, now).as_bytes()))?
        }
        Format::Json => {
            output::to(&written, |out, _| output::pretty(out, &report::json(report, deployment)))?
        }
        Format::Prometheus => {
            output::to(&written, |out, _| out.write_all(prometheus::text(report, deployment).as_bytes()))?;
        }
        Format::Sarif | Format::Github | Format::Gitlab | Format::Junit => {
            output::findings(&written, &findings, sources, output::Extra::default())?;
        }
    }
    let fails = Level::from(args.fail_level);
    Ok(match report.overall {
        Overall::Outage => Outcome::Outage,
        _ if findings.iter().any(|finding| finding.level >= fails) => Outcome::Findings,
        _ => Outcome::Clean,
    })
}
