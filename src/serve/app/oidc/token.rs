//! The token endpoint (RFC 6749 §3.2): authenticate the client, take the code, prove possession, sign.

use http::header::{CONTENT_TYPE, HeaderValue, PRAGMA, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::grant::{CODE_SECS, Grant, Person, sid_for};
use super::{Provider, client};
use crate::config::apps::AccessTokenKind;
use crate::model::app::OidcApp;
use crate::protocol::oauth::{OAuthError, Params, pkce};
use crate::protocol::oidc::id_token::half_hash;
use crate::serve::cache::Key;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::logout;
use crate::serve::state::State;
use crate::serve::telemetry::Event;

/// Where the access token of a spent code can be found.
#[derive(Serialize, Deserialize)]
struct Tombstone {
    client_id: String,
    access_token: String,
}

/// Answers a token request.
pub fn token(state: &State, context: &Context, form: Option<Params>) -> Response {
    let Some(provider) = &state.oidc else { return answer::plain(StatusCode::NOT_FOUND) };
    if context.parts.method != Method::POST {
        return answer::method_not_allowed("POST");
    }
    let result = form
        .ok_or((OAuthError::InvalidRequest, "the body is not a form", false))
        .and_then(|form| {
            form.unique().map_err(|_| (OAuthError::InvalidRequest, "a parameter stands twice", false))
        })
        .and_then(|form| redeem(state, provider, context, &form));
    match result {
        Ok(tokens) => no_store(answer::json(StatusCode::OK, &tokens)),
        Err((error, description, in_header)) => fault(error, description, in_header),
    }
}

type Refusal = (OAuthError, &'static str, bool);

fn redeem(state: &State, provider: &Provider, context: &Context, form: &Params) -> Result<Value, Refusal> {
    let refuse = |error, words| (error, words, false);
    let (_, app) = client::authenticate(provider, &state.deployment, &context.parts.headers, form)
        .map_err(|(error, in_header)| (error, "the client is not authenticated", in_header))?;
    match form.get("grant_type") {
        Some("authorization_code") => {}
        None => return Err(refuse(OAuthError::InvalidRequest, "grant_type is missing")),
        Some(_) => {
            return Err(refuse(OAuthError::UnsupportedGrantType, "only authorization_code is supported"));
        }
    }
    let code = form.get("code").ok_or(refuse(OAuthError::InvalidRequest, "code is missing"))?;
    let key = Key::of("code", code);
    let now = state.now();
    let bad =
        refuse(OAuthError::InvalidGrant, "the code is unknown, expired, spent or meant for another request");
    let Some(kept) = state.cache.get(&key, now) else {
        second_use(state, code, app);
        return Err(bad);
    };
    let grant: Grant = serde_json::from_slice(&kept).map_err(|_| bad)?;
    // A stranger's attempt must not burn the code of its owner.
    if grant.client_id != app.client_id {
        return Err(bad);
    }
    if form.get("redirect_uri") != Some(grant.redirect_uri.as_str()) {
        return Err(bad);
    }
    match (&grant.challenge, form.get("code_verifier")) {
        (Some(challenge), Some(verifier)) if pkce::matches(verifier, challenge) => {}
        (None, None) => {}
        _ => return Err(bad),
    }
    if logout::is_over(state, provider, &grant.person) {
        return Err(bad);
    }
    let (tokens, access_token) = tokens(state, provider, app, &grant)
        .ok_or(refuse(OAuthError::TemporarilyUnavailable, "the tokens could not be signed"))?;
    // Everything is proved. The mark is set by one operation that only one caller wins, and it names the token
    // already, so that a second use finds what to revoke however close behind it comes.
    let tombstone = Tombstone { client_id: app.client_id.clone(), access_token: access_token.clone() };
    let until = now.plus(CODE_SECS + app.access_token_secs);
    let won = serde_json::to_vec(&tombstone)
        .is_ok_and(|bytes| state.cache.put_if_absent(Key::of("spent-code", code), bytes, until, now));
    state.cache.take(&key, now);
    if !won {
        state.cache.take(&Key::of("access", &access_token), now);
        second_use(state, code, app);
        return Err(bad);
    }
    Ok(tokens)
}

/// A spent code was shown again: somebody has it who should not, so what it bought ends (RFC 6749 §4.1.2).
fn second_use(state: &State, code: &str, app: &OidcApp) {
    let tombstone = state.cache.get(&Key::of("spent-code", code), state.now());
    let Some(tombstone) = tombstone.and_then(|bytes| serde_json::from_slice::<Tombstone>(&bytes).ok()) else {
        return;
    };
    if tombstone.client_id == app.client_id {
        state.cache.take(&Key::of("access", &tombstone.access_token), state.now());
        Event::CodeReused { client: &app.client_id }.log();
    }
}

fn tokens(state: &State, provider: &Provider, app: &OidcApp, grant: &Grant) -> Option<(Value, String)> {
    let now = state.now();
    let signer = provider.signer()?;
    let person = &grant.person;
    let scope = person.scope.join(" ");
    let access_token = match app.access_token {
        AccessTokenKind::Opaque => state.entropy.token(),
        AccessTokenKind::Jwt => signer.sign(
            &json!({"typ": "at+jwt"}),
            &json!({
                "iss": provider.issuer, "aud": provider.issuer, "sub": person.subject, "client_id": app.client_id,
                "scope": scope, "iat": now.0, "exp": now.0 + app.access_token_secs, "auth_time": person.auth_time.0,
                "jti": state.entropy.token(),
            }),
        )?,
    };
    let until = now.plus(app.access_token_secs);
    state.cache.put(Key::of("access", &access_token), serde_json::to_vec(person).ok()?, until);
    let id_token = id_token(provider, app, grant, person, &access_token, now.0)?;
    let tokens = json!({
        "access_token": access_token, "token_type": "Bearer", "expires_in": app.access_token_secs,
        "scope": scope, "id_token": id_token,
    });
    Some((tokens, access_token))
}

fn id_token(
    provider: &Provider,
    app: &OidcApp,
    grant: &Grant,
    person: &Person,
    access_token: &str,
    now: u64,
) -> Option<String> {
    let signer = provider.signer()?;
    let mut claims = person.told();
    let mut own = json!({
        "iss": provider.issuer, "sub": person.told_subject(), "aud": app.client_id, "exp": now + app.id_token_secs,
        "iat": now, "auth_time": person.auth_time.0, "at_hash": half_hash(signer.alg(), access_token),
        "sid": sid_for(&person.session, &app.client_id),
    });
    if let (Some(nonce), Some(own)) = (&grant.nonce, own.as_object_mut()) {
        own.insert("nonce".into(), json!(nonce));
    }
    // Ours last: no mapping can replace what makes the token a token.
    claims.extend(own.as_object()?.clone());
    signer.sign(&json!({"typ": "JWT"}), &Value::Object(claims))
}

fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

fn fault(error: OAuthError, description: &str, in_header: bool) -> Response {
    let status = StatusCode::from_u16(error.token_status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response =
        no_store(answer::json(status, &json!({"error": error.code(), "error_description": description})));
    if in_header && status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response = answer::with_retry_after(response, 5);
    }
    response
}

/// Whether a request's body claims to be a form (row T01).
pub fn is_form(headers: &http::HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).is_some_and(|value| {
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}
