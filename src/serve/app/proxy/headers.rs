//! Strip the forged, add the true (rows E01 to E10).

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::model::app::ProxyApp;
use crate::model::rules::Attributes;
use crate::serve::edge::Context;
use crate::serve::session::cookie;
use crate::serve::telemetry::Event;

/// Most bytes of one header of ours.
pub const VALUE_BYTES_MAX: usize = 8 * 1024;

/// Headers about the connection (RFC 9110 §7.6.1), and those about the client, which are ours to say.
fn is_dropped(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(
        name,
        "connection" | "keep-alive" | "proxy-connection" | "proxy-authenticate" | "proxy-authorization" | "te"
            | "trailer" | "transfer-encoding" | "upgrade" | "host" | "cookie" | "expect" | "forwarded" | "x-real-ip"
            | "x-original-url" | "x-rewrite-url" | "client-cert" | "client-cert-chain" | "x-client-cert" | "proxy"
    ) || name.starts_with("x-forwarded-")
        || name.starts_with("x-ssl-client-")
        // Servers that hand headers on as environment variables cannot tell `_` from `-`.
        || name.contains('_')
}

/// Whether two names are one to a server that folds `_` and `.` to `-`.
fn folds_to(name: &str, ours: &str) -> bool {
    name.len() == ours.len()
        && name.bytes().zip(ours.bytes()).all(|(a, b)| {
            let fold = |c: u8| if c == b'_' || c == b'.' { b'-' } else { c.to_ascii_lowercase() };
            fold(a) == fold(b)
        })
}

/// What goes to the upstream.
pub fn outward(
    context: &Context,
    app: &ProxyApp,
    attributes: &dyn Attributes,
    session_cookie: &str,
    authority: &HeaderValue,
) -> HeaderMap {
    let inbound = &context.parts.headers;
    let mut out = HeaderMap::with_capacity(inbound.len() + app.headers.len() + 6);
    let named = connection_names(inbound);
    for (name, value) in inbound {
        let dropped = is_dropped(name)
            || (name == header::AUTHORIZATION && !app.preserve_authorization)
            || named.iter().any(|n| n == name.as_str())
            || app.headers.iter().any(|(ours, _)| folds_to(name.as_str(), ours.as_str()));
        if !dropped {
            out.append(name.clone(), value.clone());
        }
    }
    // The host that was routed and judged by, wherever the browser wrote it.
    let host = if app.preserve_host { HeaderValue::try_from(context.authority.as_str()).ok() } else { None };
    out.insert(header::HOST, host.unwrap_or_else(|| authority.clone()));
    if let Some(cookies) =
        cookie::without_ours(inbound, session_cookie).and_then(|c| HeaderValue::try_from(c).ok())
    {
        out.insert(header::COOKIE, cookies);
    }
    forwarded(&mut out, context);
    for (name, template) in &app.headers {
        if let Some(text) = template.text(attributes) {
            match value_of(&text) {
                Some(value) => {
                    out.insert(name.clone(), value);
                }
                None => Event::HeaderOmitted { app: app.name.as_str(), header: name.as_str() }.log(),
            }
        }
    }
    out
}

fn forwarded(out: &mut HeaderMap, context: &Context) {
    let ip = |ip: IpAddr| HeaderValue::try_from(ip.to_string());
    if let Ok(value) = ip(context.client) {
        out.insert(HeaderName::from_static("x-forwarded-for"), value);
    }
    let scheme = if context.https { "https" } else { "http" };
    out.insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static(scheme));
    if let Ok(value) = HeaderValue::try_from(context.authority.as_str()) {
        out.insert(HeaderName::from_static("x-forwarded-host"), value);
    }
}

/// A value as a header: non-ASCII as percent-encoded UTF-8; control characters are refused.
fn value_of(text: &str) -> Option<HeaderValue> {
    if text.len() > VALUE_BYTES_MAX || text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return None;
    }
    if text.is_ascii() {
        return HeaderValue::from_str(text).ok();
    }
    let mut encoded = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if c.is_ascii() {
            encoded.push(c);
        } else {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    HeaderValue::try_from(encoded).ok()
}

/// Names that `Connection` lists. It cannot take away what we add: that is put in afterwards.
fn connection_names(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(|n| n.trim().to_ascii_lowercase())
        .filter(|n| !n.is_empty() && n != "keep-alive" && n != "close")
        .collect()
}

/// What comes back: nothing about the connection, none of our cookies, no word of the upstream's address.
pub fn inward(
    headers: &mut HeaderMap,
    context: &Context,
    app: &ProxyApp,
    session_cookie: &str,
    signed_in: bool,
) {
    for name in connection_names(headers) {
        if let Ok(name) = HeaderName::try_from(name) {
            headers.remove(name);
        }
    }
    for name in [
        header::CONNECTION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        HeaderName::from_static("proxy-authenticate"),
        HeaderName::from_static("alt-svc"),
    ] {
        headers.remove(name);
    }
    let forges = |v: &HeaderValue| cookie::sets_ours(v.as_bytes(), session_cookie);
    if headers.get_all(header::SET_COOKIE).iter().any(forges) {
        Event::CookieDropped { app: app.name.as_str() }.log();
        let kept: Vec<HeaderValue> =
            headers.get_all(header::SET_COOKIE).iter().filter(|v| !forges(v)).cloned().collect();
        headers.remove(header::SET_COOKIE);
        for value in kept {
            headers.append(header::SET_COOKIE, value);
        }
    }
    if let Some(location) = headers.get(header::LOCATION).and_then(|v| v.to_str().ok())
        && let Some(rest) = location.strip_prefix(&app.upstream.url().origin().ascii_serialization())
        && (rest.is_empty() || rest.starts_with(['/', '?', '#']))
        && let Ok(value) = HeaderValue::try_from(format!("{}{rest}", context.origin()))
    {
        headers.insert(header::LOCATION, value);
    }
    if signed_in {
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
        }
        headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_header() {
        for name in ["x-user", "X-USER", "x_user", "x.user"] {
            assert!(folds_to(name, "X-User"), "{name}");
        }
        assert!(!folds_to("x-users", "x-user") && !folds_to("xuser", "x-user"));
    }

    #[test]
    fn values_cannot_break_out() {
        assert_eq!(value_of("a\r\nX-Admin: 1"), None);
        assert_eq!(value_of("a\0b"), None);
        assert_eq!(value_of("é").unwrap(), "%C3%A9");
        assert_eq!(value_of(&"x".repeat(VALUE_BYTES_MAX + 1)), None);
    }

    #[test]
    fn what_is_never_forwarded() {
        for name in [
            "x-forwarded-for",
            "forwarded",
            "x_user",
            "connection",
            "upgrade",
            "x-ssl-client-verify",
            "cookie",
        ] {
            assert!(is_dropped(&HeaderName::from_static(name)), "{name}");
        }
        assert!(!is_dropped(&HeaderName::from_static("accept")));
    }
}
