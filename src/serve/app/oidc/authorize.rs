//! The authorization endpoint (OpenID Connect Core §3.1.2).

use http::{Method, StatusCode};
use url::Url;

use super::grant::{CODE_SECS, Grant, Person, mapped_claims};
use crate::ambient::UnixSecs;
use crate::model::app::OidcApp;
use crate::model::rules::Decision;
use crate::protocol::oauth::{OAuthError, Params, redirect_uri, scope};
use crate::protocol::oidc::request::{AuthnRequest, ResponseMode, answer_route};
use crate::serve::cache::Key;
use crate::serve::edge::pages::{Page, Post};
use crate::serve::edge::{Context, Response, answer};
use crate::serve::login::lookups::{self, Seen};
use crate::serve::login::{self, Return, Start};
use crate::serve::session::{Authentication, Counting, Session};
use crate::serve::state::State;
use crate::serve::telemetry::Event;

/// Answers an authorization request. Until client and redirect URI are known to be good, every fault is a
/// page of ours; after that it is the relying party's to read.
pub async fn authorize(state: &State, context: &Context, form: Option<Params>) -> Response {
    let Some(provider) = &state.oidc else { return answer::plain(StatusCode::NOT_FOUND) };
    if context.parts.method == Method::POST {
        // A cross-site POST comes without Lax cookies: turn it into a GET of our own (row A02).
        let Some(form) = form else { return refused("The request is not a form.") };
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form.pairs()).finish();
        return answer::redirect(&format!("{}?{query}", context.path));
    }
    let Ok(params) = Params::parse(context.query()) else {
        return refused("The request cannot be read, or has too many parameters.");
    };
    if params.count("client_id") > 1 || params.count("redirect_uri") > 1 {
        return refused("The request names its client or its return address twice.");
    }
    let client = params.get("client_id").and_then(|id| provider.client(&state.deployment, id));
    let Some((_, app)) = client else { return refused("The application that sent you here is not known.") };
    let redirect = params
        .get("redirect_uri")
        .filter(|uri| redirect_uri::is_registered(uri, &app.redirect_urls, app.public));
    let Some(redirect) = redirect else {
        return refused("The address to return to is not one the application registered.");
    };
    let request = match AuthnRequest::read(&params, redirect, app.require_pkce) {
        Ok(request) => request,
        Err(fault) => {
            let (mode, state_param) = answer_route(&params);
            return send_back(
                &provider.issuer,
                redirect,
                mode,
                state_param.as_deref(),
                &[("error", fault.error.code()), ("error_description", fault.description)],
            );
        }
    };
    if granted_scopes(app, &request).is_empty() {
        return error(
            state,
            &request,
            OAuthError::InvalidScope,
            "no known scope was asked for; openid is needed",
        );
    }
    let session = state.session(&context.parts.headers);
    let now = state.now();
    let counting = Counting::now(state, session.as_ref().map(|(_, session)| &**session), Some(&app.sign_in));
    let usable = counting
        .serving(&app.sign_in)
        .filter(|_| !request.prompt.login)
        .filter(|(a, _)| request.max_age.is_none_or(|age| age > 0 && now.since(a.at) <= age));
    match (usable, session.as_ref()) {
        (Some((authentication, voice)), Some((_, session))) => {
            let name = app.name.as_str();
            let seen =
                lookups::seen(state, name, &app.lookups, session, Some(authentication), &counting).await;
            issue(state, app, &request, (authentication, voice), session, &seen)
        }
        _ if request.prompt.none => error(state, &request, OAuthError::LoginRequired, "nobody is signed in"),
        _ => {
            let must_be_fresh = request.prompt.login || request.max_age.is_some();
            // prompt=login asks for now, whatever age would do otherwise.
            let age = if request.prompt.login { 0 } else { request.max_age.unwrap_or(0) };
            let fresh_after = must_be_fresh.then(|| UnixSecs(now.0.saturating_sub(age)));
            let mut start = Start::new(app.name.as_str(), &app.sign_in, Return::Authorize(Box::new(request)));
            start.fresh_after = fresh_after;
            login::begin(state, context, start).await
        }
    }
}

