//! An application to be protected, in this process: it tells what reached it, and counts.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// Paths and bodies of posts.
type Posted = Arc<Mutex<Vec<(String, String)>>>;

/// The application.
pub struct Upstream {
    pub address: SocketAddr,
    hits: Arc<AtomicUsize>,
    gate: Arc<Notify>,
    posted: Posted,
    _runtime: tokio::runtime::Runtime,
}

impl Upstream {
    pub fn start() -> Self {
        Self::with(None)
    }

    /// With TLS.
    pub fn with(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let runtime = super::fake_idp::runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("a bound port");
        let hits = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Notify::new());
        let posted = Posted::default();
        let (counter, opener, kept) = (hits.clone(), gate.clone(), posted.clone());
        let acceptor = tls.map(TlsAcceptor::from);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (counter, gate, acceptor) = (counter.clone(), opener.clone(), acceptor.clone());
                let kept = kept.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        answer(request, counter.clone(), gate.clone(), kept.clone())
                    });
                    let http = hyper::server::conn::http1::Builder::new();
                    match acceptor {
                        None => drop(http.serve_connection(TokioIo::new(stream), service).await),
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                drop(http.serve_connection(TokioIo::new(stream), service).await);
                            }
                        }
                    }
                });
            }
        });
        Upstream { address, hits, gate, posted, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests that reached it.
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// Bodies posted to a path, in order.
    pub fn posted(&self, path: &str) -> Vec<String> {
        let posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        posted.iter().filter(|(p, _)| p == path).map(|(_, body)| body.clone()).collect()
    }

    /// Lets one request to `/held` go on.
    pub fn release(&self) {
        self.gate.notify_one();
    }
}

async fn answer(
    request: http::Request<Incoming>,
    hits: Arc<AtomicUsize>,
    gate: Arc<Notify>,
    posted: Posted,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    hits.fetch_add(1, Ordering::SeqCst);
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    if parts.uri.path().ends_with("/held") {
        gate.notified().await;
    }
    if parts.method == http::Method::POST {
        let mut posted = posted.lock().unwrap_or_else(PoisonError::into_inner);
        posted.push((parts.uri.path().to_owned(), String::from_utf8_lossy(&body).into_owned()));
    }
    let mut headers = Map::new();
    for (name, value) in &parts.headers {
        headers.insert(name.to_string(), String::from_utf8_lossy(value.as_bytes()).into());
    }
    let told = json!({
        "method": parts.method.as_str(),
        "path": parts.uri.path_and_query().map(|p| p.as_str()),
        "headers": Value::Object(headers),
        "body": String::from_utf8_lossy(&body),
    });
    let mut response = http::Response::new(Full::new(Bytes::from(told.to_string())));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    if parts.uri.path().ends_with("/refuses") {
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
    }
    Ok(response)
}
