//! The UserInfo endpoint (OpenID Connect Core §5.3).

use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::grant::Person;
use crate::protocol::oauth::{OAuthError, Params};
use crate::serve::cache::Key;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::logout;
use crate::serve::state::State;

/// Claims for a bearer: GET or POST, the token in the header or in a posted form, never in both or the query.
pub fn userinfo(state: &State, context: &Context, form: Option<Params>) -> Response {
    if context.parts.method != Method::GET && context.parts.method != Method::POST {
        return answer::method_not_allowed("GET, POST");
    }
    let header = context.parts.headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    let bearer = header.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let posted = form.as_ref().and_then(|form| form.get("access_token")).map(str::to_owned);
    let token = match (bearer, posted) {
        (Some(_), Some(_)) => return challenge(StatusCode::BAD_REQUEST, Some(OAuthError::InvalidRequest)),
        (Some(token), None) | (None, Some(token)) => token,
        (None, None) => return challenge(StatusCode::UNAUTHORIZED, None),
    };
    let kept = state.cache.get(&Key::of("access", &token), state.now());
    let person = kept.and_then(|bytes| serde_json::from_slice::<Person>(&bytes).ok());
    let ended = |person: &Person| state.oidc.as_ref().is_none_or(|p| logout::is_over(state, p, person));
    let is_client = |person: &Person| {
        state.oidc.as_ref().is_some_and(|p| p.client(&state.deployment, &person.client_id).is_some())
    };
    let Some(person) = person.filter(|person| !ended(person) && is_client(person)) else {
        return challenge(StatusCode::UNAUTHORIZED, Some(OAuthError::InvalidToken));
    };
    if !person.scope.iter().any(|s| s == "openid") {
        return challenge(StatusCode::FORBIDDEN, Some(OAuthError::InsufficientScope));
    }
    let mut claims = person.told();
    claims.insert("sub".into(), json!(person.told_subject()));
    answer::json(StatusCode::OK, &Value::Object(claims))
}

/// RFC 6750 §3: without credentials there is no error code.
fn challenge(status: StatusCode, error: Option<OAuthError>) -> Response {
    let mut response = answer::plain(status);
    let value = match error {
        Some(error) => format!("Bearer error=\"{}\"", error.code()),
        None => "Bearer".to_owned(),
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}
