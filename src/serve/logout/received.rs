//! A provider announces that a session ended there (OpenID Connect Back-Channel Logout §2.5 to §2.8).

use http::{Method, StatusCode};
use serde_json::json;

use crate::ambient::UnixSecs;
use crate::model::IdpIndex;
use crate::protocol::oauth::{OAuthError, Params};
use crate::serve::cache::Key;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::session::Authentication;
use crate::serve::state::State;
use crate::serve::telemetry::Event;

/// Most announcements remembered, so that none works twice.
pub const ANNOUNCEMENTS_MAX: usize = 100_000;

/// How long a session that ended at its provider is remembered, in seconds: longer than a sign-in there takes to
/// become a session here.
pub const ENDED_SECS: u64 = 600;

fn ended_key(idp: &str, issuer: &str, session: &str) -> Key {
    Key::of("ended-upstream", &json!([idp, issuer, session]).to_string())
}

fn ended_subject_key(idp: &str, issuer: &str, subject: &str) -> Key {
    Key::of("ended-person", &json!([idp, issuer, subject]).to_string())
}

/// Whether the provider has announced an end that a sign-in falls under, while it was under way: of the session it
/// comes from, or of all sessions of the person, after the sign-in had begun (`begun`).
pub fn is_ended(state: &State, new: &Authentication, begun: UnixSecs) -> bool {
    let (announced, now) = (&state.logouts.announced, state.now());
    let by_session = new
        .kept
        .get("sid")
        .is_some_and(|session| announced.get(&ended_key(&new.idp, &new.issuer, session), now).is_some());
    let by_person = announced.get(&ended_subject_key(&new.idp, &new.issuer, &new.provider_subject), now);
    let at = by_person.and_then(|bytes| Some(UnixSecs(u64::from_be_bytes(bytes.as_ref().try_into().ok()?))));
    by_session || at.is_some_and(|at| at >= begun)
}

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
    let seen = Key::of("announced", &json!([idp, announced.issuer, announced.announcement]).to_string());
    if !state.logouts.announced.put_if_absent(seen, *b"", announced.until, state.now()) {
        return refused(idp, "the announcement was received before");
    }
    if let Some(session) = &announced.session {
        let key = ended_key(idp, &announced.issuer, session);
        state.logouts.announced.put(key, *b"", state.now().plus(ENDED_SECS));
    }
    if let (None, Some(subject)) = (&announced.session, &announced.subject) {
        let key = ended_subject_key(idp, &announced.issuer, subject);
        let now = state.now();
        state.logouts.announced.put(key, now.0.to_be_bytes(), now.plus(ENDED_SECS));
    }
    let ended = state.sessions.close_announced(idp, &announced);
    for (key, session) in &ended {
        super::ended(state, key, session, "announced-by-provider");
    }
    let detail = format!("{} sessions ended", ended.len());
    Event::LogoutReceived { connector: idp, detail: &detail }.log();
    // An answer without content, which must not be kept either.
    let mut response = answer::plain(StatusCode::OK);
    *response.body_mut() = crate::serve::edge::Body::empty();
    response.headers_mut().remove(http::header::CONTENT_TYPE);
    response
}

/// One answer for everything that is wrong; the log has the reason.
fn refused(idp: &str, reason: &str) -> Response {
    Event::LogoutRefused { connector: idp, detail: reason }.log();
    answer::json(StatusCode::BAD_REQUEST, &json!({"error": OAuthError::InvalidRequest.code()}))
}