/// A completed sign-in answers the request that asked for it.
pub async fn grant(
    state: &State,
    request: &AuthnRequest,
    authentication: &Authentication,
    session: &Session,
) -> Response {
    let app = state.oidc.as_ref().and_then(|p| p.client(&state.deployment, &request.client_id));
    let Some((_, app)) = app else {
        return refused("The application that sent you here is not known any more.");
    };
    if !redirect_uri::is_registered(&request.redirect_uri, &app.redirect_urls, app.public) {
        return refused("The address to return to is not registered any more.");
    }
    // What the session says, as it will the next time: the same person has the same claims then.
    let counting = Counting::now(state, Some(session), Some(&app.sign_in));
    let new = counting.serving(&app.sign_in).filter(|(serving, _)| serving.idp == authentication.idp);
    let Some((authentication, voice)) = new else {
        return refused("The sign-in does not serve this application any more.");
    };
    let name = app.name.as_str();
    let seen = lookups::seen(state, name, &app.lookups, session, Some(authentication), &counting).await;
    issue(state, app, request, (authentication, voice), session, &seen)
}

fn issue(
    state: &State,
    app: &OidcApp,
    request: &AuthnRequest,
    (authentication, voice): (&Authentication, &str),
    session: &Session,
    attributes: &Seen<'_>,
) -> Response {
    let decision = app.authorization.decide(attributes);
    if decision == Decision::Undecided && attributes.is_waiting {
        let description = "what decides whether the person may use this application cannot be read just now";
        return error(state, request, OAuthError::TemporarilyUnavailable, description);
    }
    if decision != Decision::Permitted {
        let subject = authentication.subject(voice);
        Event::AccessDenied { app: app.name.as_str(), subject, path: "authorization endpoint" }.log();
        return error(state, request, OAuthError::AccessDenied, "the person may not use this application");
    }
    let code = state.entropy.token();
    let person = Person {
        client_id: app.client_id.clone(),
        subject: authentication.subject(voice).to_owned(),
        scope: granted_scopes(app, request),
        auth_time: authentication.at,
        session: session.sid.clone(),
        // Also by the end that the provider set (row SP14).
        session_until: authentication.until.into_iter().fold(state.sessions.until(session), UnixSecs::min),
        claims: mapped_claims(app, attributes),
    };
    session.told(&app.client_id, &person.told_subject());
    let grant = Grant {
        client_id: app.client_id.clone(),
        redirect_uri: request.redirect_uri.clone(),
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
        person,
    };
    let Ok(bytes) = serde_json::to_vec(&grant) else {
        return error(state, request, OAuthError::ServerError, "the code could not be kept");
    };
    state.cache.put(Key::of("code", &code), bytes, state.now().plus(CODE_SECS));
    let issuer = state.oidc.as_ref().map(|p| p.issuer.as_str()).unwrap_or_default();
    send_back(issuer, &request.redirect_uri, request.mode, request.state.as_deref(), &[("code", &code)])
}

fn granted_scopes(app: &OidcApp, request: &AuthnRequest) -> Vec<String> {
    let known = |s: &str| scope::STANDARD.contains(&s) || app.custom_scopes.iter().any(|c| c == s);
    let granted = scope::granted(&request.scope, known);
    if granted.iter().any(|s| s == "openid") { granted } else { Vec::new() }
}

/// An error for the relying party.
pub fn error(state: &State, request: &AuthnRequest, error: OAuthError, description: &str) -> Response {
    let issuer = state.oidc.as_ref().map(|p| p.issuer.as_str()).unwrap_or_default();
    send_back(
        issuer,
        &request.redirect_uri,
        request.mode,
        request.state.as_deref(),
        &[("error", error.code()), ("error_description", description)],
    )
}

/// Answers at the redirect URI, with the state as it came and `iss` (RFC 9207).
fn send_back(
    issuer: &str,
    redirect: &str,
    mode: ResponseMode,
    state: Option<&str>,
    params: &[(&str, &str)],
) -> Response {
    let mut pairs: Vec<(&str, &str)> = params.to_vec();
    pairs.extend(state.map(|state| ("state", state)));
    pairs.push(("iss", issuer));
    match mode {
        ResponseMode::Query => match Url::parse(redirect) {
            Ok(mut url) => {
                url.query_pairs_mut().extend_pairs(pairs);
                answer::redirect(url.as_str())
            }
            Err(_) => refused("The address to return to is not an address."),
        },
        ResponseMode::FormPost => {
            let mut page = Page::new("One moment", "You are being sent back to the application.");
            page.post = Some(Post {
                action: redirect.to_owned(),
                fields: pairs.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
                leads_on: false,
            });
            answer::page(StatusCode::OK, &page)
        }
    }
}

/// A fault that must not be sent anywhere: a page, and no redirect.
fn refused(words: &str) -> Response {
    let page = Page::new("This request cannot be answered", words)
        .more("Nothing was sent to the application. Please tell whoever runs it.");
    answer::page(StatusCode::BAD_REQUEST, &page)
}
