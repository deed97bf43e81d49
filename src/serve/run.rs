//! Start, serve, drain: the order of things.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use rustls::ClientConfig;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::app::oidc::{Provider, authorize, end_session, token, userinfo};
use super::app::proxy::{self, Clients};
use super::cache::Memory;
use super::continuity::{Board, monitor};
use super::edge::context::Context;
use super::edge::forwarded::Trusted;
use super::edge::listener::{self, CONNECTIONS_MAX, Connection, Listening};
use super::edge::router::{Route, Router};
use super::edge::{Response, answer, path, tls};
use super::login;
use super::logout::{self, Logouts, relay::Relay};
use super::session::Store;
use super::session::cookie::CookieSettings;
use super::session::lifetime::Limits;
use super::session::seal::Sealer;
use super::state::State;
use crate::ambient::{Clock, Entropy};
use crate::config::http::AccessLogLevel;
use crate::connector::Connector;
use crate::connector::facts::Protocol;
use crate::model::app::App;
use crate::model::{Deployment, IdpIndex};
use crate::net::Client;
use crate::protocol::oauth::Params;
use crate::secrets::Keyring;

/// Largest form of one of our own endpoints, in bytes.
pub const FORM_BYTES_MAX: usize = 64 * 1024;
/// Longest request target, in bytes.
pub const TARGET_BYTES_MAX: usize = 16 * 1024;

/// What a server is started with.
pub struct Options {
    /// What was configured.
    pub deployment: Arc<Deployment>,
    /// Opened providers, in the order of the deployment.
    pub connectors: Vec<Arc<dyn Connector>>,
    /// Client TLS towards the upstream of each app, in the order of the deployment.
    pub upstream_tls: Vec<Arc<ClientConfig>>,
    /// Calls to relying parties.
    pub client: Client,
    /// Opened secrets.
    pub keyring: Keyring,
    /// Address that wins over the configured one.
    pub address: Option<String>,
    /// Threads that accept and proxy; one for each core when `None`.
    pub threads: Option<usize>,
    /// Connections accepted at once, at most [`CONNECTIONS_MAX`]; beyond them accepting waits. Less than what
    /// the machine allows, so that calls to providers never fail for want of a descriptor.
    pub connections_max: usize,
    /// How long requests in flight may take after accepting stopped.
    pub grace: Duration,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Entropy,
    /// The control runtime: probes, calls to providers, housekeeping.
    pub control: Handle,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something configured cannot be used: exit code 1.
    #[error("{0}")]
    Configuration(String),
    /// The port is taken, or a file cannot be read: exit code 3.
    #[error("{0}")]
    Environment(String),
}

/// A server that runs.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its threads share.
    pub state: Arc<State>,
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// The status endpoint says `draining` from now on; everything else goes on.
    pub fn drain(&self) {
        self.state.draining.store(true, Ordering::Relaxed);
    }

    /// Stops accepting on all threads at once, finishes requests in flight within the grace period.
    pub fn stop(self) {
        self.drain();
        self.stop.cancel();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// Binds and serves. No identity provider is asked before the listener answers: a dead one never delays a
/// start.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let deployment = options.deployment.clone();
    let wanted = options.address.as_deref().unwrap_or(&deployment.http.address);
    let address = listener::resolve(wanted).await.map_err(StartError::Environment)?;
    let tls = tls::server_config(&deployment.http, &deployment.tls).map_err(StartError::Environment)?;
    let state = Arc::new(open_state(&options)?);
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
    let listening = Listening {
        http: deployment.http.clone(),
        tls,
        stop: stop.clone(),
        grace: options.grace,
        connections: Arc::new(Semaphore::new(options.connections_max.clamp(1, CONNECTIONS_MAX))),
    };
    let mut workers = Vec::new();
    for (i, socket) in sockets.into_iter().enumerate() {
        let (state, listening) = (state.clone(), listening.clone());
        let clients_tls = options.upstream_tls.clone();
        let spawned = std::thread::Builder::new()
            .name(format!("serve-{i}"))
            .spawn(move || worker(socket, state, listening, &clients_tls));
        workers.push(spawned.map_err(occupied)?);
    }
    monitor::start(&state.board, &options.entropy, &stop);
    options.control.spawn(housekeeping(state.clone(), stop.clone()));
    Ok(Running { address, state, stop, threads: workers })
}

