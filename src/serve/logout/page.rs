//! Addresses at which a person signs out: `singleLogout.logoutURL`, and the own logout of a proxied application.

use http::{Method, StatusCode};

use super::asked::{self, Asked};
use super::chain;
use crate::protocol::oauth::Params;
use crate::serve::edge::pages::{Confirm, Page};
use crate::serve::edge::{Context, Response, answer};
use crate::serve::session::SessionKey;
use crate::serve::state::State;

/// Longest query that a posted request is repeated with, in bytes.
const QUERY_BYTES_MAX: usize = 12 * 1024;

/// Signs the person out, when it is the person who asks.
pub async fn page(state: &State, context: &Context, app: Option<usize>, form: Option<Params>) -> Response {
    if !matches!(context.parts.method, Method::GET | Method::POST) {
        return answer::method_not_allowed("GET, POST");
    }
    let Some((_, logout)) = state.deployment.logouts().find(|(of, _)| *of == app) else {
        return answer::plain(StatusCode::NOT_FOUND);
    };
    let after = logout.after.as_ref().map(|url| url.as_str().to_owned());
    let Some((key, _)) = state.session(&context.parts.headers) else {
        return again_by_get(context, form.as_ref()).unwrap_or_else(|| chain::nobody(state, after));
    };
    if !asked::is_confirmed(state, &key, form.as_ref()) {
        match asked::asked(state, context) {
            Asked::Person => {}
            Asked::Perhaps => {
                return confirm(state, context, &key, "Do you want to sign out?", &[], StatusCode::OK);
            }
            Asked::Nobody => return answer::plain(StatusCode::FORBIDDEN),
        }
    }
    chain::begin(state, context, &key, "signed-out", after).await
}

/// Over plain http the cookie stays at home when another site posts. Before anybody is told that he is signed out,
/// the browser comes again by a GET, with which it sends the cookie.
pub fn again_by_get(context: &Context, form: Option<&Params>) -> Option<Response> {
    if context.parts.method != Method::POST || form.is_some_and(|form| form.count(asked::CONFIRM_FIELD) > 0) {
        return None;
    }
    let pairs = form.map(Params::pairs).unwrap_or_default();
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    // What is too long for an address is answered as it is.
    (query.len() <= QUERY_BYTES_MAX).then(|| answer::redirect(&format!("{}?{query}", context.path)))
}

/// A page that asks, and posts back to the same address with these fields.
pub fn confirm(
    state: &State,
    context: &Context,
    key: &SessionKey,
    lead: &str,
    fields: &[(&str, &str)],
    status: StatusCode,
) -> Response {
    let Some(sealed) = asked::confirmation(state, key) else {
        return answer::plain(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut page = Page::new("Sign out", lead).more("Until you do, you stay signed in.");
    let mut all: Vec<(String, String)> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    all.push((asked::CONFIRM_FIELD.to_owned(), sealed));
    page.confirm = Some(Confirm { action: context.path.clone(), fields: all, button: "Sign out".into() });
    answer::page(status, &page)
}
