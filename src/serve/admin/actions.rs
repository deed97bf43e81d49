//! What an operator can do: drain and undrain this node, end a session, forget what a provider published. Each is told to the log.

use std::sync::atomic::Ordering;

use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::json;

use super::guard::{Guard, Refusal};
use super::{page, respond};
use crate::protocol::oauth::Params;
use crate::serve::app::oidc::token::is_form;
use crate::serve::edge::{Response, answer};
use crate::serve::logout;
use crate::serve::state::State;
use crate::serve::telemetry::Event;

/// Largest form, in bytes.
pub const FORM_BYTES_MAX: usize = 4 * 1024;

/// Does what a POST asks for. Forms are answered with the page, everybody else with JSON.
pub(super) async fn act(
    state: &State,
    guard: &Guard,
    client: &str,
    parts: &Parts,
    body: Incoming,
) -> Response {
    if parts.method != Method::POST {
        return answer::method_not_allowed("POST");
    }
    let form = if is_form(&parts.headers) {
        match Limited::new(body, FORM_BYTES_MAX).collect().await {
            Ok(body) => match std::str::from_utf8(&body.to_bytes()).map(Params::parse) {
                Ok(Ok(form)) => Some(form),
                _ => return answer::plain(StatusCode::BAD_REQUEST),
            },
            Err(_) => return answer::plain(StatusCode::PAYLOAD_TOO_LARGE),
        }
    } else {
        None
    };
    let field = |name: &str| form.as_ref().and_then(|form| form.get(name));
    let accept = parts.headers.get(http::header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let wants_page = form.is_some() && accept.contains("text/html");
    if let Err(refusal) = guard.acts(&parts.headers, &parts.uri, field("token")) {
        if wants_page && refusal == Refusal::Token {
            Event::AdminRefused { reason: refusal.code(), client }.log();
            return page::answer(state, false, Some("That is not the token."), StatusCode::FORBIDDEN);
        }
        return respond::refused(refusal, client);
    }
    let done = match parts.uri.path() {
        "/actions/drain" => {
            state.drained.store(true, Ordering::Relaxed);
            Event::AdminAction { action: "drain", client, session: None }.log();
            json!({"action": "drain", "draining": true})
        }
        "/actions/undrain" => {
            state.drained.store(false, Ordering::Relaxed);
            Event::AdminAction { action: "undrain", client, session: None }.log();
            json!({"action": "undrain", "draining": state.is_draining()})
        }
        "/actions/end-session" => {
            let shown = field("session").unwrap_or_default();
            let ended = state.sessions.shown(shown).and_then(|key| logout::end(state, &key, "operator"));
            if ended.is_none() {
                return if wants_page {
                    let words = "That session is not there any more.";
                    page::answer(state, false, Some(words), StatusCode::NOT_FOUND)
                } else {
                    answer::json(StatusCode::NOT_FOUND, &json!({"error": "no-such-session"}))
                };
            }
            Event::AdminAction { action: "end-session", client, session: Some(shown) }.log();
            json!({"action": "end-session", "session": shown})
        }
        "/actions/drop-cache" => {
            // Row RM06: a provider lost a key, and what it published before must not be believed any longer.
            let name = field("connector").unwrap_or_default();
            let Some(place) = state.deployment.idps.iter().position(|idp| idp.name.as_str() == name) else {
                return answer::json(StatusCode::NOT_FOUND, &json!({"error": "no-such-connector"}));
            };
            state.connectors[place].drop_cache();
            Event::AdminAction { action: "drop-cache", client, session: None }.log();
            json!({"action": "drop-cache", "connector": name})
        }
        _ => return answer::plain(StatusCode::NOT_FOUND),
    };
    if wants_page { answer::redirect("/") } else { answer::json(StatusCode::OK, &done) }
}
