//! `maverics serve`: run the orchestrator.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use maverics::ambient::{Clock, Entropy};
use maverics::config::codes;
use maverics::config::fill::Fillers;
use maverics::config::logger::LogLevel;
use maverics::config::tls::Profile;
use maverics::connector::documents::shelf::Shelf;
use maverics::connector::open::{self, World};
use maverics::diag::{Diagnostic, Level, Sources, text};
use maverics::model::{self, App, Deployment, read::ReadOptions};
use maverics::secrets::{self, Keyring, keyring};
use maverics::serve::admin::Wanted;
use maverics::serve::state::Surroundings;
use maverics::serve::telemetry::EventCounts;
use maverics::serve::telemetry::format::Format;
use maverics::serve::{Fittings, Options, StartError, start};
use maverics::value::url::{PlainHttp, is_loopback_name};
use maverics::value::{SecretRef, WebUrl};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use super::args::{ConfigArgs, environment, exact_environment};
use super::outcome::Outcome;
use super::reload::{LOOK_MILLIS, Reloader, Watched, certificates};
use super::{input, output};

/// Comment in the files that `maverics demo` writes.
const DEMO_MARK: &str = "maverics: demo";

/// Run the orchestrator
///
/// Reads and links the configuration, opens secrets and keys, binds, and serves. A configuration error, a
/// missing secret or an occupied port stops it before anything listens; a dead identity provider never does.
/// SIGTERM drains: the status endpoint turns 503 at once, requests are still served for --drain-delay, then
/// those in flight finish within --grace. SIGHUP applies the file as it is now, or changes nothing when it has
/// errors; sessions, and the health of providers that did not change, go on.
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

    /// Apply the configuration when its file changes, as SIGHUP does; a file with errors changes nothing
    #[arg(long)]
    watch_config: bool,

    /// How long requests are still accepted after SIGTERM, so that balancers notice the status
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    drain_delay: maverics::value::Duration,

    /// How long requests in flight may take after that
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    grace: maverics::value::Duration,

    /// Turn on the admin listener, with metrics and the operator page, on this address; wins over
    /// `admin.address`, which is 127.0.0.1:9444 by default
    #[arg(long, value_name = "HOST:PORT")]
    admin: Option<String>,

    /// Where the admin token is written (mode 0600) when the configuration has no `admin.token` [default: a
    /// file in $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR or the folder for temporary files, printed at the start]
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,

    /// Threads that accept and proxy [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Folder that keeps what identity providers published, so that a restart while one is down still signs
    /// people in; needs the keys of `session.encryption`, and a folder for each node
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
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

/// A deployment read with its references resolved, or what is wrong with it printed.
pub fn load(files: &[PathBuf], config: &ConfigArgs) -> Result<std::result::Result<Loaded, Outcome>> {
    load_with(files, config, &mut print)
}

/// Prints a finding on standard error.
pub fn print(finding: &Diagnostic, sources: &Sources) {
    anstream::eprintln!("{}\n", text::render(finding, sources, true));
}

/// A deployment, and the store that has its secrets.
pub type Loaded = (Deployment, Option<Box<dyn secrets::Provider>>);

/// The same, with every warning and error given to `tell`. When nothing is wrong but that secrets are missing,
/// all of them are named, and it is the surroundings that have to be put right, not the file.
pub fn load_with(
    files: &[PathBuf],
    config: &ConfigArgs,
    tell: &mut dyn FnMut(&Diagnostic, &Sources),
) -> Result<std::result::Result<Loaded, Outcome>> {
    load_into(files, config, &mut Sources::default(), tell)
}

/// The same, with the text kept for findings that come later.
pub fn load_into(
    files: &[PathBuf],
    config: &ConfigArgs,
    sources: &mut Sources,
    tell: &mut dyn FnMut(&Diagnostic, &Sources),
) -> Result<std::result::Result<Loaded, Outcome>> {
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
    let fillers = Fillers { env: Some(&exact_environment), secret: Some(&secret), probe_secrets: true };
    let options = ReadOptions { fillers, plain: config.plain_http(), show_extensions: false };
    let reading = model::read(&input.name, &input.text, sources, &options);
    for finding in reading.findings.iter().filter(|f| f.level >= Level::Warn) {
        tell(finding, sources);
    }
    let mut errors = reading.findings.iter().filter(|f| f.level >= Level::Error);
    let outcome =
        if errors.all(|f| *f.code == codes::UNRESOLVED) { Outcome::CouldNotRun } else { Outcome::Findings };
    let Some(mut deployment) = reading.deployment else { return Ok(Err(outcome)) };
    listen_with_named_pair(&mut deployment)?;
    Ok(Ok((deployment, store)))
}

