//! The discovery document and the key set: made once, answered with an entity tag.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH,
};
use http::{Method, StatusCode};
use serde_json::Value;

use crate::serve::edge::{Body, Context, Response, answer};

/// A public JSON document.
pub struct Document {
    body: Bytes,
    etag: HeaderValue,
}

impl Document {
    /// Of a value.
    pub fn new(value: &Value) -> Self {
        let body = Bytes::from(value.to_string());
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body);
        let etag = format!("\"{}\"", &URL_SAFE_NO_PAD.encode(hash)[..22]);
        Document { body, etag: HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"0\"")) }
    }

    /// Answers GET and HEAD (row D14). Any page may read it: there is nothing in it but public facts.
    pub fn answer(&self, context: &Context) -> Response {
        if context.parts.method != Method::GET && context.parts.method != Method::HEAD {
            return answer::method_not_allowed("GET, HEAD");
        }
        let unchanged = self.is_known(&context.parts.headers);
        let mut response = Response::new(if unchanged { Body::empty() } else { Body::of(self.body.clone()) });
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ETAG, self.etag.clone());
        response
    }

    /// Whether the client has this very document (RFC 9110 §13.1.2: a list, compared weakly, or `*`).
    fn is_known(&self, headers: &http::HeaderMap) -> bool {
        let listed =
            headers.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','));
        listed
            .map(str::trim)
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == self.etag.as_bytes())
    }
}
