//! The HTTP client for talking to identity providers: bounded in time and size, redirects only where the
//! caller counts them, connections fresh (probes) or kept (token calls).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::dial::{Stream, dial};
use super::{NetError, NetErrorKind, Phases};
use crate::ambient::Clock;
use crate::value::WebUrl;
use crate::value::url::PlainHttp;

/// A whole call, unless the caller asks for less.
pub const CALL_MILLIS_MAX: u64 = 10_000;
/// A whole answer, unless the caller asks for less or more.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Idle connections kept to one origin.
const IDLE_PER_ORIGIN_MAX: usize = 8;
/// How long an idle connection is kept.
const IDLE_SECS_MAX: u64 = 30;

/// How we introduce ourselves.
pub const AGENT: &str = concat!("maverics/", env!("CARGO_PKG_VERSION"));

/// A call to make.
#[derive(Debug, Clone)]
pub struct Fetch {
    method: Method,
    url: WebUrl,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    fresh: bool,
    budget: Duration,
    body_max: usize,
    cut_long_body: bool,
    redirects_max: u8,
    again_after: Option<Duration>,
}

impl Fetch {
    /// GET.
    pub fn get(url: WebUrl) -> Self {
        Fetch {
            method: Method::GET,
            url,
            headers: Vec::new(),
            body: Bytes::new(),
            fresh: false,
            budget: Duration::from_millis(CALL_MILLIS_MAX),
            body_max: BODY_BYTES_MAX,
            cut_long_body: false,
            redirects_max: 0,
            again_after: None,
        }
    }

    /// POST of a form.
    pub fn post_form(url: WebUrl, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut fetch = Fetch::get(url);
        fetch.method = Method::POST;
        fetch.body = body.into();
        fetch
            .header(http::header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// On a connection of its own, so that a kept one cannot hide an outage.
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// Budget of the whole call.
    pub fn within(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Largest answer, in bytes.
    pub fn body_max(mut self, bytes: usize) -> Self {
        self.body_max = bytes;
        self
    }

    /// A longer answer is cut, not refused.
    pub fn cut_long_body(mut self) -> Self {
        self.cut_long_body = true;
        self
    }

    /// Follows this many redirects, with the scheme unchanged.
    pub fn redirects(mut self, most: u8) -> Self {
        self.redirects_max = most;
        self
    }

    /// Asks once more, this much later and within the same budget, when the connection failed or the peer is
    /// unavailable for a moment. Only a GET is ever repeated: whatever else was sent may have been done.
    pub fn once_more_after(mut self, pause: Duration) -> Self {
        self.again_after = Some(pause);
        self
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, at most what the caller allowed.
    pub body: Bytes,
    /// How long each part took.
    pub phases: Phases,
}

/// Makes calls with one TLS setting. Cheap to clone; clones share kept connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    runtime: Handle,
    tls: Arc<ClientConfig>,
    plain: PlainHttp,
    clock: Clock,
    idle: Mutex<HashMap<String, Vec<(SendRequest<Full<Bytes>>, Instant)>>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// `runtime` carries the connections; callers may be on any other.
    pub fn new(runtime: Handle, tls: Arc<ClientConfig>, plain: PlainHttp, clock: Clock) -> Self {
        Client(Arc::new(Inner { runtime, tls, plain, clock, idle: Mutex::new(HashMap::new()) }))
    }

    /// Makes a call. Dropping the future abandons the call.
    pub async fn fetch(&self, fetch: Fetch) -> Result<Answer, NetError> {
        let inner = self.0.clone();
        let call = self.0.runtime.spawn(async move { inner.settle(fetch).await });
        let call = AbortOnDrop(call);
        call.await.unwrap_or_else(|_| Err(NetError::new(NetErrorKind::Lost, "the call was abandoned")))
    }
}

/// A spawned call that ends with the future that waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(cx)
    }
}

/// Whether a failure may be over in a moment.
fn is_passing(result: &Result<Answer, NetError>) -> bool {
    match result {
        Ok(answer) => matches!(answer.status, 502..=504),
        Err(error) => matches!(
            error.kind,
            NetErrorKind::Refused | NetErrorKind::Lost | NetErrorKind::Unreachable | NetErrorKind::Timeout
        ),
    }
}

impl Inner {
    /// The call, and where it asks for that a second one.
    async fn settle(&self, fetch: Fetch) -> Result<Answer, NetError> {
        let deadline = Instant::now() + fetch.budget;
        let first = self.follow(fetch.clone(), deadline).await;
        let Some(pause) = fetch.again_after.filter(|_| fetch.method == Method::GET && is_passing(&first))
        else {
            return first;
        };
        if Instant::now() + pause >= deadline {
            return first;
        }
        tokio::time::sleep(pause).await;
        self.follow(fetch, deadline).await
    }

    async fn follow(&self, mut fetch: Fetch, deadline: Instant) -> Result<Answer, NetError> {
        loop {
            let answer = self.once(&fetch, deadline).await?;
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) || fetch.redirects_max == 0 {
                return Ok(answer);
            }
            let next = answer
                .headers
                .get(LOCATION)
                .and_then(|l| l.to_str().ok())
                .and_then(|l| fetch.url.url().join(l).ok())
                .and_then(|l| WebUrl::parse(l.as_str()).ok())
                .filter(|l| l.is_https() == fetch.url.is_https());
            match next {
                Some(url) => fetch.url = url,
                None => return Ok(answer),
            }
            fetch.redirects_max -= 1;
        }
    }

