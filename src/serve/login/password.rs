//! The form for providers that take a name and a password.

use http::{Method, StatusCode};

use super::callback::{complete_or_doubt, over, settle, tell_denied};
use super::pending::Pending;
use crate::connector::{CompleteRequest, Denial, Fault, Input};
use crate::model::IdpIndex;
use crate::protocol::oauth::Params;
use crate::serve::edge::pages::{Form, Page};
use crate::serve::edge::{Context, Response, answer};
use crate::serve::state::State;
use crate::value::Secret;

/// Longest user name taken.
const USERNAME_BYTES_MAX: usize = 256;

/// Shows the form, or takes what was typed. The form carries the id of the sign-in, which only the page and
/// the sealed cookie of the same browser know, so another site cannot post it.
pub async fn password(state: &State, context: &Context, form: Option<Params>) -> Response {
    let params = match form.map_or_else(|| Params::parse(context.query()), Ok).and_then(Params::unique) {
        Ok(params) => params,
        Err(_) => return over(None),
    };
    let pending = params.get("state").and_then(|id| Pending::open(state, &context.parts.headers, id));
    let Some(pending) = pending else { return over(None) };
    let Some(index) =
        state.deployment.idps.iter().position(|idp| idp.name.as_str() == pending.idp).map(IdpIndex)
    else {
        return over(Some(&pending));
    };
    if pending.is_spent(state) {
        return over(Some(&pending));
    }
    if context.parts.method != Method::POST {
        return show(StatusCode::OK, context, &pending, "", None);
    }
    let foreign = context.parts.headers.get(http::header::ORIGIN).is_some_and(|origin| {
        origin.to_str().ok().is_none_or(|origin| origin != "null" && origin != context.origin())
    });
    if foreign {
        return over(None);
    }
    let username = params.get("username").unwrap_or_default();
    let typed = Secret::new(params.get("password").unwrap_or_default().to_owned());
    if username.len() > USERNAME_BYTES_MAX {
        return show(StatusCode::UNAUTHORIZED, context, &pending, "", Some(Denial::Credentials.to_string()));
    }
    let request = CompleteRequest {
        input: Input::Password { username, password: &typed },
        kept: &pending.kept,
        authenticated_after: pending.fresh_after,
    };
    // A directory that hangs keeps nobody waiting for it alone, and what was typed is not tried elsewhere.
    let (result, asked) = complete_or_doubt(state, index, request).await;
    match result {
        // The same sign-in goes on: a typing mistake does not cost the person his way back.
        Err(Fault::Denied(denial @ (Denial::Credentials | Denial::Throttled(_)))) => {
            tell_denied(state, &pending, denial);
            let status = match denial {
                Denial::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::UNAUTHORIZED,
            };
            let mut words = denial.to_string();
            if let Some(first) = words.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            let response = show(status, context, &pending, username, Some(format!("{words}.")));
            match denial {
                Denial::Throttled(secs) => answer::with_retry_after(response, secs),
                _ => response,
            }
        }
        result => {
            if !pending.spend(state) {
                return over(Some(&pending));
            }
            settle(state, context, pending, index, result, asked).await
        }
    }
}

fn show(
    status: StatusCode,
    context: &Context,
    pending: &Pending,
    username: &str,
    error: Option<String>,
) -> Response {
    // Several providers may look alike; the name of the host says whose password is asked for.
    let mut page = Page::new("Sign in", format!("Enter your user name and password for {}.", context.host()));
    page.form = Some(Form {
        action: context.path.clone(),
        state: pending.id.clone(),
        username: username.to_owned(),
        error,
    });
    answer::page(status, &page)
}
