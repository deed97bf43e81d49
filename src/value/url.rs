//! Absolute URLs, and the one rule about plain http.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use url::{Host, Url};

/// An absolute `http` or `https` URL, kept with the text it was written as, since issuers and redirect
/// URIs are compared byte for byte.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WebUrl {
    written: String,
    url: Url,
}

impl WebUrl {
    /// Parses; the message says what a URL must look like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|e| format!("`{text}` is not an absolute URL ({e})"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`{text}` must begin with https:// (or http:// on loopback)"));
        }
        if url.host().is_none() {
            return Err(format!("`{text}` has no host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL must not carry a user name or password".to_owned());
        }
        Ok(WebUrl { written: text.to_owned(), url })
    }

    /// Exactly as written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Parsed.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether the scheme is https.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Host in lower case, without port.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Host and port as a `Host` header has them: the port only when it is not the scheme's own.
    pub fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host().to_owned(),
        }
    }

    /// Path, at least `/`.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// Whether plain http is acceptable towards this host: see [`is_loopback_name`].
    pub fn may_be_plain(&self) -> bool {
        match self.url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => is_loopback_name(name),
            None => false,
        }
    }
}

/// Names that stay on this machine: `localhost`, `*.localhost` and `*.test` (the resolver then insists
/// that the address really is loopback).
pub fn is_loopback_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.ends_with(".test")
}

/// Where plain http is acceptable. The one function that `validate`, `lint`, `probe` and `serve` ask.
#[derive(Debug, Clone, Default)]
pub struct PlainHttp {
    /// URLs the operator named with `--allow-insecure-http`: scheme, host and port are compared.
    pub allowed: Vec<String>,
}

impl PlainHttp {
    /// Whether `url` may be used: https always, http on loopback names or where it was allowed by name.
    pub fn permits(&self, url: &WebUrl) -> bool {
        url.is_https() || url.may_be_plain() || self.names(url)
    }

    /// Whether the peer's address is acceptable for a plain connection to `url`, after resolution.
    pub fn permits_peer(&self, url: &WebUrl, peer: IpAddr) -> bool {
        url.is_https() || peer.is_loopback() || self.names(url)
    }

    fn names(&self, url: &WebUrl) -> bool {
        self.allowed.iter().any(|allowed| {
            Url::parse(allowed).is_ok_and(|allowed| {
                allowed.scheme() == url.url.scheme()
                    && allowed.host_str() == url.url.host_str()
                    && allowed.port_or_known_default() == url.url.port_or_known_default()
            })
        })
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for WebUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WebUrl::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for WebUrl {
    fn schema_name() -> Cow<'static, str> {
        "WebUrl".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^https?://[^\s/]+",
            "examples": ["https://orch.example.com/path"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_or_by_name() {
        let rule = PlainHttp { allowed: vec!["http://idp.lab:8080".into()] };
        for (text, ok) in [
            ("https://idp.example.com/x", true),
            ("http://127.0.0.1:80/", true),
            ("http://[::1]/", true),
            ("http://a.localhost:81/", true),
            ("http://idp.test/", true),
            ("http://idp.example.com/", false),
            ("http://localhost.evil.com/", false),
            ("http://10.0.0.1/", false),
            ("http://idp.lab:8080/realm", true),
            ("http://idp.lab:8081/realm", false),
        ] {
            assert_eq!(rule.permits(&WebUrl::parse(text).unwrap()), ok, "{text}");
        }
    }

    #[test]
    fn not_urls() {
        for text in ["", "/path", "ftp://x", "https://", "javascript:alert(1)", "https://u:p@h/"] {
            assert!(WebUrl::parse(text).is_err(), "{text}");
        }
    }
}
