//! How answers of ours are built: pages, JSON, redirects, and the headers each of them must have.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::body::Body;
use super::pages;

/// An HTTP answer.
pub type Response = http::Response<Body>;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

fn build(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::of(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A page of ours: never framed, never stored, nothing from elsewhere.
pub fn page(status: StatusCode, page: &pages::Page) -> Response {
    let mut response = build(status, "text/html; charset=utf-8", page.html());
    let headers = response.headers_mut();
    for (name, value) in pages::SECURITY_HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::try_from(page.content_security_policy()) {
        headers.insert(http::header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// JSON of ours.
pub fn json(status: StatusCode, value: &Value) -> Response {
    build(status, "application/json", value.to_string())
}

/// A document of ours for machines.
pub fn document(media_type: &'static str, text: String) -> Response {
    build(StatusCode::OK, media_type, text)
}

/// A redirect after which the browser always uses GET (303): a form post must not be repeated elsewhere.
pub fn redirect(location: &str) -> Response {
    match HeaderValue::try_from(location) {
        Ok(value) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(LOCATION, value);
            response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
            response
        }
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// A short text with the status's own words.
pub fn plain(status: StatusCode) -> Response {
    let words = format!("{} {}\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
    build(status, "text/plain; charset=utf-8", words)
}

/// A method that the endpoint does not have.
pub fn method_not_allowed(allow: &'static str) -> Response {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static(allow));
    response
}

/// Adds a cookie.
pub fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

/// Asks the client to come again after some seconds.
pub fn with_retry_after(mut response: Response, secs: u64) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(secs));
    response
}

/// Whether a request is a person navigating, as opposed to a script or an API client (row Q01).
pub fn is_navigation(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match text("sec-fetch-mode") {
        "navigate" => return true,
        "" => {}
        _ => return false,
    }
    if headers.contains_key("x-requested-with") || headers.contains_key("upgrade") {
        return false;
    }
    let accept = text("accept");
    accept.is_empty() || accept.contains("text/html") || accept.contains("*/*") && !accept.contains("json")
}