/// `MAVERICS_TLS_SERVER_CERT_FILE` and `MAVERICS_TLS_SERVER_KEY_FILE` replace the listener's certificate and key.
fn listen_with_named_pair(deployment: &mut Deployment) -> Result<()> {
    /// No name of a profile in a file has blanks.
    const NAME: &str = "from the environment";
    let [cert, key] = ["MAVERICS_TLS_SERVER_CERT_FILE", "MAVERICS_TLS_SERVER_KEY_FILE"].map(environment);
    let (cert, key) = match (cert, key) {
        (None, None) => return Ok(()),
        (Some(cert), Some(key)) => (cert, key),
        _ => {
            return Err(anyhow!(
                "MAVERICS_TLS_SERVER_CERT_FILE and MAVERICS_TLS_SERVER_KEY_FILE belong together; set both or none"
            ));
        }
    };
    if deployment.http.hosts.is_some() {
        return Err(anyhow!(
            "MAVERICS_TLS_SERVER_CERT_FILE names one certificate, and `http.hosts` has several; use one of them"
        ));
    }
    let named = deployment.http.tls.as_ref().and_then(|name| deployment.tls.get(name));
    let profile =
        Profile { cert_file: Some(cert), key_file: Some(key), ..named.cloned().unwrap_or_default() };
    deployment.tls.insert(NAME.into(), profile);
    deployment.http.tls = Some(NAME.into());
    Ok(())
}

pub fn run(args: &Args) -> Result<Outcome> {
    if environment("MAVERICS_AWS_CONFIG").is_some() || environment("MAVERICS_GITHUB_CONFIG").is_some() {
        return Err(anyhow!("remote configuration sources are not supported here; name a local file"));
    }
    let files: Vec<PathBuf> = args.file.iter().cloned().collect();
    let configuration = Watched::new(input::named(&files, &args.config));
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
    let (counts, node) = (EventCounts::default(), node_name());
    let log = init_log(&deployment, args.verbose, &clock, &counts, &node)?;
    let deployment = Arc::new(deployment);
    let certificates = Watched::new(certificates(&deployment));
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
    let shelf = shelf(&deployment, &keyring, args.state_dir.as_deref())?;
    let plain = args.config.plain_http();
    let mut options = options(deployment, keyring, plain, shelf.clone(), &clock, control.handle())?;
    options.address = address;
    options.threads = args.threads;
    options.grace = args.grace.std();
    (options.surroundings.counts, options.surroundings.node) = (counts, node);
    options.admin = Wanted {
        address: args.admin.clone(),
        token_file: Some(args.admin_token_file.clone().unwrap_or_else(default_token_file)),
    };
    let world = World {
        runtime: control.handle().clone(),
        clock,
        entropy: options.surroundings.entropy.clone(),
        shelf,
        plain: args.config.plain_http(),
    };
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
    let state = running.state();
    tracing::info!(event = "started", address = %running.address, version = state.deployment.version.as_deref().unwrap_or_default(), "serving");
    if let Some(admin) = &running.admin {
        let scheme = if admin.tls { "https" } else { "http" };
        let token_file = admin.token_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        tracing::info!(event = "admin.started", address = %format!("{scheme}://{}/", admin.address), token_file, "operator page and metrics");
    }
    for words in state.deployment.start_warnings() {
        tracing::warn!(event = "start.warning", "{words}");
    }
    let reloader = Reloader { files, config: &args.config, running: &running, world, log };
    let watched = [configuration, certificates];
    control.block_on(until_told_to_stop(&reloader, args.watch_config, watched, args.drain_delay.std()))?;
    drop(reloader);
    tracing::info!(event = "stopping", "finishing requests in flight");
    running.stop();
    tracing::info!(event = "stopped", "bye");
    control.shutdown_timeout(Duration::from_secs(1));
    Ok(Outcome::Clean)
}

/// Where what providers published is kept over a restart. Without keys nobody could vouch for it, so nothing is.
fn shelf(deployment: &Deployment, keyring: &Keyring, folder: Option<&Path>) -> Result<Option<Arc<Shelf>>> {
    let Some(folder) = folder else { return Ok(None) };
    let Some(seal) = &deployment.session.encryption else {
        tracing::warn!(
            event = "start.warning",
            "--state-dir keeps nothing: give `session.encryption.keys.current` (64 hexadecimal digits, from the secret store) to sign with"
        );
        return Ok(None);
    };
    let open =
        |text| keyring.open(text).ok_or_else(|| anyhow!("session.encryption: a secret was not unlocked"));
    let current = open(&seal.keys.current)?;
    let old = seal.keys.old.iter().map(open).collect::<Result<Vec<_>>>()?;
    Shelf::open(folder, &current, &old).map(|shelf| Some(Arc::new(shelf))).map_err(|e| anyhow!(e))
}

