//! Sockets and connections. Each thread has its own socket on the shared port and its own runtime, so that
//! accepted connections never change threads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::limits::{InFlight, Limited, Limits};
use super::{Response, answer};
use crate::config::http::Http;

/// Most connections of this node; beyond it, accepting waits, and a full node stays answering.
pub const CONNECTIONS_MAX: usize = 10_000;
/// Longest TLS handshake, in seconds.
pub const HANDSHAKE_SECS_MAX: u64 = 10;
/// Most header fields of a request.
pub const HEADER_FIELDS_MAX: usize = 100;
/// Most streams of one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 100;

/// Opens one socket on `address` that others may share the port with. An occupied port is an error even
/// where the occupant would share it: that is checked first, without sharing.
pub fn bind(address: SocketAddr, check_free: bool) -> std::io::Result<std::net::TcpListener> {
    if check_free {
        drop(socket(address, false)?);
    }
    socket(address, true)
}

/// A bound socket.
pub type Bound = TcpListener;

/// Opens the one socket of an address, on this runtime.
pub fn bind_alone(address: SocketAddr) -> std::io::Result<Bound> {
    TcpListener::from_std(socket(address, false)?)
}

fn socket(address: SocketAddr, share: bool) -> std::io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if share {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

/// Where an accepted request came from.
#[derive(Debug, Clone, Copy)]
pub struct Connection {
    /// The other end.
    pub peer: SocketAddr,
    /// Whether it speaks TLS with us.
    pub tls: bool,
}

/// How connections are served; a reload has another one for those that come later.
pub struct Edge {
    builder: Builder<TokioExecutor>,
    acceptor: Option<TlsAcceptor>,
    limits: Limits,
}

/// What every thread's accept loop shares.
#[derive(Clone)]
pub struct Listening {
    /// Stops accepting; connections then finish what they are at.
    pub stop: CancellationToken,
    /// How long they may take.
    pub grace: Duration,
    /// Shared over all threads.
    pub connections: Arc<Semaphore>,
}

impl Listening {
    /// Accepts and serves until told to stop, then waits for requests in flight within the grace period. Each
    /// connection is served as `edge` says when it comes.
    pub async fn serve<H, F>(self, listener: TcpListener, edge: impl Fn() -> Arc<Edge>, handler: Arc<H>)
    where
        H: Fn(Connection, http::Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = accept(&listener, &self.connections) => accepted,
            };
            let Some((stream, peer, permit)) = accepted else { continue };
            let (edge, handler) = (edge(), handler.clone());
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                let _permit = permit;
                let _ = stream.set_nodelay(true);
                let (builder, limits) = (&edge.builder, edge.limits);
                match &edge.acceptor {
                    None => {
                        let connection = Connection { peer, tls: false };
                        serve_one(stream, false, connection, limits, builder, handler, watcher).await;
                    }
                    Some(acceptor) => {
                        let limit = Duration::from_secs(HANDSHAKE_SECS_MAX);
                        // A handshake that fails is the client's affair; scanners do it all day.
                        if let Ok(Ok(stream)) = tokio::time::timeout(limit, acceptor.accept(stream)).await {
                            let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                            let connection = Connection { peer, tls: true };
                            serve_one(stream, h2, connection, limits, builder, handler, watcher).await;
                        }
                    }
                }
            });
        }
        drop(listener);
        let _ = tokio::time::timeout(self.grace, graceful.shutdown()).await;
    }
}

impl Edge {
    /// Of the configured limits, with TLS or plain.
    pub fn new(http: &Http, tls: Option<Arc<ServerConfig>>) -> Self {
        Edge { builder: builder(http), acceptor: tls.map(TlsAcceptor::from), limits: limits(http) }
    }
}

fn limits(http: &Http) -> Limits {
    let header = match http.read_header_timeout_seconds {
        0 => http.read_timeout_seconds,
        secs => secs,
    };
    Limits {
        idle: Duration::from_secs(http.idle_timeout_seconds),
        header: Duration::from_secs(header),
        write: Duration::from_secs(http.write_timeout_seconds),
    }
}

fn builder(http: &Http) -> Builder<TokioExecutor> {
    let header_bytes = usize::try_from(http.max_header_bytes).unwrap_or(usize::MAX).max(8192);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Header time and idleness are judged by `Limited`, which can tell them apart.
        .header_read_timeout(None)
        .max_headers(HEADER_FIELDS_MAX)
        .max_buf_size(header_bytes)
        .keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(1024);
    builder
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = connections.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
        Err(error) => {
            // Out of descriptors, most likely: give others time to close theirs.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn serve_one<S, H, F>(
    stream: S,
    h2: bool,
    connection: Connection,
    limits: Limits,
    builder: &Builder<TokioExecutor>,
    handler: Arc<H>,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    H: Fn(Connection, http::Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let in_flight = InFlight::default();
    let io = TokioIo::new(Limited::new(stream, limits, in_flight.clone(), h2));
    let service = service_fn(move |request: http::Request<Incoming>| {
        let turn = in_flight.begin();
        let answer = handler(connection, request);
        async move {
            let mut response = answer.await;
            // A request is in flight until its answer is written: streams live as long as they move.
            if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
                turn.never_ends();
            } else {
                response.body_mut().hold(turn);
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let serving = watcher.watch(builder.serve_connection_with_upgrades(io, service).into_owned());
    // Errors here are broken connections and broken requests; hyper has answered what can be answered.
    if let Err(error) = serving.await {
        tracing::trace!(%error, "a connection ended");
    }
}

/// The address a configuration names; an empty host is every interface.
pub async fn resolve(address: &str) -> Result<SocketAddr, String> {
    let full = if address.starts_with(':') { format!("0.0.0.0{address}") } else { address.to_owned() };
    let found = tokio::net::lookup_host(full).await.map_err(|e| format!("{address}: {e}"))?.next();
    found.ok_or_else(|| format!("{address} has no address"))
}

/// An answer for a request that cannot even be looked at. Whoever sent it is not to be understood in what
/// follows either, so the connection ends.
pub fn bad_request() -> Response {
    let mut response = answer::plain(http::StatusCode::BAD_REQUEST);
    response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
    response
}
