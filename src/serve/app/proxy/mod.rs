//! A protected application: who may pass, what it is told about the person, and the hop to it.

pub mod headers;
pub mod upstream;

use std::sync::Arc;

use http::{Method, StatusCode};
use hyper::body::Incoming;

use crate::model::app::ProxyApp;
use crate::model::rules::{Attributes, Authorization};
use crate::serve::edge::pages::Page;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::login::{self, Return, Start};
use crate::serve::session::Session;
use crate::serve::state::State;
use crate::serve::telemetry::Event;

pub use upstream::Clients;

/// Nobody is signed in: nothing to read.
struct Nobody;

impl Attributes for Nobody {
    fn of(&self, _: &str) -> Option<&serde_json::Map<String, serde_json::Value>> {
        None
    }
}

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
    if !policy.allow_unauthenticated {
        let Some(sign_in) = &policy.sign_in else { return answer::plain(StatusCode::FORBIDDEN) };
        let signed_in = session.as_ref().is_some_and(|session| state.satisfied(session, sign_in).is_some());
        if !signed_in {
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
    let attributes: &dyn Attributes = match &session {
        Some(session) => &**session,
        None => &Nobody,
    };
    if !matches!(policy.authorization, Authorization::Everyone) && !policy.authorization.permits(attributes) {
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
