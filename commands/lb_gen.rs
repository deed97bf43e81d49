//! `maverics lb-gen`: the configuration of one load balancer.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use maverics::diag::Sources;
use maverics::lb::{self, Options, Pool, TARGETS, Target, pool};
use maverics::model::{self, Deployment, read::ReadOptions};

use super::args::{FileArgs, When};
use super::outcome::Outcome;
use super::{input, output};

/// Write load balancer configuration that fits a deployment
///
/// Session cookie, status path, TLS of the nodes and timeouts come from the configuration; the nodes from
/// `--instance`. The balancer gets a cookie of its own: one with the name of the session cookie would lose every
/// session. Paths of certificates are those on the balancer's machine.
#[derive(clap::Args)]
pub struct Args {
    /// Load balancer to write for (see --list)
    #[arg(value_name = "TARGET", required_unless_present = "list")]
    target: Option<String>,

    /// Configuration file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// List all targets
    #[arg(long)]
    list: bool,

    /// A node, by a stable name and its address; may be repeated
    #[arg(long, value_name = "NAME=HOST:PORT")]
    instance: Vec<String>,

    /// Where the balancer listens [default: :443; :80 where people come over plain http]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,

    /// Where TLS ends [default: reencrypt where the nodes speak TLS, else terminate]
    #[arg(long, value_enum, value_name = "MODE")]
    tls: Option<Tls>,

    /// Public host name; may be repeated [default: those in the configuration]
    #[arg(long, value_name = "NAME")]
    server_name: Vec<String>,

    /// Certificate of the balancer, with its key
    #[arg(long, value_name = "PATH")]
    cert: Option<String>,

    /// Roots for the nodes' certificates [default: those of the system]
    #[arg(long, value_name = "PATH")]
    ca: Option<String>,

    /// Name in the nodes' certificates [default: the first public host name]
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,

    /// Name of the affinity cookie [default: maverics_lb]
    #[arg(long, value_name = "COOKIE")]
    affinity: Option<String>,

    /// Hide the status endpoint from the outside
    #[arg(long)]
    status_internal: bool,

    /// Write the file, under the name its reader expects, into this directory
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,

    /// Run the vendor's own validator over the result, where it is installed
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    config: FileArgs,
}

/// Where TLS ends.
#[derive(ValueEnum, Debug, Clone, Copy)]
enum Tls {
    /// At the balancer; plain HTTP to the nodes
    Terminate,
    /// At the nodes; no cookie, so people stay by address
    Passthrough,
    /// At the balancer, and TLS again to the nodes
    Reencrypt,
}

impl From<Tls> for pool::Tls {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::Terminate => pool::Tls::Terminate,
            Tls::Passthrough => pool::Tls::Passthrough,
            Tls::Reencrypt => pool::Tls::Reencrypt,
        }
    }
}

pub fn run(args: &Args) -> Result<Outcome> {
    let (false, Some(name)) = (args.list, &args.target) else { return list() };
    let target = match lb::find(name) {
        Ok(target) => target,
        Err(words) => return Ok(output::failure(&anyhow!(words), Outcome::Usage)),
    };
    let deployment = match deployment(args)? {
        Ok(deployment) => deployment,
        Err(outcome) => return Ok(outcome),
    };
    let pool = match Pool::new(&deployment, &options(args)) {
        Ok(pool) => pool,
        Err(faults) => {
            faults.iter().for_each(|fault| output::note(fault));
            return Ok(Outcome::Usage);
        }
    };
    let text = match lb::write(target, &pool) {
        Ok(text) => text,
        Err(refusal) => return Ok(output::failure(&anyhow!(refusal), Outcome::Usage)),
    };
    if pool.nodes.as_slice().len() < 2 {
        output::note("there is one instance: when it stops, nobody can sign in");
    }
    match &args.output_dir {
        None => output::stdout(When::Never, |out, _| out.write_all(text.as_bytes()))?,
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("cannot make {}", directory.display()))?;
            let path = directory.join(target.file_name);
            std::fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
            output::note(&format!("written: {}", path.display()));
        }
    }
    if args.check { check(target, &text) } else { Ok(Outcome::Clean) }
}

fn list() -> Result<Outcome> {
    output::stdout(When::Never, |out, _| {
        TARGETS.iter().try_for_each(|t| writeln!(out, "{:<12} {} ({})", t.name, t.summary, t.file_name))
    })?;
    Ok(Outcome::Clean)
}

/// The deployment, or how the command ends without one: its findings are told on standard error, since
/// standard output is for the file.
fn deployment(args: &Args) -> Result<std::result::Result<Deployment, Outcome>> {
    let files: Vec<PathBuf> = args.file.iter().cloned().collect();
    let inputs = input::read(&files, &args.config)?;
    let [input] = inputs.as_slice() else {
        return Ok(Err(output::failure(&anyhow!("name one configuration file"), Outcome::Usage)));
    };
    let mut sources = Sources::default();
    let options = ReadOptions { plain: args.config.plain_http(), ..ReadOptions::default() };
    let reading = model::read(&input.name, &input.text, &mut sources, &options);
    if let Some(deployment) = reading.deployment.or(reading.planned) {
        return Ok(Ok(deployment));
    }
    output::on_stderr(&reading.findings, &sources);
    Ok(Err(Outcome::Findings))
}

fn options(args: &Args) -> Options {
    Options {
        instances: args.instance.clone(),
        listen: args.listen.clone(),
        tls: args.tls.map(Into::into),
        server_names: args.server_name.clone(),
        certificate: args.cert.clone(),
        ca: args.ca.clone(),
        node_name: args.node_name.clone(),
        affinity: args.affinity.clone(),
        status_internal: args.status_internal,
    }
}

/// Runs the vendor's validator. It opens the certificates that the file names.
fn check(target: &Target, text: &str) -> Result<Outcome> {
    let Some([program, arguments @ ..]) = target.validator else {
        output::note(&format!("{} has no validator that runs offline", target.name));
        return Ok(Outcome::Clean);
    };
    let directory = std::env::temp_dir().join(format!("maverics-lb-{}", std::process::id()));
    std::fs::create_dir(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let outcome = validate(target, program, arguments, &directory, text);
    let _ = std::fs::remove_dir_all(&directory);
    outcome
}

fn validate(
    target: &Target,
    program: &str,
    arguments: &[&str],
    directory: &Path,
    text: &str,
) -> Result<Outcome> {
    let path = directory.join(target.file_name);
    std::fs::File::create_new(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))?;
    match Command::new(program).args(arguments).arg(&path).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            output::note(&format!("{program} is not installed, so its own check was not run"));
            Ok(Outcome::Clean)
        }
        Err(error) => Err(error).with_context(|| format!("cannot run {program}")),
        Ok(done) if done.status.success() => {
            output::note(&format!("{program} accepts it"));
            Ok(Outcome::Clean)
        }
        Ok(done) => {
            output::note(&format!(
                "{program} refuses it:\n{}",
                String::from_utf8_lossy(&done.stderr).trim_end()
            ));
            Ok(Outcome::Findings)
        }
    }
}
