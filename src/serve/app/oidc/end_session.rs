//! RP-initiated logout at us (OpenID Connect RP-Initiated Logout §2, §3).

use http::{Method, StatusCode};
use url::Url;

use super::grant::sid_for;
use crate::model::app::OidcApp;
use crate::protocol::oauth::Params;
use crate::protocol::oidc::id_token_hint::{VerifiedHint, verify_hint};
use crate::serve::edge::pages::Page;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::logout::{asked, chain, page};
use crate::serve::session::Session;
use crate::serve::state::State;

/// Parameters that the confirmation page gives back to us.
const PARAMS: &[&str] = &["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// Ends the session, at once where an ID token proves that a relying party of this very session asks, and after
/// a question to the person otherwise. Only such a token, of this session or an earlier one, also sends the
/// person back, and only to a registered address.
pub async fn end_session(state: &State, context: &Context, form: Option<Params>) -> Response {
    let Some(provider) = &state.oidc else { return answer::plain(StatusCode::NOT_FOUND) };
    if !matches!(context.parts.method, Method::GET | Method::POST) {
        return answer::method_not_allowed("GET, POST");
    }
    let params = match (&context.parts.method, form) {
        (&Method::POST, Some(form)) => Ok(form),
        _ => Params::parse(context.query()),
    };
    let Ok(params) = params.and_then(Params::unique) else {
        return refused("The request cannot be read, or names something twice.");
    };
    let hint = params.get("id_token_hint").and_then(|hint| {
        let verified = verify_hint(hint, &provider.own_keys, &provider.issuer);
        verified.inspect_err(|error| tracing::debug!(%error, "an id_token_hint is no proof")).ok()
    });
    // RFC 6749 §3.1 and the row L03: what two parameters say of the client must agree.
    let named = params.get("client_id");
    if let (Some(hint), Some(named)) = (&hint, named)
        && hint.client_id() != named
    {
        return refused("The request names another application than the one it comes from.");
    }
    let app = |id: &str| provider.client(&state.deployment, id).map(|(_, app)| app);
    if named.is_some_and(|id| app(id).is_none()) {
        return refused("The application that sent you here is not known.");
    }
    let hint = hint.and_then(|hint| Some((app(hint.client_id())?, hint)));
    let wanted = params.get("post_logout_redirect_uri");
    let back = hint.as_ref().and_then(|(app, _)| back(app, wanted, params.get("state")));
    let session = state.session(&context.parts.headers);
    let misdirected = hint.is_some() && wanted.is_some() && back.is_none();
    let Some((key, session)) = session else {
        if let Some(again) = page::again_by_get(context, Some(&params)) {
            return again;
        }
        if misdirected {
            return refused("The address to return to is not one the application registered.");
        }
        return chain::nobody(state, back);
    };
    let proved = hint.as_ref().is_some_and(|(app, hint)| is_of(hint, app, &session)) && !misdirected;
    if !proved && !asked::is_confirmed(state, &key, Some(&params).filter(|_| posted(context))) {
        let fields: Vec<(&str, &str)> = PARAMS
            .iter()
            .filter(|_| !misdirected)
            .filter_map(|name| Some((*name, params.get(name)?)))
            .collect();
        let (lead, status) = if misdirected {
            (
                "An application wants to sign you out and to send you to an address that it has not registered. You can sign out, and will not be sent there.",
                StatusCode::BAD_REQUEST,
            )
        } else {
            ("An application asks to sign you out. Do you want to sign out?", StatusCode::OK)
        };
        return page::confirm(state, context, &key, lead, &fields, status);
    }
    chain::begin(state, context, &key, "relying party", back).await
}

fn posted(context: &Context) -> bool {
    context.parts.method == Method::POST
}

/// Whether a hint was issued in this session.
fn is_of(hint: &VerifiedHint, app: &OidcApp, session: &Session) -> bool {
    hint.session().is_some_and(|sid| sid == sid_for(&session.sid, &app.client_id))
}

/// The registered address to go back to, with the state as it came and nothing else added.
fn back(app: &OidcApp, wanted: Option<&str>, state: Option<&str>) -> Option<String> {
    let wanted = wanted.filter(|wanted| app.post_logout_redirect_urls.iter().any(|have| have == wanted))?;
    let Some(state) = state else { return Some(wanted.to_owned()) };
    let mut url = Url::parse(wanted).ok()?;
    url.query_pairs_mut().append_pair("state", state);
    Some(url.into())
}

/// A fault that must not be sent anywhere, and that ends nothing.
fn refused(words: &str) -> Response {
    let page = Page::new("This request cannot be answered", words)
        .more("You were not signed out by it. Please tell whoever runs the application.");
    answer::page(StatusCode::BAD_REQUEST, &page)
}
