//! Start, reload, drain: the order of things.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::admin;
use super::app::proxy::Clients;
use super::continuity::monitor;
use super::dispatch;
use super::edge::listener::{self, CONNECTIONS_MAX, Connection, Edge, Listening};
use super::edge::tls;
use super::fittings::Fittings;
use super::logout;
use super::session::Session;
use super::state::{State, Surroundings};

/// What a server is started with.
pub struct Options {
    /// What was configured, opened.
    pub fittings: Fittings,
    /// Address that wins over the configured one.
    pub address: Option<String>,
    /// Threads that accept and proxy; one for each core when `None`.
    pub threads: Option<usize>,
    /// Connections accepted at once, at most [`CONNECTIONS_MAX`]; beyond them accepting waits. Less than what
    /// the machine allows, so that calls to providers never fail for want of a descriptor.
    pub connections_max: usize,
    /// How long requests in flight may take after accepting stopped.
    pub grace: Duration,
    /// The admin listener, as the command line wants it.
    pub admin: admin::Wanted,
    /// Time, chance, runtime, name.
    pub surroundings: Surroundings,
}

/// Why a server does not start, or does not take over a new configuration.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something configured cannot be used: exit code 1.
    #[error("{0}")]
    Configuration(String),
    /// The port is taken, or a file cannot be read: exit code 3.
    #[error("{0}")]
    Environment(String),
}

/// What one thread serves with; swapped whole by a reload. Requests under way keep what they began with.
struct Served {
    state: Arc<State>,
    clients: Clients,
    edge: Arc<Edge>,
}

/// A server that runs.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// The admin listener, when it is on.
    pub admin: Option<admin::Listens>,
    wanted: Option<String>,
    current: Arc<ArcSwap<State>>,
    served: Vec<Arc<ArcSwap<Served>>>,
    /// Reloads come one after another.
    reloading: std::sync::Mutex<()>,
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// What its threads share now.
    pub fn state(&self) -> Arc<State> {
        self.current.load_full()
    }

    /// Serves another configuration from now on, or goes on as before when that cannot be served. Sessions,
    /// codes and tokens, and the state and connections of everything that did not change, go over.
    pub fn reload(&self, fittings: Fittings) -> Result<(), StartError> {
        let _turn = self.reloading.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = self.current.load_full();
        let (old, new) = (&before.deployment.http.address, &fittings.deployment.http.address);
        if self.wanted.is_none() && old != new {
            return Err(StartError::Configuration(format!(
                "http.address cannot change from `{old}` to `{new}` while it is listened on; restart instead"
            )));
        }
        if let Some(admin) = &self.admin {
            admin.refuse_proxied(&fittings.deployment).map_err(StartError::Configuration)?;
        }
        let edge = Arc::new(edge(&fittings)?);
        let state = Arc::new(State::after(fittings, &before)?);
        self.current.store(state.clone());
        for served in &self.served {
            let clients = Clients::new(&state.deployment, &state.upstream_tls, Some(&served.load().clients));
            served.store(Arc::new(Served { state: state.clone(), clients, edge: edge.clone() }));
        }
        monitor::start(&state.board, Some(&before.board), &state.entropy, &self.stop);
        before.board.retire(&state.board);
        // Whoever signed in at a provider that is gone, or is another one now, was let in by nobody we know.
        let known =
            |session: &Session| session.authentications.iter().all(|a| state.provider_of(a).is_some());
        for (key, session) in state.sessions.close_unless(known) {
            logout::ended(&state, &key, &session, "provider-removed");
        }
        Ok(())
    }

    /// Reads the listener's certificates again; new connections are given the new ones. On an error the old
    /// ones stay.
    pub fn renew_certificates(&self) -> Result<(), String> {
        let _turn = self.reloading.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let deployment = &self.current.load_full().deployment;
        let tls = tls::server_config(&deployment.http, &deployment.tls)?;
        let edge = Arc::new(Edge::new(&deployment.http, tls));
        for served in &self.served {
            let now = served.load_full();
            let clients = Clients::new(deployment, &now.state.upstream_tls, Some(&now.clients));
            served.store(Arc::new(Served { state: now.state.clone(), clients, edge: edge.clone() }));
        }
        Ok(())
    }

    /// The status endpoint says `draining` from now on; everything else goes on.
    pub fn drain(&self) {
        self.current.load().draining.store(true, Ordering::Relaxed);
    }

    /// Stops accepting on all threads at once, finishes requests in flight within the grace period.
    pub fn stop(self) {
        self.drain();
        self.stop.cancel();
        for thread in self.threads {
            let _ = thread.join();
        }
        if let Some(admin) = self.admin {
            admin.forget_token();
        }
    }
}

