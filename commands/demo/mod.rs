//! `maverics demo`: providers, an orchestrator with continuity over them, and a page behind it, in one process on
//! loopback.
//!
//! ```text
//! browser ──► orchestrator (app.localhost) ──► page
//!    │             │ probes, pre-flights, codes
//!    └──► switch ◄─┘        heal, refuse, hang, 500
//!            └──► provider (north.localhost, ...)
//! ```
//!
//! The orchestrator and the OpenID providers are what `maverics serve` runs, from files that `maverics serve`
//! reads; the SAML provider and the directory of tier 2 are small ones of the demo's own. The switches sit on the
//! providers' public ports and fail as networks and servers fail.

mod announce;
mod cast;
mod directory;
mod files;
mod folder;
mod journal;
mod launch;
mod page;
mod saml;
mod switch;
mod visits;
mod web;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use maverics::ambient::{Clock, Entropy};
use maverics::config::logger::Logger;
use maverics::serve::telemetry::format::Format;
use maverics::serve::{Running, State};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::args::When;
use super::outcome::Outcome;
use super::output;
use cast::{Kind, Role};
use files::{ORCHESTRATOR, Person, Ports};
use folder::Folder;
use journal::Journal;
use switch::{Speech, Switch};
use visits::Visits;

/// Identity providers, an orchestrator, a page, and a switch to break each provider
///
/// Everything runs in this process and listens on loopback only. Passwords, secrets and keys are made at
/// random for each run and printed once; the files are private to you and removed at the end. Open the page it
/// prints, sign in, break a provider with its switch, and sign in again from a private window.
///
/// The tiers are those of the continuity guide: 1 is two OpenID providers; 2 is three providers over three
/// protocols, OpenID Connect, SAML and a directory, whose different words become one set of names.
#[derive(clap::Args)]
pub struct Args {
    /// Tier of the guide to show
    #[arg(long, value_name = "1|2", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    tier: u8,

    /// First of four ports, or five with --tier 2: page, the first two providers, sign-out, the third provider; 0
    /// takes any that are free
    #[arg(long, value_name = "BASE", default_value_t = 9500, value_parser = clap::value_parser!(u16).range(..=65531))]
    port: u16,

    /// Keep the configuration files in this folder, which must be new or empty
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,

    /// Print addresses and passwords as one line of JSON
    #[arg(long)]
    json: bool,

    /// Log at level debug instead of warn
    #[arg(long, short)]
    verbose: bool,

    /// Do not open a browser. None ever is; for scripts that say so to every demo
    #[arg(long, hide = true)]
    no_open: bool,
}

/// What the page works with.
pub struct Demo {
    /// The orchestrator's own state.
    state: Arc<State>,
    /// The providers in the orchestrator's order, each with its switch.
    switches: Vec<(Role, Switch)>,
    journal: Journal,
    visits: Visits,
    /// On every form of the page: whoever can read the page may turn switches.
    token: String,
    /// The orchestrator, as browsers know it.
    app_origin: String,
    /// The page's own server, for signing out.
    page_origin: String,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let journal = Journal::new(clock.clone());
    init_log(args.verbose, &clock, journal.clone())?;
    let control = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("control")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let folder = match &args.keep {
        Some(path) => Folder::kept(path)?,
        None => Folder::temporary(&entropy)?,
    };
    let people = files::people(&entropy);
    // Before anything is announced: from here on a signal ends the demo in order.
    let stopped = control.block_on(async { stop_signal() })?;
    let (running, demo) = control.block_on(set_up(args, &folder, &people, journal, (&clock, &entropy)))?;
    output::stdout(When::Never, |out, _| match args.json {
        true => announce::json(out, &demo, &people, &folder),
        false => announce::text(out, &demo, &people, args.keep.as_ref().map(|_| &folder)),
    })?;
    control.block_on(stopped);
    running.into_iter().for_each(Running::stop);
    control.shutdown_timeout(Duration::from_secs(1));
    Ok(Outcome::Clean)
}

