//! A protected application: who may pass, what it is told about the person, and the hop to it.

pub mod headers;
pub mod upstream;

use std::sync::Arc;

use http::{Method, StatusCode};
use hyper::body::Incoming;

use crate::model::app::ProxyApp;
use crate::model::rules::{Attributes, Authorization, Decision};
use crate::serve::edge::pages::Page;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::login::{self, Return, Start};
use crate::serve::session::{Counting, Session};
use crate::serve::state::State;
use crate::serve::telemetry::Event;

pub use upstream::Clients;

/// Answers a request to a proxied application.
pub async fn proxy(
    state: &State,
    clients: &Clients,
    index: usize,
    app: &ProxyApp,
    mut context: Context,
    body: Incoming,
) -> Response {
    let Some(policy) = app.policies.find(&context.path) else { return answer::plain(StatusCode::FORBIDDEN) };
    let session: Option<Arc<Session>> = state.session(&context.parts.headers).map(|(_, session)| session);
    // The same sign-ins say whether somebody is signed in here, and what of him is seen.
    let counting = Counting::now(state, session.as_deref(), policy.sign_in.as_ref());
    let mut by = None;
    if !policy.allow_unauthenticated {
        let Some(sign_in) = &policy.sign_in else { return answer::plain(StatusCode::FORBIDDEN) };
        by = counting.serving(sign_in).map(|(by, _)| by);
        if by.is_none() {
            let headers = &context.parts.headers;
            let navigates =
                matches!(context.parts.method, Method::GET | Method::HEAD) && answer::is_navigation(headers);
            if !navigates || headers.contains_key(http::header::UPGRADE) {
                return answer::plain(StatusCode::UNAUTHORIZED);
            }
            let back = Return::Page {
                origin: context.origin(),
                target: context.path_and_query(),
                location: policy.location.clone(),
            };
            // Boxed, so that the many requests that pass do not carry the room of the few that sign in.
            return Box::pin(login::begin(state, &context, Start::new(app.name.as_str(), sign_in, back)))
                .await;
        }
    }
    let seen;
    let mut is_waiting = false;
    let attributes: &dyn Attributes = match &session {
        Some(session) if !app.lookups.is_empty() => {
            let name = app.name.as_str();
            // Boxed for the same reason.
            seen = Box::pin(login::lookups::seen(state, name, &app.lookups, session, by, &counting)).await;
            is_waiting = seen.is_waiting;
            &seen
        }
        _ => &counting,
    };
    let decision = match policy.authorization {
        Authorization::Everyone => Decision::Permitted,
        _ => policy.authorization.decide(attributes),
    };
    if decision == Decision::Undecided && is_waiting {
        return not_now(&context);
    }
    if decision != Decision::Permitted {
        let subject = session.as_ref().and_then(|s| s.authentications.last()).map(|a| a.shown_subject());
        let subject = subject.unwrap_or("nobody");
        Event::AccessDenied { app: app.name.as_str(), subject, path: &context.path }.log();
        return match &app.unauthorized_page {
            Some(page) => answer::redirect(page.as_str()),
            None => {
                let page = Page::new(
                    "You may not open this page",
                    "You are signed in, and this page is not open to you.",
                )
                .more("If you think it should be, please ask whoever runs the application.");
                answer::page(StatusCode::FORBIDDEN, &page)
            }
        };
    }
    upstream::forward(state, clients, index, app, &mut context, body, attributes, session.is_some()).await
}

/// A directory that says who may pass does not answer: not a "no", and not a "yes" either.
fn not_now(context: &Context) -> Response {
    let page = Page::new(
        "This page cannot be opened right now",
        "You are signed in. Whether this page is open to you is kept in a directory that is not answering.",
    )
    .more("You have done nothing wrong. Please try again in a few seconds.")
    .link(context.path_and_query(), "Try again");
    let response = answer::page(StatusCode::SERVICE_UNAVAILABLE, &page);
    answer::with_retry_after(response, login::begin::RETRY_AFTER_SECS)
}
