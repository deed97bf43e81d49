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

/// Sessions that the provider gave no name, where it ended some by theirs.
fn ended_nameless_key(idp: &str, issuer: &str, subject: &str) -> Key {
    Key::of("ended-nameless", &json!([idp, issuer, subject]).to_string())
}

fn ended_subject_key(idp: &str, issuer: &str, subject: &str) -> Key {
    Key::of("ended-person", &json!([idp, issuer, subject]).to_string())
}

/// Whether the provider has announced an end that a sign-in falls under, while it was under way (since `begun`): of
/// the session it comes from, or of all sessions of the person. A sign-in that began afterwards is another one, also
/// where the provider goes on with the same session.
pub fn is_ended(state: &State, new: &Authentication, begun: UnixSecs) -> bool {
    let after = |key: Key| {
        let at = state.logouts.announced.get(&key, state.now());
        let at = at.and_then(|bytes| Some(UnixSecs(u64::from_be_bytes(bytes.as_ref().try_into().ok()?))));
        at.is_some_and(|at| at >= begun)
    };
    let session = match new.kept.get("sid") {
        Some(session) => ended_key(&new.idp, &new.issuer, session),
        None => ended_nameless_key(&new.idp, &new.issuer, &new.provider_subject),
    };
    after(session) || after(ended_subject_key(&new.idp, &new.issuer, &new.provider_subject))
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
    let (mut verified, mut refusals) = (Vec::new(), Vec::new());
    // Several connectors may share the address, and several may be of the provider that signed this.
    for index in heard_at(state, &context.path) {
        match state.connectors[index.0].logout_received(params).await {
            Ok(announced) => verified.push((index, announced)),
            Err(fault) => refusals.push((state.deployment.idp(index).name.as_str(), fault.to_string())),
        }
    }
    if let Some((index, announced)) = verified.first() {
        if is_new(state, &json!(["browser", announced.issuer, announced.announcement.id]), announced) {
            for (index, announced) in &verified {
                end_announced(state, *index, announced);
            }
            return Some(leave(verified.swap_remove(0).1));
        }
        refusals = vec![(state.deployment.idp(*index).name.as_str(), AGAIN.to_owned())];
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

/// Why an announcement does not work a second time.
const AGAIN: &str = "the announcement was received before";

/// Whether an announcement was not seen before. It is from now on.
fn is_new(state: &State, name: &serde_json::Value, announced: &LoggedOut) -> bool {
    let seen = Key::of("announced", &name.to_string());
    state.logouts.announced.put_if_absent(seen, *b"", announced.announcement.until, state.now())
}

/// Verifies an announcement and ends what it is about. The error is a reason for the log.
async fn take_in(state: &State, index: IdpIndex, params: &Params) -> Result<(), String> {
    let idp = state.deployment.idp(index).name.as_str();
    let announced =
        state.connectors[index.0].logout_received(params).await.map_err(|fault| fault.to_string())?;
    if !is_new(state, &json!([idp, announced.issuer, announced.announcement.id]), &announced) {
        return Err(AGAIN.into());
    }
    end_announced(state, index, &announced);
    Ok(())
}

/// Ends the sessions that a verified announcement is about. It is as well received when there is none.
fn end_announced(state: &State, index: IdpIndex, announced: &LoggedOut) {
    let idp = state.deployment.idp(index).name.as_str();
    let now = state.now();
    for session in &announced.sessions {
        let key = ended_key(idp, &announced.issuer, session);
        state.logouts.announced.put(key, now.0.to_be_bytes(), now.plus(ENDED_SECS));
    }
    if let Some(subject) = &announced.subject {
        let key = match announced.sessions.is_empty() {
            true => ended_subject_key(idp, &announced.issuer, subject),
            false => ended_nameless_key(idp, &announced.issuer, subject),
        };
        state.logouts.announced.put(key, now.0.to_be_bytes(), now.plus(ENDED_SECS));
    }
    let ended = state.sessions.close_announced(idp, announced);
    for (key, session) in &ended {
        super::ended(state, key, session, "announced-by-provider");
    }
    let detail = format!("{} sessions ended", ended.len());
    Event::LogoutReceived { connector: idp, detail: &detail }.log();
}
