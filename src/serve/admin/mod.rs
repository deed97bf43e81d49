//! The admin listener: metrics, the state of things as JSON and as a page, and a few actions. Never the public
//! port, never behind our own proxy, and on the control runtime, so that it costs people nothing.
//!
//! ```text
//! request ─► Host on the list? ─► may read? ─► GET:  /  /metrics  /api/status  /api/history  /api/sessions
//!                                 └ may act? (token, own Origin) ─► POST: /actions/...
//! ```

mod actions;
mod guard;
mod page;
pub mod past;
pub mod report;
mod respond;
pub mod schema;
mod words;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::StartError;
use super::edge::listener::{self, Bound, Connection, Edge, Listening};
use super::edge::tls;
use super::state::State;
use crate::config::health::{ADMIN_ADDRESS, ADMIN_TOKEN_CHARS_MIN};
use crate::config::http::Http;
use crate::config::tls::{ClientAuth, Profile};
use crate::files;
use crate::model::Deployment;
use crate::secrets::Keyring;
use crate::value::Secret;
use guard::Guard;

/// Most connections at once; a page and a collector need two.
pub const CONNECTIONS_MAX: usize = 64;
/// All request headers together, in bytes.
pub const HEADER_BYTES_MAX: u64 = 16 * 1024;
/// Reading a header, reading or writing without progress, and idleness, in seconds.
const HEADER_SECS: u64 = 5;
const PROGRESS_SECS: u64 = 10;
const IDLE_SECS: u64 = 75;

/// What the command line wants.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// `host:port`; wins over `admin.address`, and turns the listener on by itself.
    pub address: Option<String>,
    /// Where the token is written when the configuration has none.
    pub token_file: Option<PathBuf>,
}

/// An admin listener that runs.
#[derive(Debug)]
pub struct Listens {
    /// Where.
    pub address: SocketAddr,
    /// The same, as it was written.
    written: String,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Where its token was written; `None` when the configuration has it.
    pub token_file: Option<PathBuf>,
}

impl Listens {
    /// No app may have this listener as its upstream, also after a reload.
    pub fn refuse_proxied(&self, deployment: &Deployment) -> Result<(), String> {
        let resolved = self.address.to_string();
        let proxied = [self.written.as_str(), resolved.as_str()];
        match proxied.iter().find_map(|address| deployment.proxy_to(address)) {
            None => Ok(()),
            Some(app) => Err(format!(
                "the upstream of the app `{}` is the admin listener at {}",
                app.name, self.written
            )),
        }
    }

    /// Removes the file of the token, which is of no use any more.
    pub fn forget_token(&self) {
        if let Some(path) = &self.token_file {
            files::remove(path);
        }
    }
}

/// Bound, and about to serve.
pub struct Opened {
    listens: Listens,
    socket: Bound,
    listening: Listening,
    edge: Arc<Edge>,
    guard: Guard,
    state: Arc<ArcSwap<State>>,
}