/// What a server is started with: everything opened, and the usual address, threads and grace.
pub fn options(
    deployment: Arc<Deployment>,
    keyring: Keyring,
    plain: PlainHttp,
    shelf: Option<Arc<Shelf>>,
    clock: &Clock,
    control: &Handle,
) -> Result<Options> {
    let entropy = Entropy::system();
    let world =
        World { runtime: control.clone(), clock: clock.clone(), entropy: entropy.clone(), plain, shelf };
    let client = open::client(None, &world).map_err(|e| anyhow!(e))?;
    Ok(Options {
        fittings: Fittings::open(deployment, keyring, None, &world).map_err(|e| anyhow!(e))?,
        address: None,
        threads: None,
        connections_max: connections_max(),
        grace: Duration::from_secs(30),
        admin: Wanted::default(),
        surroundings: Surroundings {
            clock: clock.clone(),
            entropy,
            control: control.clone(),
            client,
            counts: EventCounts::default(),
            node: String::new(),
        },
    })
}

/// Why a configuration that `maverics demo` wrote is not served like this. It was made for one afternoon on one
/// machine: its people are made up and its pages are plain http. `address` wins over the one written.
pub fn demo_off_loopback(deployment: &Deployment, address: Option<&str>) -> Option<String> {
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

/// Serves until SIGTERM or SIGINT and the drain delay; a second signal ends the delay. Meanwhile SIGHUP applies
/// the configuration anew, and so does a changed file with `watch`; changed certificates are always taken over.
async fn until_told_to_stop(
    reloader: &Reloader<'_>,
    watch: bool,
    [mut configuration, mut certificates]: [Watched; 2],
    delay: Duration,
) -> Result<()> {
    let mut term = signal(SignalKind::terminate()).context("signals")?;
    let mut int = signal(SignalKind::interrupt()).context("signals")?;
    let mut hup = signal(SignalKind::hangup()).context("signals")?;
    let mut look = tokio::time::interval(Duration::from_millis(LOOK_MILLIS));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = hup.recv() => {
                configuration = Watched::new(reloader.configuration());
                certificates = reloader.reload().unwrap_or(certificates);
            }
            _ = look.tick() => {
                if watch && configuration.have_changed() {
                    certificates = reloader.reload().unwrap_or(certificates);
                } else if certificates.have_changed() {
                    reloader.renew_certificates();
                }
            }
        }
    }
    reloader.running.drain();
    tracing::info!(event = "draining", millis = delay.as_millis() as u64, "status is 503; still serving");
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

/// Changes the level of the log.
pub type SetLevel = Box<dyn Fn(&Deployment)>;

/// Name of this machine, for log lines and the operator page.
fn node_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Where the admin token goes when nobody says: a folder of this run, where there is one.
fn default_token_file() -> PathBuf {
    let folder = ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"].into_iter().find_map(environment);
    // systemd may name several, divided by colons.
    let folder = folder.and_then(|list| list.split(':').next().filter(|f| !f.is_empty()).map(PathBuf::from));
    folder.unwrap_or_else(std::env::temp_dir).join(format!("maverics-admin-{}.token", std::process::id()))
}

/// Logs go to standard error. Returns what changes their level later.
fn init_log(
    deployment: &Deployment,
    verbose: bool,
    clock: &Clock,
    counts: &EventCounts,
    node: &str,
) -> Result<SetLevel> {
    use tracing_subscriber::Layer;
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let debug = verbose || environment("MAVERICS_DEBUG_MODE").as_deref() == Some("true");
    let level = move |deployment: &Deployment| match deployment.logger.level {
        _ if debug => LevelFilter::DEBUG,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    // Our own lines only: what libraries say at debug is for their authors.
    let ours = tracing_subscriber::filter::filter_fn(|metadata| metadata.target().starts_with("maverics"));
    let format = Format::new(&deployment.logger, clock.clone(), node).map_err(|e| anyhow!(e))?;
    let layer = tracing_subscriber::fmt::layer().event_format(format).with_writer(std::io::stderr);
    let (filter, handle) = tracing_subscriber::reload::Layer::new(level(deployment));
    // What is counted does not depend on how much is logged.
    tracing_subscriber::registry()
        .with(layer.with_filter(ours).with_filter(filter))
        .with(counts.layer())
        .init();
    Ok(Box::new(move |deployment| {
        // Fails only when the log itself is gone.
        let _ = handle.reload(level(deployment));
    }))
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
