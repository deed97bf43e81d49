//! The hop to the application.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, StatusCode, Uri};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;

use super::headers;
use crate::model::Deployment;
use crate::model::app::{App, ProxyApp};
use crate::model::rules::Attributes;
use crate::net::upstream::{Upstream, is_connect};
use crate::serve::edge::body::{Body, BodyError, RequestBody};
use crate::serve::edge::pages::Page;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::fittings::UpstreamTls;
use crate::serve::state::State;
use crate::serve::telemetry::Event;
use crate::value::WebUrl;

/// The upstream connections of one thread, by app.
pub struct Clients {
    by_app: Vec<Option<Arc<Hop>>>,
}

struct Hop {
    url: WebUrl,
    tls: Arc<ClientConfig>,
    upstream: Upstream<RequestBody>,
    scheme: Scheme,
    authority: Authority,
    host: HeaderValue,
    prefix: String,
}

impl Clients {
    /// For one thread. `tls` has the client TLS of each app, in the order of the deployment. Connections of
    /// `before` that lead to the same place in the same way are used on.
    pub fn new(deployment: &Deployment, tls: &[UpstreamTls], before: Option<&Clients>) -> Self {
        let known = before.map(|clients| clients.by_app.as_slice()).unwrap_or_default();
        let by_app = deployment.apps.iter().zip(tls).map(|(app, tls)| match app {
            App::Proxy(app) => {
                let same = |hop: &&Arc<Hop>| hop.url == app.upstream && Arc::ptr_eq(&hop.tls, &tls.config);
                let kept = known.iter().flatten().find(same).cloned();
                kept.or_else(|| Hop::new(app, tls.config.clone()).map(Arc::new))
            }
            App::Oidc(_) => None,
        });
        Clients { by_app: by_app.collect() }
    }
}

impl Hop {
    fn new(app: &ProxyApp, tls: Arc<ClientConfig>) -> Option<Self> {
        let url = &app.upstream;
        let authority = url.authority();
        Some(Hop {
            url: url.clone(),
            upstream: Upstream::new(url.clone(), tls.clone()),
            tls,
            scheme: if url.is_https() { Scheme::HTTPS } else { Scheme::HTTP },
            host: HeaderValue::try_from(authority.as_str()).ok()?,
            authority: authority.parse().ok()?,
            prefix: url.path().trim_end_matches('/').to_owned(),
        })
    }

    fn uri(&self, context: &Context) -> Option<Uri> {
        let sent = context.parts.uri.path_and_query();
        let unchanged = self.prefix.is_empty() && context.parts.uri.path() == context.path;
        let path: PathAndQuery = match sent {
            Some(sent) if unchanged => sent.clone(),
            _ => format!("{}{}", self.prefix, context.path_and_query()).parse().ok()?,
        };
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).ok()
    }
}

