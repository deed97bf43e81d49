//! `maverics drill`: rehearse outages in virtual time.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use maverics::diag::{Level, Sources};
use maverics::drill::{self, Arrivals, Expect, Fault, Options, Outage, Rate, Report, Scenario};
use maverics::model::{self, Deployment, read::ReadOptions};
use maverics::value::Duration;

use super::args::{ConfigArgs, When};
use super::outcome::Outcome;
use super::{input, output};

/// Rehearse outages in virtual time, with the very code that `serve` runs
///
/// Providers fail as told, people come and sign in, and the report says who served them, how long each fault
/// went unnoticed, and whom it cost what. Needs no secrets and no network; hours take milliseconds, and the same
/// seed gives the same report. Without --fail and --scenario, the primary of each continuity connector refuses
/// connections after a minute, for ten.
#[derive(clap::Args)]
pub struct Args {
    /// Configuration file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// A provider fails: from when, for how long (to the end without), and how (--fault without), such as
    /// okta-idp@60s+10m or okta-idp@60s+10m=slow:9s; may be repeated
    #[arg(long, value_name = "IDP@START[+LENGTH][=FAULT]")]
    fail: Vec<Outage>,

    /// What is wrong where --fail does not say: refused, blackhole (no answer ever), slow:9s, http:500,
    /// flap:50% (down or up by chance, anew for each probe interval), flap:50%/20s (for every 20s),
    /// wrong-issuer
    #[arg(long, value_name = "FAULT", default_value_t)]
    fault: Fault,

    /// A drill kept in a file (schemas/drill-scenario.schema.json): faults, logins, and what makes it pass. Options
    /// win over it; --fail adds faults
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Continuity connector to rehearse; may be repeated [default: each, by itself]
    #[arg(long, value_name = "NAME")]
    connector: Vec<String>,

    /// How many people sign in: 5/s, 300/m, or 0 [default: 1/s]
    #[arg(long, value_name = "RATE")]
    logins: Option<Rate>,

    /// When they come, within their share of the time
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    arrivals: Moments,

    /// How long the drill lasts [default: ten minutes after the last fault begins or ends]
    #[arg(long, value_name = "DURATION")]
    duration: Option<Duration>,

    /// Where chance begins [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// When each provider's second probe comes, after the first at 0s [default: by chance within the interval]
    #[arg(long, value_name = "DURATION")]
    phase: Option<Duration>,

    /// Fail when logins still go to a faulty provider after this time
    #[arg(long, value_name = "DURATION")]
    max_detect: Option<Duration>,

    /// Fail when more logins fail, after one more try each
    #[arg(long, value_name = "N")]
    max_failed: Option<u64>,

    /// Format of the report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,

    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    config: ConfigArgs,
}

/// Format of the report.
#[derive(ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs (schemas/output/drill.schema.json)
    Json,
    /// A picture, for a browser or a document
    Svg,
}

/// When logins come.
#[derive(ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Moments {
    /// At a random moment
    #[default]
    Random,
    /// At its beginning
    Even,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let mut sources = Sources::default();
    let Some(deployment) = read(args, &mut sources)? else { return Ok(Outcome::Findings) };
    let Some(scenario) = scenario(args, &deployment, &mut sources)? else { return Ok(Outcome::Findings) };
    let report = match drill::run(&deployment, &options(args, &scenario)) {
        Ok(report) => report,
        Err(words) => return Ok(output::failure(&anyhow!(words), Outcome::Usage)),
    };
    tell(args, &report)?;
    Ok(if report.passed() { Outcome::Clean } else { Outcome::Findings })
}

/// The scenario, or what is wrong with it on standard error; an empty one where none is named.
fn scenario(args: &Args, deployment: &Deployment, sources: &mut Sources) -> Result<Option<Scenario>> {
    let Some(path) = &args.scenario else { return Ok(Some(Scenario::default())) };
    let inputs = input::read(std::slice::from_ref(path), &args.config)?;
    let [input] = inputs.as_slice() else {
        return Err(anyhow!("one scenario is rehearsed at a time; {} were named", inputs.len()));
    };
    let (scenario, findings) = drill::scenario::read(&input.name, &input.text, deployment, sources);
    output::on_stderr(&findings, sources);
    Ok(scenario)
}

/// The command line wins over the scenario, and adds to its faults.
fn options(args: &Args, scenario: &Scenario) -> Options {
    let default = Options::default();
    let planned = scenario.outages();
    let outages = match args.fail.as_slice() {
        [] => planned,
        more => Some(planned.into_iter().flatten().chain(more.iter().cloned()).collect()),
    };
    Options {
        name: scenario.name.clone(),
        connectors: args.connector.clone(),
        outages,
        fault: args.fault,
        duration: args.duration.or(scenario.duration),
        seed: args.seed.or(scenario.seed).unwrap_or(default.seed),
        logins: args.logins.or(scenario.logins).unwrap_or(default.logins),
        arrivals: match args.arrivals {
            Moments::Random => Arrivals::Random,
            Moments::Even => Arrivals::Even,
        },
        phase: args.phase,
        expect: Expect {
            max_detect: args.max_detect.or(scenario.expect.max_detect),
            max_failed: args.max_failed.or(scenario.expect.max_failed),
        },
    }
}

/// The deployment, or what is wrong with it on standard error. That something is not run here yet says
/// nothing about continuity: the plan is rehearsed.
fn read(args: &Args, sources: &mut Sources) -> Result<Option<Deployment>> {
    let files: Vec<PathBuf> = args.file.iter().cloned().collect();
    let input = input::read(&files, &args.config)?;
    let [input] = input.as_slice() else {
        return Err(anyhow!("one configuration file is rehearsed at a time; {} were named", input.len()));
    };
    let options = ReadOptions { plain: args.config.plain_http(), ..ReadOptions::default() };
    let reading = model::read(&input.name, &input.text, sources, &options);
    let deployment = reading.deployment.or(reading.planned);
    if deployment.is_none() {
        output::on_stderr(&reading.findings, sources);
    } else if reading.findings.iter().any(|finding| finding.level >= Level::Error) {
        output::note("parts of this configuration are not run here yet; it is rehearsed as it is meant");
    }
    Ok(deployment)
}

fn tell(args: &Args, report: &Report) -> Result<()> {
    let write = |out: &mut dyn Write| match args.format {
        Format::Text => out.write_all(drill::text::report(report).as_bytes()),
        Format::Json => output::pretty(out, &drill::json::report(report)),
        Format::Svg => out.write_all(drill::svg::report(report).as_bytes()),
    };
    match &args.output {
        None => output::stdout(When::Never, |out, _| write(out)),
        Some(path) => File::create(path)
            .and_then(|mut file| write(&mut file))
            .with_context(|| format!("cannot write {}", path.display())),
    }
}