fn edge(fittings: &Fittings) -> Result<Edge, StartError> {
    let deployment = &fittings.deployment;
    let tls = tls::server_config(&deployment.http, &deployment.tls).map_err(StartError::Environment)?;
    Ok(Edge::new(&deployment.http, tls))
}

/// Binds and serves. No identity provider is asked before the listener answers: a dead one never delays a
/// start.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let wanted = options.address.as_deref().unwrap_or(&options.fittings.deployment.http.address);
    let address = listener::resolve(wanted).await.map_err(StartError::Environment)?;
    let edge = Arc::new(edge(&options.fittings)?);
    let keyring = options.fittings.keyring.clone();
    let state = Arc::new(State::first(options.fittings, &options.surroundings)?);
    let occupied = |e: std::io::Error| {
        StartError::Environment(format!(
            "cannot listen on {address}: {e}; `http.address` or `--address` chooses another"
        ))
    };
    let first = listener::bind(address, address.port() != 0).map_err(occupied)?;
    let address = first.local_addr().map_err(occupied)?;
    let threads =
        options.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mut sockets = vec![first];
    for _ in 1..threads.max(1) {
        sockets.push(listener::bind(address, false).map_err(occupied)?);
    }
    let stop = CancellationToken::new();
    let current = Arc::new(ArcSwap::new(state.clone()));
    let admin = admin::open(&options.admin, &keyring, &current, address, &stop).await?;
    let listening = Listening {
        stop: stop.clone(),
        grace: options.grace,
        connections: Arc::new(Semaphore::new(options.connections_max.clamp(1, CONNECTIONS_MAX))),
    };
    let mut workers = Vec::new();
    let mut served = Vec::new();
    for (i, socket) in sockets.into_iter().enumerate() {
        let clients = Clients::new(&state.deployment, &state.upstream_tls, None);
        let own =
            Arc::new(ArcSwap::from_pointee(Served { state: state.clone(), clients, edge: edge.clone() }));
        let (listening, shared) = (listening.clone(), own.clone());
        let spawned = std::thread::Builder::new()
            .name(format!("serve-{i}"))
            .spawn(move || worker(socket, shared, listening));
        workers.push(spawned.map_err(occupied)?);
        served.push(own);
    }
    let Surroundings { entropy, control, .. } = &options.surroundings;
    monitor::start(&state.board, None, entropy, &stop);
    control.spawn(housekeeping(current.clone(), stop.clone()));
    // Never on the threads that proxy: a page of ours must not delay a person's.
    let admin = admin.map(|admin| admin.start(control));
    Ok(Running {
        address,
        admin,
        wanted: options.address,
        current,
        served,
        reloading: std::sync::Mutex::new(()),
        stop,
        threads: workers,
    })
}

/// One thread: a runtime, a socket, its own upstream connections.
fn worker(socket: std::net::TcpListener, served: Arc<ArcSwap<Served>>, listening: Listening) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        tracing::error!("a thread could not start its runtime");
        return;
    };
    runtime.block_on(async move {
        let Ok(socket) = tokio::net::TcpListener::from_std(socket) else { return };
        let edge = {
            let served = served.clone();
            move || served.load().edge.clone()
        };
        let handler = Arc::new(move |connection: Connection, request: http::Request<Incoming>| {
            let served = served.load_full();
            async move { dispatch::handle(&served.state, &served.clients, connection, request).await }
        });
        listening.serve(socket, edge, handler).await;
    });
}

async fn housekeeping(current: Arc<ArcSwap<State>>, stop: CancellationToken) {
    let mut sweep = tokio::time::interval(Duration::from_secs(60));
    let mut beaten = tokio::time::Instant::now();
    loop {
        let heartbeat = current.load().deployment.health.heartbeat.clone();
        let every = heartbeat.interval.std().max(Duration::from_secs(1));
        tokio::select! {
            () = stop.cancelled() => return,
            _ = sweep.tick() => {
                let state = current.load_full();
                let now = state.now();
                for session in state.sessions.sweep(now) {
                    logout::end_tokens(&state, &session);
                }
                state.logouts.sweep(now);
                state.cache.sweep(now);
                state.spent.sweep(now);
                state.held.sweep(now);
                state.once.sweep(now);
                state.accounts.sweep(now);
            }
            () = tokio::time::sleep_until(beaten + every), if !heartbeat.disabled => {
                beaten = tokio::time::Instant::now();
                let state = current.load_full();
                let version = state.deployment.version.clone().unwrap_or_default();
                let sessions = state.sessions.len() as u64;
                match heartbeat.log_level {
                    crate::config::health::HeartbeatLevel::Info => tracing::info!(event = "heartbeat", version, sessions, "alive"),
                    crate::config::health::HeartbeatLevel::Debug => tracing::debug!(event = "heartbeat", version, sessions, "alive"),
                }
            }
        }
    }
}
