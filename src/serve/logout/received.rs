//! A provider announces that a session ended there (OpenID Connect Back-Channel Logout §2.5 to §2.8).

use http::{Method, StatusCode};
use serde_json::json;

use crate::model::IdpIndex;
use crate::protocol::oauth::{OAuthError, Params};
use crate::serve::cache::Key;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::state::State;
use crate::serve::telemetry::events;

/// Most announcements remembered, so that none works twice.
pub const ANNOUNCEMENTS_MAX: usize = 100_000;

/// Ends the sessions that a verified announcement is about. It is as well received when there is none.
pub async fn received(state: &State, index: IdpIndex, context: &Context, form: Option<Params>) -> Response {
    if context.parts.method != Method::POST {
        return answer::method_not_allowed("POST");
    }
    let idp = state.deployment.idp(index).name.as_str();
    let Some(form) = form else { return refused(idp, "the body is not a form") };
    let announced = match state.connectors[index.0].logout_received(&form).await {
        Ok(announced) => announced,
        Err(fault) => return refused(idp, &fault.to_string()),
    };
    let seen = Key::of("announced", &format!("{idp} {} {}", announced.issuer, announced.announcement));
    if !state.logouts.announced.put_if_absent(seen, *b"", announced.until, state.now()) {
        return refused(idp, "the announcement was received before");
    }
    let ended = state.sessions.close_announced(idp, &announced);
    for (key, session) in &ended {
        super::ended(state, key, session, "announced by the provider");
    }
    events::logout_received(idp, ended.len());
    // An answer without content, which must not be kept either.
    let mut response = answer::plain(StatusCode::OK);
    *response.body_mut() = crate::serve::edge::Body::empty();
    response.headers_mut().remove(http::header::CONTENT_TYPE);
    response
}

/// One answer for everything that is wrong; the log has the reason.
fn refused(idp: &str, reason: &str) -> Response {
    events::logout_refused(idp, reason);
    answer::json(StatusCode::BAD_REQUEST, &json!({"error": OAuthError::InvalidRequest.code()}))
}
