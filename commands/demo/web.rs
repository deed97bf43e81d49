//! The page's server. The orchestrator proxies to it; only signing out comes here directly, because the
//! orchestrator keeps its session cookie from the applications behind it, and a browser sends it to every
//! port of the host.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, HeaderValue, LOCATION, ORIGIN,
    SET_COOKIE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::switch::Mode;
use super::visits::{self, Visit};
use super::{Demo, page};

/// Largest form, in bytes.
const FORM_BYTES_MAX: usize = 4096;
/// Most connections at once.
const CONNECTIONS_MAX: usize = 256;
/// Longest wait for the header of a request, in seconds.
const HEADER_SECS_MAX: u64 = 10;
/// Where a button may lead back to.
const WAYS_BACK: [&str; 4] = ["/", "/?live=1", "/switches", "/switches?live=1"];

type Answer = Response<Full<Bytes>>;

/// Serves the page until the runtime goes.
pub async fn serve(listener: TcpListener, demo: Arc<Demo>) {
    connections(listener, move |request| {
        let demo = demo.clone();
        async move { answer(&demo, request).await }
    })
    .await;
}

/// Answers requests until the runtime goes, within bounds.
pub async fn connections<A, F, B>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Error: std::error::Error + Send + Sync, Data: Send> + Send + 'static,
{
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = connections.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let answer = answer.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let service = service_fn(move |request| {
                let answer = answer(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(HEADER_SECS_MAX))
                .serve_connection(TokioIo::new(stream), service);
            // A connection that breaks has nobody left to tell.
            let _ = connection.await;
        });
    }
}

async fn answer(demo: &Demo, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    let path = parts.uri.path();
    // Without this, any site whose name is made to lead here could read the token off the page.
    let origin = format!("http://{}", headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or_default());
    let posts = parts.method == Method::POST;
    if origin == demo.page_origin {
        return match (path, posts) {
            ("/sign-out", true) => match form(demo, &headers, body).await {
                Ok(_) => sign_out(demo, &headers),
                Err(refusal) => refusal,
            },
            _ => plain(
                StatusCode::NOT_FOUND,
                "Only signing out is done here; the page is behind the orchestrator.",
            ),
        };
    }
    if origin != demo.app_origin {
        return plain(StatusCode::MISDIRECTED_REQUEST, "Nobody of that name is here.");
    }
    let live = parts.uri.query() == Some("live=1");
    match (path, posts) {
        ("/" | "/switches", false) => show(demo, &headers, path, live),
        (path, true) => match path.strip_prefix("/switches/") {
            Some(provider) => match form(demo, &headers, body).await {
                Ok(form) => turn(demo, provider, &form).await,
                Err(refusal) => refusal,
            },
            None => plain(StatusCode::NOT_FOUND, "There is nothing here."),
        },
        _ => plain(StatusCode::NOT_FOUND, "There is nothing here."),
    }
}

fn show(demo: &Demo, headers: &HeaderMap, path: &str, live: bool) -> Answer {
    let (visit, cookie) = match visit(demo, headers) {
        Some((visit, cookie)) => (Some(visit), cookie),
        None => (None, None),
    };
    let mut response = Response::new(Full::from(page::render(demo, headers, visit.as_ref(), path, live)));
    let out = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
        // The origin must be sent along when a button posts: it is checked.
        (HeaderName::from_static("referrer-policy"), "strict-origin"),
    ] {
        out.insert(name, HeaderValue::from_static(value));
    }
    put(out, CONTENT_SECURITY_POLICY, &page::content_security_policy(demo));
    if let Some(cookie) = cookie {
        put(out, SET_COOKIE, &cookie);
    }
    response
}

/// Who signed this browser in; a new visit comes with its cookie.
fn visit(demo: &Demo, headers: &HeaderMap) -> Option<(Visit, Option<String>)> {
    let order: Vec<&str> = demo.switches.iter().map(|(role, _)| role.name).collect();
    let provider = order.iter().find(|name| headers.contains_key(format!("x-{name}")))?;
    let username = page::header(headers, "x-people-username")?;
    let chance = (&demo.state.entropy, &demo.state.clock);
    Some(demo.visits.of(headers, (provider, &username), &order, &demo.journal, chance))
}

async fn turn(demo: &Demo, provider: &str, form: &[(String, String)]) -> Answer {
    let field = |name: &str| form.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value);
    let switch = demo.switches.iter().find(|(role, _)| role.name == provider);
    let mode = switch.and_then(|(_, switch)| Mode::of(field("mode"), switch.speech));
    let (Some((role, switch)), Some(mode)) = (switch, mode) else {
        return plain(StatusCode::BAD_REQUEST, "There is no such switch, or it does not go there.");
    };
    let (name, word) = (role.name, mode.word(switch.speech));
    if let Err(error) = switch.set(mode).await {
        let words = format!("{name} cannot be set to {word}: {error}. It still refuses; try again.");
        return plain(StatusCode::SERVICE_UNAVAILABLE, &words);
    }
    tracing::info!(event = "demo.switched", connector = name, mode = word, "switch turned");
    let back = WAYS_BACK.into_iter().find(|way| *way == field("back")).unwrap_or("/switches");
    see(&format!("{}{back}", demo.app_origin))
}

/// Ends the orchestrator's session of this browser.
fn sign_out(demo: &Demo, headers: &HeaderMap) -> Answer {
    if let Some((key, _)) = demo.state.session(headers) {
        maverics::serve::logout::end(&demo.state, &key, "signed-out");
    }
    demo.visits.forget(headers);
    let mut response = see(&format!("{}/switches", demo.app_origin));
    for line in [demo.state.cookies.session_gone(), visits::gone()] {
        if let Ok(value) = HeaderValue::try_from(line) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    response
}

/// A form of this run's page, posted from it.
async fn form(demo: &Demo, headers: &HeaderMap, body: Incoming) -> Result<Vec<(String, String)>, Answer> {
    let refused =
        || plain(StatusCode::FORBIDDEN, "This was not posted by the demo's own page. Open it again.");
    if headers.get(ORIGIN).is_none_or(|origin| origin.as_bytes() != demo.app_origin.as_bytes()) {
        return Err(refused());
    }
    let body = Limited::new(body, FORM_BYTES_MAX).collect().await;
    let body = body.map_err(|_| plain(StatusCode::PAYLOAD_TOO_LARGE, "That is no form of this page."))?;
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&body.to_bytes()).into_owned().collect();
    let token = fields.iter().find(|(name, _)| name == "token").map_or("", |(_, value)| value);
    if bool::from(token.as_bytes().ct_eq(demo.token.as_bytes())) { Ok(fields) } else { Err(refused()) }
}

fn see(location: &str) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    put(response.headers_mut(), LOCATION, location);
    response
}

fn plain(status: StatusCode, words: &str) -> Answer {
    let mut response = Response::new(Full::from(format!("{words}\n")));
    *response.status_mut() = status;
    put(response.headers_mut(), CONTENT_TYPE, "text/plain; charset=utf-8");
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
