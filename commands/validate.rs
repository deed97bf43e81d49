//! `maverics validate`: schema and links.

use std::path::PathBuf;

use anyhow::Result;
use maverics::config::fill::Fillers;
use maverics::diag::{Sources, sort};
use maverics::model::{self, read::ReadOptions};
use maverics::value::SecretRef;

use super::args::{ConfigArgs, ReportArgs, exact_environment};
use super::outcome::Outcome;
use super::{input, output};

/// Check configurations: form and names, with line and column
///
/// Needs no secrets and no network. Every mistake of every file is reported in one run, each with a code
/// (`maverics explain CODE`) and the way to put it right.
#[derive(clap::Args)]
pub struct Args {
    /// Files or directories (*.yaml, *.yml, *.json); `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Also look up environment variables and secret references
    #[arg(long)]
    resolve: bool,

    /// Also report keys that the original product does not have
    #[arg(long)]
    show_extensions: bool,

    #[command(flatten)]
    config: ConfigArgs,

    #[command(flatten)]
    report: ReportArgs,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let inputs = input::read(&args.files, &args.config)?;
    let store = if args.resolve { args.config.open_secret_provider()? } else { None };
    // Without a store every reference is unresolved.
    let secret = |reference: &SecretRef| {
        store.as_ref().and_then(|store| store.look_up(reference)).map(|secret| secret.expose().clone())
    };
    let mut sources = Sources::default();
    let mut findings = Vec::new();
    for input in &inputs {
        let fillers = if args.resolve {
            Fillers { env: Some(&exact_environment), secret: Some(&secret), probe_secrets: true }
        } else {
            Fillers::default()
        };
        let options =
            ReadOptions { fillers, plain: args.config.plain_http(), show_extensions: args.show_extensions };
        findings.extend(model::read(&input.name, &input.text, &mut sources, &options).findings);
    }
    sort(&mut findings);
    output::findings(&args.report, &findings, &sources, output::Extra::default())
}