    async fn once(&self, fetch: &Fetch, deadline: Instant) -> Result<Answer, NetError> {
        let origin = format!("{}://{}", fetch.url.url().scheme(), fetch.url.authority());
        let late = |phases: &Phases, sent| NetError {
            phases: phases.clone(),
            may_have_been_sent: sent,
            ..NetError::new(
                NetErrorKind::Timeout,
                format!("{}: no answer within {} ms", fetch.url.authority(), fetch.budget.as_millis()),
            )
        };
        let mut kept = if fetch.fresh { None } else { self.take_idle(&origin) };
        loop {
            let was_kept = kept.is_some();
            let (mut sender, mut phases) = match kept.take() {
                Some(sender) => (sender, Phases::default()),
                None => self.connect(&fetch.url, deadline).await?,
            };
            let begun = Instant::now();
            let sent = timeout_at(deadline, sender.try_send_request(self.request(fetch)?)).await;
            let response = match sent {
                Err(_) => return Err(late(&phases, true)),
                Ok(Ok(response)) => response,
                Ok(Err(mut error)) => {
                    let unsent = error.take_message().is_some();
                    // A kept connection that the peer closed meanwhile says nothing about the peer.
                    if was_kept && (unsent || fetch.method == Method::GET) {
                        continue;
                    }
                    let kind =
                        if error.error().is_parse() { NetErrorKind::Protocol } else { NetErrorKind::Lost };
                    return Err(NetError {
                        phases,
                        may_have_been_sent: !unsent,
                        ..NetError::new(kind, format!("{}: {}", fetch.url.authority(), error.error()))
                    });
                }
            };
            let (parts, mut body) = response.into_parts();
            let mut bytes = Vec::new();
            let mut whole = true;
            loop {
                let frame = match timeout_at(deadline, body.frame()).await {
                    Err(_) => return Err(late(&phases, true)),
                    Ok(None) => break,
                    Ok(Some(Ok(frame))) => frame,
                    Ok(Some(Err(error))) => {
                        return Err(NetError {
                            phases,
                            may_have_been_sent: true,
                            ..NetError::new(NetErrorKind::Lost, format!("{}: {error}", fetch.url.authority()))
                        });
                    }
                };
                let Ok(data) = frame.into_data() else { continue };
                if bytes.len() + data.len() > fetch.body_max {
                    if !fetch.cut_long_body {
                        return Err(NetError {
                            phases,
                            may_have_been_sent: true,
                            ..NetError::new(
                                NetErrorKind::TooLarge,
                                format!("{}: more than {} bytes", fetch.url.authority(), fetch.body_max),
                            )
                        });
                    }
                    bytes.extend_from_slice(&data[..fetch.body_max - bytes.len()]);
                    whole = false;
                    break;
                }
                bytes.extend_from_slice(&data);
            }
            phases.request = Some(begun.elapsed());
            phases.clock_skew_secs = self.skew(&parts.headers);
            if whole && !fetch.fresh {
                self.put_idle(origin, sender);
            }
            return Ok(Answer {
                status: parts.status.as_u16(),
                headers: parts.headers,
                body: bytes.into(),
                phases,
            });
        }
    }

    async fn connect(
        &self,
        url: &WebUrl,
        deadline: Instant,
    ) -> Result<(SendRequest<Full<Bytes>>, Phases), NetError> {
        let (stream, mut phases): (Stream, Phases) = dial(url, &self.tls, &self.plain, deadline).await?;
        stream.describe(self.clock.unix().0, &mut phases);
        let (sender, connection) = http1::Builder::new()
            .max_headers(100)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| NetError::new(NetErrorKind::Protocol, e.to_string()))?;
        // Ends when the sender is dropped or the peer closes.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok((sender, phases))
    }

    fn request(&self, fetch: &Fetch) -> Result<Request<Full<Bytes>>, NetError> {
        let url = fetch.url.url();
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut request = Request::builder()
            .method(fetch.method.clone())
            .uri(target)
            .header(HOST, fetch.url.authority())
            .header(USER_AGENT, AGENT);
        for (name, value) in &fetch.headers {
            request = request.header(name.clone(), value.clone());
        }
        request
            .body(Full::new(fetch.body.clone()))
            .map_err(|e| NetError::new(NetErrorKind::Protocol, format!("not a request: {e}")))
    }

    fn skew(&self, headers: &HeaderMap) -> Option<i32> {
        let date = headers.get(http::header::DATE)?.to_str().ok()?;
        let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second();
        i32::try_from(theirs - i64::try_from(self.clock.unix().0).ok()?).ok()
    }

    fn take_idle(&self, origin: &str) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let list = idle.get_mut(origin)?;
        while let Some((sender, since)) = list.pop() {
            if sender.is_ready() && since.elapsed().as_secs() < IDLE_SECS_MAX {
                return Some(sender);
            }
        }
        None
    }

    fn put_idle(&self, origin: String, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let list = idle.entry(origin).or_default();
        list.retain(|(sender, since)| !sender.is_closed() && since.elapsed().as_secs() < IDLE_SECS_MAX);
        if list.len() < IDLE_PER_ORIGIN_MAX {
            list.push((sender, Instant::now()));
        }
    }
}