/// Checks and binds. `None` when nobody wants an admin listener; `public` is where people come in.
pub async fn open(
    wanted: &Wanted,
    keyring: &Keyring,
    current: &Arc<ArcSwap<State>>,
    public: SocketAddr,
    stop: &CancellationToken,
) -> Result<Option<Opened>, StartError> {
    let state = current.load_full();
    let deployment = &state.deployment;
    let block = deployment.admin.clone();
    if wanted.address.is_none() && block.as_ref().is_none_or(|admin| admin.disabled) {
        return Ok(None);
    }
    let admin = block.unwrap_or_default();
    let written = wanted.address.as_deref().or(admin.address.as_deref()).unwrap_or(ADMIN_ADDRESS);
    let address = listener::resolve(written).await.map_err(StartError::Environment)?;
    let profile = admin.tls.as_ref().and_then(|name| deployment.tls.get(name));
    let verified = profile.is_some_and(verifies_clients);
    let configured = match &admin.token {
        Some(text) => {
            let token = keyring
                .open(text)
                .ok_or_else(|| StartError::Environment("admin.token: the secret was not unlocked".into()))?;
            if token.expose().chars().count() < ADMIN_TOKEN_CHARS_MIN {
                let words = format!("admin.token has fewer than {ADMIN_TOKEN_CHARS_MIN} characters");
                return Err(StartError::Configuration(words));
            }
            Some(token)
        }
        None => None,
    };
    let loopback = address.ip().to_canonical().is_loopback();
    refuse_open_doors(written, loopback, profile.is_some(), verified, configured.is_some())?;
    refuse_public_port(written, address, public)?;
    let http = Http {
        tls: admin.tls.clone(),
        hosts: None,
        read_timeout_seconds: PROGRESS_SECS,
        read_header_timeout_seconds: HEADER_SECS,
        write_timeout_seconds: PROGRESS_SECS,
        idle_timeout_seconds: IDLE_SECS,
        max_header_bytes: HEADER_BYTES_MAX,
        ..Http::default()
    };
    let tls = tls::server_config(&http, &deployment.tls).map_err(StartError::Environment)?;
    let occupied = |e: std::io::Error| {
        let words = format!("cannot listen on {address}: {e}; `admin.address` or `--admin` chooses another");
        StartError::Environment(words)
    };
    let socket = listener::bind_alone(address).map_err(occupied)?;
    let address = socket.local_addr().map_err(occupied)?;
    let (token, token_file) = match configured {
        Some(token) => (token, None),
        None => {
            let token = Secret::new(state.entropy.token());
            let path = wanted.token_file.clone().ok_or_else(|| {
                StartError::Environment("nobody says where the admin token is to be written".into())
            })?;
            files::write_private(&path, format!("{}\n", token.expose()).as_bytes()).map_err(|e| {
                let words = format!(
                    "cannot write the admin token to {}: {e}; `--admin-token-file` chooses another place",
                    path.display()
                );
                StartError::Environment(words)
            })?;
            (token, Some(path))
        }
    };
    let speaks_tls = tls.is_some();
    let edge = Arc::new(Edge::new(&http, tls));
    let names = profile.map(tls::certificate_names).unwrap_or_default();
    let guard = Guard::new(written, address, names, speaks_tls, loopback || verified, &token);
    let listening = Listening {
        stop: stop.clone(),
        grace: Duration::from_secs(1),
        connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
    };
    let listens = Listens { written: written.to_owned(), address, tls: speaks_tls, token_file };
    listens.refuse_proxied(deployment).map_err(StartError::Configuration)?;
    Ok(Some(Opened { listens, socket, listening, edge, guard, state: current.clone() }))
}

impl Opened {
    /// Serves from now on.
    pub fn start(self, control: &Handle) -> Listens {
        let shared = Arc::new((self.state, self.guard));
        let handler = Arc::new(move |connection: Connection, request| {
            let shared = shared.clone();
            async move { respond::respond(&shared.0.load_full(), &shared.1, connection, request).await }
        });
        let edge = self.edge;
        control.spawn(self.listening.serve(self.socket, move || edge.clone(), handler));
        self.listens
    }
}

/// `RequireAnyClientCert` is held to the roots as well (see `edge::tls`).
fn verifies_clients(profile: &Profile) -> bool {
    matches!(profile.client_auth, ClientAuth::RequireAndVerifyClientCert | ClientAuth::RequireAnyClientCert)
}

/// Beyond loopback, whoever comes has to show something, under TLS.
fn refuse_open_doors(
    written: &str,
    loopback: bool,
    tls: bool,
    verified: bool,
    token: bool,
) -> Result<(), StartError> {
    if loopback || tls && (verified || token) {
        return Ok(());
    }
    let missing = if tls {
        "`admin.token`, or a TLS profile with `clientAuth: RequireAndVerifyClientCert`"
    } else {
        "`admin.tls` and `admin.token`, or a TLS profile that verifies clients"
    };
    Err(StartError::Configuration(format!(
        "the admin listener at {written} is open to other machines: it needs {missing}; or listen on {ADMIN_ADDRESS}"
    )))
}

fn refuse_public_port(written: &str, address: SocketAddr, public: SocketAddr) -> Result<(), StartError> {
    if address.port() != 0
        && address.port() == public.port()
        && (address.ip() == public.ip() || address.ip().is_unspecified() || public.ip().is_unspecified())
    {
        let words = format!("the admin listener at {written} has the port that people come in at");
        return Err(StartError::Configuration(words));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_open_door_beyond_loopback() {
        for (loopback, tls, verified, token, fine) in [
            (true, false, false, false, true),
            (false, false, false, false, false),
            (false, false, false, true, false),
            (false, true, false, false, false),
            (false, true, true, false, true),
            (false, true, false, true, true),
        ] {
            let refused = refuse_open_doors("0.0.0.0:1", loopback, tls, verified, token);
            assert_eq!(refused.is_ok(), fine, "{loopback} {tls} {verified} {token}: {refused:?}");
        }
    }
}
