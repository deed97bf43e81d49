//! `maverics serve`: run the orchestrator.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use maverics::ambient::{Clock, Entropy};
use maverics::config::codes;
use maverics::config::fill::Fillers;
use maverics::config::logger::LogLevel;
use maverics::connector::open::{self, World};
use maverics::diag::{Level, Sources, text};
use maverics::model::{self, App, Deployment, read::ReadOptions};
use maverics::secrets::{self, Keyring, keyring};
use maverics::serve::telemetry::format::Format;
use maverics::serve::{Options, StartError, start};
use maverics::value::url::{PlainHttp, is_loopback_name};
use maverics::value::{SecretRef, WebUrl};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use super::args::{ConfigArgs, environment, exact_environment};
use super::outcome::Outcome;
use super::{input, output};

/// Comment in the files that `maverics demo` writes.
const DEMO_MARK: &str = "maverics: demo";

/// Run the orchestrator
///
/// Reads and links the configuration, opens secrets and keys, binds, and serves. A configuration error, a
/// missing secret or an occupied port stops it before anything listens; a dead identity provider never does.
/// SIGTERM drains: the status endpoint turns 503 at once, requests are still served for --drain-delay, then
/// those in flight finish within --grace.
#[derive(clap::Args)]
pub struct Args {
    /// Configuration file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    config: ConfigArgs,

    /// Listen address that wins over `http.address` [default: $MAVERICS_HTTP_ADDRESS]
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,

    /// Log at level debug
    #[arg(long, short)]
    verbose: bool,

    /// How long requests are still accepted after SIGTERM, so that balancers notice the status
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    drain_delay: maverics::value::Duration,

    /// How long requests in flight may take after that
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    grace: maverics::value::Duration,

