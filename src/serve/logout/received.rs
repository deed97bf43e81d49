//! A provider announces that a session ended there: itself (OpenID Connect Back-Channel Logout §2.5 to §2.8), or
//! through the person's browser (SAML 2.0 Profiles §4.4).

use http::{Method, StatusCode};
use serde_json::json;

use crate::ambient::UnixSecs;
use crate::connector::{Begin, LoggedOut};
use crate::model::IdpIndex;
use crate::protocol::oauth::{OAuthError, Params};
use crate::serve::cache::Key;
use crate::serve::edge::pages::{Page, Post};
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

/// An announcement that the provider sends itself.
pub async fn received(state: &State, index: IdpIndex, context: &Context, form: Option<Params>) -> Response {
    if context.parts.method != Method::POST {
        return answer::method_not_allowed("POST");
    }
    let idp = state.deployment.idp(index).name.as_str();
    let taken = match form {
        Some(form) => take_in(state, index, &form).await,
        None => Err("the body is not a form".into()),
    };
    if let Err(reason) = taken {
        Event::LogoutRefused { connector: idp, detail: &reason }.log();
        return answer::json(StatusCode::BAD_REQUEST, &json!({"error": OAuthError::InvalidRequest.code()}));
    }
    // An answer without content, which must not be kept either.
    let mut response = answer::plain(StatusCode::OK);
    *response.body_mut() = crate::serve::edge::Body::empty();
    response.headers_mut().remove(http::header::CONTENT_TYPE);
    response
}

/// An announcement that the provider sends through the person's browser, at an address where returns from a
/// logout arrive too. `None` when no provider announces anything there.
pub async fn by_browser(state: &State, context: &Context, params: &Params) -> Option<Response> {
    let mut refusals = Vec::new();
    // Several may share the address; only one of them has signed this.
    for index in heard_at(state, &context.path) {
        match take_in(state, index, params).await {
            Ok(announced) => return Some(leave(announced)),
            Err(reason) => refusals.push((state.deployment.idp(index).name.as_str(), reason)),
        }
    }
    if refusals.is_empty() {
        return None;
    }
    for (connector, reason) in &refusals {
        Event::LogoutRefused { connector, detail: reason }.log();
    }
    let page = Page::new(
        "Nobody was signed out",
        "The request to sign you out could not be accepted. You are still signed in here if you were before.",
    );
    Some(answer::page(StatusCode::BAD_REQUEST, &page))
}

/// Whether a provider announces logouts at a path.
pub fn is_heard_at(state: &State, path: &str) -> bool {
    heard_at(state, path).next().is_some()
}

fn heard_at<'s>(state: &'s State, path: &'s str) -> impl Iterator<Item = IdpIndex> + 's {
    let idps = state.deployment.idps.iter().enumerate();
    let here =
        idps.filter(move |(_, idp)| idp.config.logout_receiver().is_some_and(|url| url.path() == path));
    here.map(|(i, _)| IdpIndex(i))
}

/// Where the browser goes after it brought a good announcement.
fn leave(announced: LoggedOut) -> Response {
    match announced.answer {
        Some(Begin::Redirect { url, .. }) => answer::redirect(&url),
        Some(Begin::FormPost { action, fields, .. }) => {
            let mut page = Page::new("One moment", "You are being sent back to your identity provider.");
            page.post = Some(Post { action, fields, leads_on: true });
            answer::page(StatusCode::OK, &page)
        }
        Some(Begin::AskPassword { .. }) | None => {
            answer::page(StatusCode::OK, &Page::new("You are signed out", "Your session here has ended."))
        }
    }
}

/// Ends the sessions that a verified announcement is about. It is as well received when there is none. The error
/// is a reason for the log.
async fn take_in(state: &State, index: IdpIndex, params: &Params) -> Result<LoggedOut, String> {
    let idp = state.deployment.idp(index).name.as_str();
    let announced =
        state.connectors[index.0].logout_received(params).await.map_err(|fault| fault.to_string())?;
    let once = &announced.announcement;
    let seen = Key::of("announced", &json!([idp, announced.issuer, once.id]).to_string());
    if !state.logouts.announced.put_if_absent(seen, *b"", once.until, state.now()) {
        return Err("the announcement was received before".into());
    }
    let now = state.now();
    for session in &announced.sessions {
        let key = ended_key(idp, &announced.issuer, session);
        state.logouts.announced.put(key, *b"", now.plus(ENDED_SECS));
    }
    if let ([], Some(subject)) = (&announced.sessions[..], &announced.subject) {
        let key = ended_subject_key(idp, &announced.issuer, subject);
        state.logouts.announced.put(key, now.0.to_be_bytes(), now.plus(ENDED_SECS));
    }
    let ended = state.sessions.close_announced(idp, &announced);
    for (key, session) in &ended {
        super::ended(state, key, session, "announced-by-provider");
    }
    let detail = format!("{} sessions ended", ended.len());
    Event::LogoutReceived { connector: idp, detail: &detail }.log();
    Ok(announced)
}
