//! Connections to proxied applications: kept and shared by the requests of one thread, bodies streamed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::NetError;
use super::dial::{Stream, dial};
use crate::value::WebUrl;
use crate::value::url::PlainHttp;

/// Longest wait for a connection to an upstream, in milliseconds.
pub const CONNECT_MILLIS_MAX: u64 = 5_000;
/// Idle connections kept to one upstream by one thread.
pub const IDLE_MAX: usize = 256;
/// How long an idle connection is kept, in seconds: below what applications usually keep theirs.
pub const IDLE_SECS: u64 = 30;

/// The client of one upstream.
pub struct Upstream<B> {
    client: Client<Dialer, B>,
}

impl<B> Upstream<B>
where
    B: Body<Data = Bytes> + Send + 'static + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// For an upstream. Plain http is the operator's choice there, so it is allowed by naming it.
    pub fn new(url: WebUrl, tls: Arc<ClientConfig>) -> Self {
        let plain = PlainHttp { allowed: vec![url.as_str().to_owned()] };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_MAX)
            .pool_idle_timeout(Duration::from_secs(IDLE_SECS))
            .set_host(false)
            .build(Dialer { target: Arc::new((url, tls, plain)) });
        Upstream { client }
    }

    /// Sends a request; its body streams. The answer's body streams as well.
    pub async fn send(&self, request: Request<B>) -> Result<Response<Incoming>, Error> {
        self.client.request(request).await
    }
}

/// Whether an error means that no connection could be made.
pub fn is_connect(error: &Error) -> bool {
    error.is_connect()
}

#[derive(Clone)]
struct Dialer {
    target: Arc<(WebUrl, Arc<ClientConfig>, PlainHttp)>,
}

impl tower_service::Service<Uri> for Dialer {
    type Response = TokioIo<Wire>;
    type Error = NetError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NetError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let target = self.target.clone();
        Box::pin(async move {
            let (url, tls, plain) = &*target;
            let deadline = Instant::now() + Duration::from_millis(CONNECT_MILLIS_MAX);
            dial(url, tls, plain, deadline).await.map(|(stream, _)| TokioIo::new(Wire(stream)))
        })
    }
}

struct Wire(Stream);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
