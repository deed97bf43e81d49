//! One request: facts, route, answer, access log.

use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::json;

use super::app::oidc::{authorize, end_session, token, userinfo};
use super::app::proxy::{self, Clients};
use super::edge::context::Context;
use super::edge::listener::{self, Connection};
use super::edge::router::Route;
use super::edge::{Response, answer, path};
use super::login;
use super::logout;
use super::state::State;
use super::telemetry::count::ACCESS_TARGET;
use crate::config::http::AccessLogLevel;
use crate::model::IdpIndex;
use crate::protocol::oauth::Params;

/// Largest form of one of our own endpoints, in bytes.
pub const FORM_BYTES_MAX: usize = 64 * 1024;
/// Largest form a provider may have a browser post to us, in bytes: a SAML message of 256 KiB, encoded twice.
pub const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// Longest request target, in bytes.
pub const TARGET_BYTES_MAX: usize = 16 * 1024;

/// Answers one request, and writes it down.
pub async fn handle(
    state: &State,
    clients: &Clients,
    connection: Connection,
    request: http::Request<Incoming>,
) -> Response {
    let log = &state.deployment.http.access_log;
    if log.disabled {
        return counted(state, clients, connection, request).await;
    }
    let begun = state.clock.millis();
    let method = request.method().clone();
    let target = request.uri().path().to_owned();
    let response = counted(state, clients, connection, request).await;
    let status = u64::from(response.status().as_u16());
    let millis = state.clock.millis().since(begun);
    let client = connection.peer.ip().to_string();
    match log.level {
        AccessLogLevel::Debug => {
            tracing::debug!(
                target: ACCESS_TARGET,
                event = "http.request",
                method = method.as_str(),
                path = target,
                status,
                millis,
                client,
                "request"
            );
        }
        AccessLogLevel::Info => {
            tracing::info!(
                target: ACCESS_TARGET,
                event = "http.request",
                method = method.as_str(),
                path = target,
                status,
                millis,
                client,
                "request"
            );
        }
        AccessLogLevel::Error => {
            if status >= 500 {
                tracing::error!(
                    target: ACCESS_TARGET,
                event = "http.request",
                    method = method.as_str(),
                    path = target,
                    status,
                    millis,
                    client,
                    "request"
                );
            }
        }
    }
    response
}

async fn counted(
    state: &State,
    clients: &Clients,
    connection: Connection,
    request: http::Request<Incoming>,
) -> Response {
    let mut answers = None;
    let response = respond(state, clients, connection, request, &mut answers).await;
    state.requests.count(answers, response.status());
    response
}

/// `answers` becomes who does.
async fn respond(
    state: &State,
    clients: &Clients,
    connection: Connection,
    request: http::Request<Incoming>,
    answers: &mut Option<Route>,
) -> Response {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return answer::plain(StatusCode::NOT_IMPLEMENTED);
    }
    let target_bytes = request.uri().path_and_query().map_or(0, |p| p.as_str().len());
    if target_bytes > TARGET_BYTES_MAX {
        return answer::plain(StatusCode::URI_TOO_LONG);
    }
    let Some(authority) = authority(state, connection, &request) else { return listener::bad_request() };
    let canonical = match path::canonical(request.uri().path()) {
        Ok(path) => path.into_owned(),
        Err(_) => return listener::bad_request(),
    };
    let Some(route) = state.router.find(&authority, &canonical) else {
        return answer::plain(StatusCode::NOT_FOUND);
    };
    *answers = Some(route);
    if route == Route::Status {
        return status(state, request.method());
    }
    let (client, forwarded_https) = state.trusted.client(connection.peer.ip(), request.headers());
    // Behind a balancer that ends TLS and is not trusted to say so, the public URLs tell what people use.
    let https = forwarded_https.unwrap_or(connection.tls || state.cookies.secure);
    let (parts, body) = request.into_parts();
    let context = Context { parts, path: canonical, authority, https, client, peer: connection.peer };
    if let Route::Proxy(index) = route {
        return match super::edge::router::proxy_app(&state.deployment, index) {
            Some(app) => proxy::proxy(state, clients, index, app, context, body).await,
            None => answer::plain(StatusCode::NOT_FOUND),
        };
    }
    login::within_limit(state, Box::pin(endpoint(state, route, context, body))).await
}