    /// Threads that accept and proxy [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// The original's command line (`maverics -config F -verbose -secretProvider URL`, one dash or two, no
/// subcommand) as ours.
pub fn drop_in(arguments: Vec<std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    let ours = |argument: &std::ffi::OsString| {
        let text = argument.to_str()?;
        let name = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
        let (name, value) = name.split_once('=').map_or((name, None), |(n, v)| (n, Some(v)));
        let name = match name {
            "config" => "--config",
            "secretProvider" => "--secret-provider",
            "verbose" | "v" => "--verbose",
            _ => return None,
        };
        Some(value.map_or(name.to_owned(), |value| format!("{name}={value}")).into())
    };
    match arguments.get(1).and_then(ours) {
        None => arguments,
        Some(_) => {
            let mut out = vec![arguments[0].clone(), "serve".into()];
            out.extend(arguments.into_iter().skip(1).map(|argument| ours(&argument).unwrap_or(argument)));
            out
        }
    }
}

/// A deployment read with its references resolved, or what is wrong with it printed. When nothing is wrong but
/// that secrets are missing, all of them are named, and it is the surroundings that have to be put right, not
/// the file.
pub fn load(
    files: &[PathBuf],
    config: &ConfigArgs,
) -> Result<std::result::Result<(Deployment, Option<Box<dyn secrets::Provider>>), Outcome>> {
    let input = input::read(files, config)?;
    let [input] = input.as_slice() else {
        return Err(anyhow!("one configuration file is served at a time; {} were named", input.len()));
    };
    let store = match config.secret_provider() {
        Some(url) => Some(secrets::open(&url, exact_environment).context("the secret store")?),
        None => None,
    };
    let secret = |reference: &SecretRef| {
        store.as_ref().and_then(|store| store.look_up(reference)).map(|secret| secret.expose().clone())
    };
    let mut sources = Sources::default();
    let fillers = Fillers { env: Some(&exact_environment), secret: Some(&secret), probe_secrets: true };
    let options = ReadOptions { fillers, plain: config.plain_http(), show_extensions: false };
    let reading = model::read(&input.name, &input.text, &mut sources, &options);
    for finding in reading.findings.iter().filter(|f| f.level >= Level::Warn) {
        anstream::eprintln!("{}\n", text::render(finding, &sources, true));
    }
    let mut errors = reading.findings.iter().filter(|f| f.level >= Level::Error);
    let outcome =
        if errors.all(|f| *f.code == codes::UNRESOLVED) { Outcome::CouldNotRun } else { Outcome::Findings };
    Ok(reading.deployment.map(|deployment| (deployment, store)).ok_or(outcome))
}

pub fn run(args: &Args) -> Result<Outcome> {
    if environment("MAVERICS_AWS_CONFIG").is_some() || environment("MAVERICS_GITHUB_CONFIG").is_some() {
        return Err(anyhow!("remote configuration sources are not supported here; name a local file"));
    }
    let files: Vec<PathBuf> = args.file.iter().cloned().collect();
    let (deployment, store) = match load(&files, &args.config)? {
        Ok(loaded) => loaded,
        Err(outcome) => return Ok(outcome),
    };
    let address = args.address.clone().or_else(|| environment("MAVERICS_HTTP_ADDRESS"));
    if let Some(refusal) = demo_off_loopback(&deployment, address.as_deref()) {
        output::note(&refusal);
        return Ok(Outcome::Findings);
    }
    if deployment.apps.is_empty() && deployment.idps.is_empty() {
        output::note("there is nothing to serve: the configuration has neither `connectors` nor `apps`");
        return Ok(Outcome::Findings);
    }
    let clock = Clock::system();
    init_log(&deployment, args.verbose, &clock)?;
    let deployment = Arc::new(deployment);
    let keyring = match keyring::unlock(deployment.secret_references(), store.as_deref()) {
        Ok(keyring) => keyring,
        Err(missing) => {
            let hint =
                if store.is_none() { "; give --secret-provider or MAVERICS_SECRET_PROVIDER" } else { "" };
            output::note(&format!("{missing}{hint}"));
            return Ok(Outcome::CouldNotRun);
        }
    };
    let control = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Password hashes take 20 MiB and 30 ms each: more at once would only wait for memory.
        .max_blocking_threads(8)
        .thread_name("control")
        .enable_all()
        .build()
        .context("cannot start the control runtime")?;
    let mut options = options(&deployment, keyring, args.config.plain_http(), &clock, control.handle())?;
    options.address = address;
    options.threads = args.threads;
    options.grace = args.grace.std();
    let running = match control.block_on(start(options)) {
        Ok(running) => running,
        Err(error @ StartError::Configuration(_)) => {
            output::note(&error.to_string());
            return Ok(Outcome::Findings);
        }
        Err(error @ StartError::Environment(_)) => {
            output::note(&error.to_string());
            return Ok(Outcome::CouldNotRun);
        }
    };
    tracing::info!(event = "started", address = %running.address, version = deployment.version.as_deref().unwrap_or_default(), "serving");
    for words in deployment.start_warnings() {
        tracing::warn!(event = "start.warning", "{words}");
    }
    control.block_on(until_told_to_stop(|| running.drain(), args.drain_delay.std()))?;
    tracing::info!(event = "stopping", "finishing requests in flight");
    running.stop();
    tracing::info!(event = "stopped", "bye");
    control.shutdown_timeout(Duration::from_secs(1));
    Ok(Outcome::Clean)
}

/// What a server is started with: connectors opened, client TLS ready, and the usual address, threads and grace.
pub fn options(
    deployment: &Arc<Deployment>,
    keyring: Keyring,
    plain: PlainHttp,
    clock: &Clock,
    control: &Handle,
) -> Result<Options> {
    let entropy = Entropy::system();
    let world = World { runtime: control.clone(), clock: clock.clone(), entropy: entropy.clone(), plain };
    let connectors = open::all(deployment.to_open(), &keyring, &world).map_err(|e| anyhow!(e))?;
    let client = open::client(None, &world).map_err(|e| anyhow!(e))?;
    let upstream_tls = maverics::serve::run::upstream_tls(deployment, |profile| {
        let tls = profile.map(open::client_tls).transpose()?.unwrap_or_default();
        maverics::net::tls::client_config(&tls, &[b"http/1.1"])
    })
    .map_err(|e| anyhow!(e))?;
    Ok(Options {
        deployment: deployment.clone(),
        connectors,
        upstream_tls,
        client,
        keyring,
        address: None,
        threads: None,
        connections_max: connections_max(),
        grace: Duration::from_secs(30),
        clock: clock.clone(),
        entropy,
        control: control.clone(),
    })
}

/// Why a configuration that `maverics demo` wrote is not served like this. It was made for one afternoon on one
/// machine: its people are made up and its pages are plain http. `address` wins over the one written.
fn demo_off_loopback(deployment: &Deployment, address: Option<&str>) -> Option<String> {
    if !deployment.document.comments.iter().any(|comment| comment.text == DEMO_MARK) {
        return None;
    }
    let stays = |host: &str| {
        let host = host.trim_matches(['[', ']']);
        host.parse::<IpAddr>().map_or_else(|_| is_loopback_name(host), |ip| ip.is_loopback())
    };
    let host_of = |authority: &str| authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_owned();
    let listens = address.unwrap_or(&deployment.http.address);
    let mut hosts = vec![(host_of(listens), listens.to_owned())];
    hosts.extend(deployment.public_urls().iter().map(|url| (url.host().to_owned(), url.to_string())));
    for app in &deployment.apps {
        match app {
            App::Oidc(app) => {
                let urls = app.redirect_urls.iter().filter_map(|url| WebUrl::parse(url).ok());
                hosts.extend(urls.map(|url| (url.host().to_owned(), url.to_string())));
            }
            App::Proxy(app) => {
                let named = app.routes.iter().filter_map(|route| route.host.clone());
                hosts.extend(named.map(|host| (host_of(&host), host)));
            }
        }
    }
    let (_, written) = hosts.into_iter().find(|(host, _)| !stays(host))?;
    Some(format!(
        "`maverics demo` wrote this configuration (`# {DEMO_MARK}`), and it is served on loopback only: `{written}` is beyond it"
    ))
}

/// Waits for SIGTERM or SIGINT and the drain delay; a second signal ends the delay.
async fn until_told_to_stop(drain: impl FnOnce(), delay: Duration) -> Result<()> {
    let mut term = signal(SignalKind::terminate()).context("signals")?;
    let mut int = signal(SignalKind::interrupt()).context("signals")?;
    let mut hup = signal(SignalKind::hangup()).context("signals")?;
    loop {
        tokio::select! {
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = hup.recv() => tracing::warn!(event = "reload.unsupported", "SIGHUP: reload is not built yet; restart to apply a new configuration"),
        }
    }
    drain();
    tracing::info!(event = "draining", millis = delay.as_millis() as u64, "status is 503; still serving");
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

/// Logs go to standard error.
fn init_log(deployment: &Deployment, verbose: bool, clock: &Clock) -> Result<()> {
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let debug = verbose || environment("MAVERICS_DEBUG_MODE").as_deref() == Some("true");
    let level = match deployment.logger.level {
        _ if debug => LevelFilter::DEBUG,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    // Our own lines only: what libraries say at debug is for their authors.
    let ours = tracing_subscriber::filter::filter_fn(|metadata| metadata.target().starts_with("maverics"));
    let format = Format::new(&deployment.logger, clock.clone()).map_err(|e| anyhow!(e))?;
    let layer = tracing_subscriber::fmt::layer().event_format(format).with_writer(std::io::stderr);
    use tracing_subscriber::Layer;
    tracing_subscriber::registry().with(layer.with_filter(ours).with_filter(level)).init();
    Ok(())
}

/// Raises the limit of open files as far as this process may, and says how many connections fit below it:
/// each may need a second descriptor towards its upstream, and some are kept for everything else.
fn connections_max() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const RESERVED: u64 = 256;
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let files = current.unwrap_or(u64::MAX).min(1_000_000);
    usize::try_from(files.saturating_sub(RESERVED) / 2).unwrap_or(usize::MAX).max(16)
}
