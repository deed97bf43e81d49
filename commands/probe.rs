//! `maverics probe`: ask each identity provider whether it is well.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use maverics::ambient::{Clock, Entropy};
use maverics::connector::Connector;
use maverics::connector::open::{self, World};
use maverics::diag::did_you_mean;
use maverics::model::Deployment;
use maverics::model::idp::IdpIndex;
use maverics::probe::{self, Options, Overall, Report};
use maverics::secrets::keyring;
use maverics::value::{Duration, SecretText};

use super::args::{ConfigArgs, When};
use super::outcome::Outcome;
use super::output;
use super::serve::load;

/// Ask every identity provider whether it is well, and say where logins would go now
///
/// Each provider is asked the question that `serve` asks, all at once; one that hangs delays no other. The exit
/// code is 1 when a provider is not well, and 4 when some app has no healthy provider left.
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

    /// Ask this often, a second apart, and apply the thresholds of the configuration
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,

    /// Format of the report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,

    #[command(flatten)]
    config: ConfigArgs,
}

/// Format of the report.
#[derive(ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs (schemas/output/probe.schema.json)
    Json,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let files: Vec<PathBuf> = args.file.iter().cloned().collect();
    let (deployment, store) = match load(&files, &args.config)? {
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
    let opened = parts.map(|(place, (config, tls, custom))| {
        let connector = open::open(config, tls, custom, &keyring, &world).map_err(|words| anyhow!(words))?;
        Ok((IdpIndex(place), connector))
    });
    let opened: Vec<(IdpIndex, Arc<dyn Connector>)> = opened.collect::<Result<_>>()?;
    let options =
        Options { count: args.count, timeout: args.timeout.map(Duration::std), ..Options::default() };
    let report = runtime.block_on(probe::run(&deployment, opened, &options, &clock));
    // A provider that still hangs must not hold the program.
    runtime.shutdown_background();
    tell(args.format, &report, &deployment)?;
    Ok(match report.overall {
        Overall::Healthy => Outcome::Clean,
        Overall::Degraded => Outcome::Findings,
        Overall::Outage => Outcome::Outage,
    })
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
    names.iter().map(index).collect()
}

fn tell(format: Format, report: &Report, deployment: &Deployment) -> Result<()> {
    output::stdout(When::Never, |out, _| match format {
        Format::Text => out.write_all(probe::report::text(report, deployment).as_bytes()),
        Format::Json => output::pretty(out, &probe::report::json(report, deployment)),
    })
}