fn open_state(options: &Options) -> Result<State, StartError> {
    let deployment = &options.deployment;
    let oidc = match &deployment.oidc_provider {
        Some(config) => {
            let opened =
                Provider::open(deployment, config, &options.keyring).map_err(StartError::Environment)?;
            (!opened.clients.is_empty()).then_some(opened)
        }
        None => None,
    };
    let sealer = match &deployment.session.encryption {
        None => Sealer::random(&options.entropy),
        Some(seal) => {
            let open = |text| options.keyring.open(text);
            let current = open(&seal.keys.current);
            let old: Option<Vec<_>> = seal.keys.old.iter().map(open).collect();
            let missing = || StartError::Environment("session.encryption: a secret was not unlocked".into());
            Sealer::new(&current.ok_or_else(missing)?, &old.ok_or_else(missing)?, &options.entropy)
                .map_err(|e| StartError::Configuration(format!("session.encryption: {e}")))?
        }
    };
    let cookie = &deployment.session.cookie;
    let board = Board::new(deployment, &options.connectors, options.clock.clone(), options.control.clone());
    Ok(State {
        sessions: Store::new(
            deployment.session.store.local.capacity,
            Limits::of(&deployment.session.lifetime),
        ),
        cookies: CookieSettings {
            name: cookie.name.clone(),
            domain: cookie.domain.as_ref().map(|d| d.trim_start_matches('.').to_owned()),
            secure: deployment.cookies_are_secure(),
            http_only: !cookie.disable_http_only.or(cookie.disable_http_only_cookie).unwrap_or(false),
        },
        router: Router::new(deployment),
        trusted: Trusted::new(&deployment.http.trusted_proxies),
        board: Arc::new(board),
        connectors: options.connectors.clone(),
        sealer,
        cache: Memory::default(),
        held: Memory::with_room(login::callback::HELD_MAX),
        logouts: Logouts::new(Relay::new(options.client.clone(), options.control.clone())),
        oidc,
        clock: options.clock.clone(),
        entropy: options.entropy.clone(),
        draining: AtomicBool::new(false),
        deployment: deployment.clone(),
    })
}

/// One thread: a runtime, a socket, its own upstream connections.
fn worker(socket: std::net::TcpListener, state: Arc<State>, listening: Listening, tls: &[Arc<ClientConfig>]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        tracing::error!("a thread could not start its runtime");
        return;
    };
    runtime.block_on(async move {
        let Ok(socket) = tokio::net::TcpListener::from_std(socket) else { return };
        let clients = Arc::new(Clients::new(&state.deployment, tls));
        let handler = Arc::new(move |connection: Connection, request: http::Request<Incoming>| {
            let (state, clients) = (state.clone(), clients.clone());
            async move { handle(&state, &clients, connection, request).await }
        });
        listening.serve(socket, handler).await;
    });
}