/// Forwards a request that may pass, and its answer.
#[expect(clippy::too_many_arguments, reason = "everything one hop needs")]
pub async fn forward(
    state: &State,
    clients: &Clients,
    index: usize,
    app: &ProxyApp,
    context: &mut Context,
    body: Incoming,
    attributes: &dyn Attributes,
    signed_in: bool,
) -> Response {
    let Some(hop) = clients.by_app.get(index).and_then(Option::as_ref) else {
        return answer::plain(StatusCode::BAD_GATEWAY);
    };
    let Some(uri) = hop.uri(context) else { return answer::plain(StatusCode::BAD_REQUEST) };
    let announced =
        context.parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if app.body_bytes_max > 0 && announced.is_some_and(|bytes| bytes > app.body_bytes_max) {
        return too_large(app);
    }
    let upgrade = match web_socket(context) {
        Ok(false) => None,
        Ok(true) => context.parts.extensions.remove::<hyper::upgrade::OnUpgrade>(),
        Err(status) => return answer::plain(status),
    };
    let mut headers = headers::outward(context, app, attributes, &state.cookies.name, &hop.host);
    if upgrade.is_some() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    let pause = state.deployment.http.read_timeout_seconds;
    let nothing_to_send = http_body::Body::is_end_stream(&body);
    let mut body = RequestBody::new(body, app.body_bytes_max, pause);
    let uploaded = (!nothing_to_send).then(|| body.sent());
    let mut outgoing = http::Request::new(body);
    *outgoing.method_mut() = context.parts.method.clone();
    *outgoing.uri_mut() = uri;
    *outgoing.headers_mut() = headers;

    // The upstream's time begins when it has the whole request; a slow upload has limits of its own.
    let patience = async {
        if let Some(uploaded) = uploaded {
            let _ = uploaded.await;
        }
        tokio::time::sleep(Duration::from_secs(app.upstream_secs)).await;
    };
    let sent = tokio::select! {
        biased;
        sent = hop.upstream.send(outgoing) => Ok(sent),
        () = patience => Err(()),
    };
    let mut response = match sent {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return failed(app, &error),
        Err(_) => {
            Event::UpstreamTimeout { app: app.name.as_str() }.log();
            return gateway(StatusCode::GATEWAY_TIMEOUT, "The application did not answer in time.");
        }
    };
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switched {
        let Some(client) = upgrade else {
            return gateway(
                StatusCode::BAD_GATEWAY,
                "The application gave an answer that cannot be passed on.",
            );
        };
        let server = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            if let (Ok(client), Ok(server)) = (client.await, server.await) {
                let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
    let (mut parts, body) = response.into_parts();
    headers::inward(&mut parts.headers, context, app, &state.cookies.name, signed_in);
    if switched {
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        parts.headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    parts.version = http::Version::HTTP_11;
    let body = if switched { Body::empty() } else { Body::upstream(body) };
    Response::from_parts(parts, body)
}

/// Whether a request opens a WebSocket; `Err` when it asks for one it may not have (row W01). Other upgrades
/// are not forwarded, which leaves a plain request.
fn web_socket(context: &Context) -> Result<bool, StatusCode> {
    let headers = &context.parts.headers;
    let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !text(header::UPGRADE).eq_ignore_ascii_case("websocket") {
        return Ok(false);
    }
    let asks = text(header::CONNECTION).split(',').any(|part| part.trim().eq_ignore_ascii_case("upgrade"));
    if context.parts.method != Method::GET || !asks || text(header::SEC_WEBSOCKET_VERSION) != "13" {
        return Err(StatusCode::BAD_REQUEST);
    }
    // Browsers always send Origin here, and it is the only thing between another site and the socket.
    match headers.get(header::ORIGIN).map(|o| o.to_str().unwrap_or_default()) {
        Some(origin) if origin.split("://").nth(1) != Some(context.authority.as_str()) => {
            Err(StatusCode::FORBIDDEN)
        }
        _ => Ok(true),
    }
}

fn failed(app: &ProxyApp, error: &hyper_util::client::legacy::Error) -> Response {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(inner) = cause {
        match inner.downcast_ref::<BodyError>() {
            Some(BodyError::TooLarge(_)) => return too_large(app),
            Some(BodyError::Stalled(_)) => return answer::plain(StatusCode::REQUEST_TIMEOUT),
            Some(BodyError::Peer(_)) => return answer::plain(StatusCode::BAD_REQUEST),
            None => cause = inner.source(),
        }
    }
    let reason = if is_connect(error) { "no-connection" } else { "connection-lost" };
    Event::UpstreamFailed { app: app.name.as_str(), reason, detail: &chain(error) }.log();
    gateway(StatusCode::BAD_GATEWAY, "The application cannot be reached right now.")
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    words
}

fn too_large(app: &ProxyApp) -> Response {
    let words = format!("At most {} bytes are accepted here.", app.body_bytes_max);
    answer::page(StatusCode::PAYLOAD_TOO_LARGE, &Page::new("That is too large", words))
}

fn gateway(status: StatusCode, words: &str) -> Response {
    let page = Page::new("The application is not available", words).more("Please try again in a moment.");
    answer::page(status, &page)
}
