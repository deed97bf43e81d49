//! One request to the admin listener.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::guard::{Guard, Refusal};
use super::{actions, page, past, report};
use crate::serve::edge::listener::Connection;
use crate::serve::edge::{Response, answer};
use crate::serve::state::State;
use crate::serve::telemetry::{Event, text};

/// Longest answer to one request, in seconds.
pub const ANSWER_SECS_MAX: u64 = 10;

/// Answers, in time.
pub async fn respond(
    state: &State,
    guard: &Guard,
    connection: Connection,
    request: http::Request<Incoming>,
) -> Response {
    let limit = Duration::from_secs(ANSWER_SECS_MAX);
    match tokio::time::timeout(limit, route(state, guard, connection, request)).await {
        Ok(response) => response,
        Err(_) => answer::plain(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn route(
    state: &State,
    guard: &Guard,
    connection: Connection,
    request: http::Request<Incoming>,
) -> Response {
    let (parts, body) = request.into_parts();
    let client = connection.peer.ip().to_string();
    if let Err(refusal) = guard.reads(&parts.headers, &parts.uri) {
        return refused(refusal, &client);
    }
    let path = parts.uri.path();
    if path.starts_with("/actions/") {
        return actions::act(state, guard, &client, &parts, body).await;
    }
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return answer::method_not_allowed("GET, HEAD");
    }
    match path {
        "/" => page::answer(state, parts.uri.query() == Some("live=1"), None, StatusCode::OK),
        "/metrics" => {
            let accept = parts.headers.get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
            metrics(state, text::wants_open_metrics(accept))
        }
        "/api/status" => json(&report::scene(state).status),
        "/api/history" => json(&past::history(state)),
        "/api/sessions" => json(&report::sessions(state, report::SESSIONS_MAX)),
        _ => answer::plain(StatusCode::NOT_FOUND),
    }
}

fn json(shape: &impl serde::Serialize) -> Response {
    match serde_json::to_value(shape) {
        Ok(value) => answer::json(StatusCode::OK, &value),
        Err(_) => answer::plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn metrics(state: &State, open: bool) -> Response {
    let written = state.telling.metrics.open_metrics(&report::levels(state));
    let (body, kind) =
        if open { (written, text::OPEN_METRICS) } else { (text::prometheus(&written), text::PROMETHEUS) };
    let mut response = Response::new(crate::serve::edge::Body::of(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A request that may not do what it asks for.
pub(super) fn refused(refusal: Refusal, client: &str) -> Response {
    Event::AdminRefused { reason: refusal.code(), client }.log();
    let status = match refusal {
        Refusal::Host => StatusCode::MISDIRECTED_REQUEST,
        Refusal::Origin => StatusCode::FORBIDDEN,
        Refusal::Token => StatusCode::UNAUTHORIZED,
    };
    let mut response = answer::json(status, &json!({"error": refusal.code()}));
    if refusal == Refusal::Token {
        for way in ["Bearer realm=\"maverics admin\"", "Basic realm=\"maverics admin\", charset=\"UTF-8\""] {
            response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(way));
        }
    }
    response
}