/// Binds, writes, starts. The servers are returned in the order in which they stop: who is asked by others
/// goes last.
async fn set_up(
    args: &Args,
    folder: &Folder,
    people: &[Person],
    journal: Journal,
    (clock, entropy): (&Clock, &Entropy),
) -> Result<(Vec<Running>, Arc<Demo>)> {
    let control = tokio::runtime::Handle::current();
    let at = |place: u16| if args.port == 0 { 0 } else { args.port + place };
    // The orchestrator binds by itself; its port is only looked for here.
    let app = port_of(&listen(at(0))?)?;
    let page = listen(at(3))?;
    let mut listeners = Vec::new();
    let mut ports = Ports { app, page: port_of(&page)?, providers: Vec::new() };
    for (role, place) in cast::of_tier(args.tier).iter().zip([1, 2, 4]) {
        let listener = listen(at(place))?;
        ports.providers.push((*role, port_of(&listener)?));
        listeners.push(listener);
    }
    let secrets = files::write(folder, args.tier, &ports, people, entropy)?;
    let app_origin = format!("http://app.localhost:{}", ports.app);
    let mut running = Vec::new();
    let mut switches = Vec::new();
    for (((role, port), listener), (_, secret)) in ports.providers.iter().zip(listeners).zip(&secrets) {
        let (address, speech) = match role.kind {
            Kind::Maverics => {
                let file = format!("{}.yaml", role.name);
                let provider = launch::launch(folder, &file, Some("127.0.0.1:0"), clock, &control).await?;
                let address = provider.address;
                running.push(provider);
                (address, Speech::Http)
            }
            Kind::Saml => {
                let service = (app_origin.clone(), format!("{app_origin}/callback/{}", role.name));
                (saml::start(role.url(*port), service, people, (clock, entropy))?, Speech::Http)
            }
            Kind::Directory => (directory::start(people, secret)?, Speech::Ldap),
        };
        let switch = Switch::start(listener, address, speech).context("a switch cannot start")?;
        switches.push((*role, switch));
    }
    let orchestrator = launch::launch(folder, ORCHESTRATOR, None, clock, &control).await?;
    let demo = Arc::new(Demo {
        state: orchestrator.state(),
        switches,
        journal,
        visits: Visits::default(),
        token: entropy.token(),
        app_origin,
        page_origin: format!("http://app.localhost:{}", ports.page),
    });
    running.insert(0, orchestrator);
    tokio::spawn(web::serve(page, demo.clone()));
    Ok((running, demo))
}

fn listen(port: u16) -> Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    switch::listen(address)
        .map_err(|error| anyhow!("cannot listen on {address}: {error}; --port chooses other ports"))
}

fn port_of(listener: &TcpListener) -> Result<u16> {
    Ok(listener.local_addr().context("a socket has no address")?.port())
}

/// Resolves at Ctrl-C, at SIGTERM, and when the terminal goes.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut signals = Vec::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        signals.push(signal(kind).context("signals")?);
    }
    Ok(std::future::poll_fn(move |context| {
        match signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    }))
}

/// To standard error, and to the journal whatever the level.
fn init_log(verbose: bool, clock: &Clock, journal: Journal) -> Result<()> {
    use tracing_subscriber::Layer;
    use tracing_subscriber::filter::{LevelFilter, filter_fn};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let ours = || filter_fn(|metadata| metadata.target().starts_with("maverics"));
    let level = if verbose { LevelFilter::DEBUG } else { LevelFilter::WARN };
    let format = Format::new(&Logger::default(), clock.clone(), "").map_err(|e| anyhow!(e))?;
    let lines = tracing_subscriber::fmt::layer().event_format(format).with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(lines.with_filter(ours()).with_filter(level))
        .with(journal.with_filter(ours()))
        .init();
    Ok(())
}