/// Endpoints of ours.
async fn endpoint(state: &State, route: Route, context: Context, body: Incoming) -> Response {
    let form = if context.parts.method == Method::POST {
        if !token::is_form(&context.parts.headers) {
            None
        } else {
            let most = match route {
                Route::Callback(_) | Route::LogoutCallback => ANSWER_BYTES_MAX,
                _ => FORM_BYTES_MAX,
            };
            match Limited::new(body, most).collect().await {
                Ok(body) => match std::str::from_utf8(&body.to_bytes()).map(Params::parse) {
                    Ok(Ok(form)) => Some(form),
                    _ => return listener::bad_request(),
                },
                Err(_) => return answer::plain(StatusCode::PAYLOAD_TOO_LARGE),
            }
        }
    } else {
        None
    };
    match route {
        Route::Callback(index) => return callback(state, index, &context, form).await,
        Route::Logout(app) => return logout::page::page(state, &context, app, form).await,
        Route::LogoutCallback => return logout::chain::callback(state, &context, form).await,
        Route::LogoutReceived(index) => {
            return logout::received::received(state, index, &context, form).await;
        }
        _ => {}
    }
    let Some(provider) = &state.oidc else { return answer::plain(StatusCode::NOT_FOUND) };
    match route {
        Route::Discovery => provider.discovery.answer(&context),
        Route::Jwks => provider.jwks.answer(&context),
        Route::Authorize => match context.parts.method {
            Method::GET | Method::HEAD | Method::POST => authorize::authorize(state, &context, form).await,
            _ => answer::method_not_allowed("GET, POST"),
        },
        Route::Token => token::token(state, &context, form),
        Route::UserInfo => userinfo::userinfo(state, &context, form),
        Route::EndSession => end_session::end_session(state, &context, form).await,
        _ => answer::plain(StatusCode::NOT_FOUND),
    }
}

async fn callback(state: &State, index: IdpIndex, context: &Context, form: Option<Params>) -> Response {
    if !matches!(context.parts.method, Method::GET | Method::POST) {
        return answer::method_not_allowed("GET, POST");
    }
    // Who comes without anything wants to know who we are: the provider's operator.
    if context.parts.method == Method::GET
        && context.query().is_empty()
        && let Some((media_type, text)) = state.connectors[index.0].own_metadata()
    {
        return answer::document(media_type, text);
    }
    if state.deployment.idp(index).facts.protocol.asks_for_password() {
        login::password::password(state, context, form).await
    } else {
        login::callback::callback(state, context, form).await
    }
}

fn status(state: &State, method: &Method) -> Response {
    if *method != Method::GET && *method != Method::HEAD {
        return answer::method_not_allowed("GET, HEAD");
    }
    if state.is_draining() {
        return answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "draining"}));
    }
    answer::json(StatusCode::OK, &json!({"status": "up"}))
}

/// The host a request is for: `:authority` or `Host`, exactly one, or a trusted proxy's word.
fn authority(state: &State, connection: Connection, request: &http::Request<Incoming>) -> Option<String> {
    let headers = request.headers();
    let mut hosts = headers.get_all(http::header::HOST).iter();
    let host = hosts.next().map(|h| h.to_str().ok()).unwrap_or(Some(""))?;
    if hosts.next().is_some() {
        return None;
    }
    let in_target = request.uri().authority().map(http::uri::Authority::as_str);
    if let (Some(target), false) = (in_target, host.is_empty())
        && !target.eq_ignore_ascii_case(host)
    {
        return None;
    }
    let host = in_target.unwrap_or(host);
    let host = state.trusted.host(connection.peer.ip(), headers).unwrap_or(host);
    let valid = !host.is_empty()
        && host.len() <= 255
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    valid.then(|| host.trim_end_matches('.').to_ascii_lowercase())
}