async fn housekeeping(state: Arc<State>, stop: CancellationToken) {
    let heartbeat = &state.deployment.health.heartbeat;
    let every = heartbeat.interval.std().max(Duration::from_secs(1));
    let mut beat = tokio::time::interval(every);
    let mut sweep = tokio::time::interval(Duration::from_secs(60));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = sweep.tick() => {
                let now = state.now();
                for session in state.sessions.sweep(now) {
                    logout::end_tokens(&state, &session);
                }
                state.cache.sweep(now);
                state.held.sweep(now);
                state.logouts.sweep(now);
            }
            _ = beat.tick(), if !heartbeat.disabled => {
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

/// One request: facts, route, answer, access log.
async fn handle(
    state: &State,
    clients: &Clients,
    connection: Connection,
    request: http::Request<Incoming>,
) -> Response {
    let log = &state.deployment.http.access_log;
    if log.disabled {
        return respond(state, clients, connection, request).await;
    }
    let begun = state.clock.millis();
    let method = request.method().clone();
    let target = request.uri().path().to_owned();
    let response = respond(state, clients, connection, request).await;
    let status = u64::from(response.status().as_u16());
    let millis = state.clock.millis().since(begun);
    let client = connection.peer.ip().to_string();
    match log.level {
        AccessLogLevel::Debug => {
            tracing::debug!(
                event = "http.request",
                method = method.as_str(),
                path = target,
                status,
                millis,
                client,
                "request"
            );
        }
        AccessLogLevel::Info => {
            tracing::info!(
                event = "http.request",
                method = method.as_str(),
                path = target,
                status,
                millis,
                client,
                "request"
            );
        }
        AccessLogLevel::Error => {
            if status >= 500 {
                tracing::error!(
                    event = "http.request",
                    method = method.as_str(),
                    path = target,
                    status,
                    millis,
                    client,
                    "request"
                );
            }
        }
    }
    response
}

async fn respond(
    state: &State,
    clients: &Clients,
    connection: Connection,
    request: http::Request<Incoming>,
) -> Response {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return answer::plain(StatusCode::NOT_IMPLEMENTED);
    }
    let target_bytes = request.uri().path_and_query().map_or(0, |p| p.as_str().len());
    if target_bytes > TARGET_BYTES_MAX {
        return answer::plain(StatusCode::URI_TOO_LONG);
    }
    let Some(authority) = authority(state, connection, &request) else { return listener::bad_request() };
    let canonical = match path::canonical(request.uri().path()) {
        Ok(path) => path.into_owned(),
        Err(_) => return listener::bad_request(),
    };
    let Some(route) = state.router.find(&authority, &canonical) else {
        return answer::plain(StatusCode::NOT_FOUND);
    };
    if route == Route::Status {
        return status(state, request.method());
    }
    let (client, forwarded_https) = state.trusted.client(connection.peer.ip(), request.headers());
    // Behind a balancer that ends TLS and is not trusted to say so, the public URLs tell what people use.
    let https = forwarded_https.unwrap_or(connection.tls || state.cookies.secure);
    let (parts, body) = request.into_parts();
    let context = Context { parts, path: canonical, authority, https, client, peer: connection.peer };
    if let Route::Proxy(index) = route {
        return match super::edge::router::proxy_app(&state.deployment, index) {
            Some(app) => proxy::proxy(state, clients, index, app, context, body).await,
            None => answer::plain(StatusCode::NOT_FOUND),
        };
    }
    login::within_limit(state, Box::pin(endpoint(state, route, context, body))).await
}

/// Endpoints of ours.
async fn endpoint(state: &State, route: Route, context: Context, body: Incoming) -> Response {
    let form = if context.parts.method == Method::POST {
        if !token::is_form(&context.parts.headers) {
            None
        } else {
            match Limited::new(body, FORM_BYTES_MAX).collect().await {
                Ok(body) => match std::str::from_utf8(&body.to_bytes()).map(Params::parse) {
                    Ok(Ok(form)) => Some(form),
                    _ => return listener::bad_request(),
                },
                Err(_) => return answer::plain(StatusCode::PAYLOAD_TOO_LARGE),
            }
        }
    } else {
        None
    };
    match route {
        Route::Callback(index) => return callback(state, index, &context, form).await,
        Route::Logout(app) => return logout::page::page(state, &context, app, form).await,
        Route::LogoutCallback => return logout::chain::callback(state, &context).await,
        Route::LogoutReceived(index) => {
            return logout::received::received(state, index, &context, form).await;
        }
        _ => {}
    }
    let Some(provider) = &state.oidc else { return answer::plain(StatusCode::NOT_FOUND) };
    match route {
        Route::Discovery => provider.discovery.answer(&context),
        Route::Jwks => provider.jwks.answer(&context),
        Route::Authorize => match context.parts.method {
            Method::GET | Method::HEAD | Method::POST => authorize::authorize(state, &context, form).await,
            _ => answer::method_not_allowed("GET, POST"),
        },
        Route::Token => token::token(state, &context, form),
        Route::UserInfo => userinfo::userinfo(state, &context, form),
        Route::EndSession => end_session::end_session(state, &context, form).await,
        _ => answer::plain(StatusCode::NOT_FOUND),
    }
}

async fn callback(state: &State, index: IdpIndex, context: &Context, form: Option<Params>) -> Response {
    if !matches!(context.parts.method, Method::GET | Method::POST) {
        return answer::method_not_allowed("GET, POST");
    }
    if state.deployment.idp(index).facts.protocol == Protocol::Local {
        login::password::password(state, context, form).await
    } else {
        login::callback::callback(state, context, form).await
    }
}

fn status(state: &State, method: &Method) -> Response {
    if *method != Method::GET && *method != Method::HEAD {
        return answer::method_not_allowed("GET, HEAD");
    }
    if state.is_draining() {
        return answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "draining"}));
    }
    answer::json(StatusCode::OK, &json!({"status": "up"}))
}

/// The host a request is for: `:authority` or `Host`, exactly one, or a trusted proxy's word.
fn authority(state: &State, connection: Connection, request: &http::Request<Incoming>) -> Option<String> {
    let headers = request.headers();
    let mut hosts = headers.get_all(http::header::HOST).iter();
    let host = hosts.next().map(|h| h.to_str().ok()).unwrap_or(Some(""))?;
    if hosts.next().is_some() {
        return None;
    }
    let in_target = request.uri().authority().map(http::uri::Authority::as_str);
    if let (Some(target), false) = (in_target, host.is_empty())
        && !target.eq_ignore_ascii_case(host)
    {
        return None;
    }
    let host = in_target.unwrap_or(host);
    let host = state.trusted.host(connection.peer.ip(), headers).unwrap_or(host);
    let valid = !host.is_empty()
        && host.len() <= 255
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    valid.then(|| host.trim_end_matches('.').to_ascii_lowercase())
}

/// The upstream TLS of each app, from the profiles.
pub fn upstream_tls(
    deployment: &Deployment,
    mut open: impl FnMut(Option<&crate::config::tls::Profile>) -> Result<Arc<ClientConfig>, String>,
) -> Result<Vec<Arc<ClientConfig>>, String> {
    deployment
        .apps
        .iter()
        .map(|app| match app {
            App::Proxy(app) => open(app.tls.as_ref().and_then(|name| deployment.tls.get(name.as_str()))),
            App::Oidc(_) => open(None),
        })
        .collect()
}
