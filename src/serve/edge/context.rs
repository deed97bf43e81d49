//! What is known of a request before anybody answers it.

use std::net::SocketAddr;

use http::request::Parts;

/// A request's facts, checked once at the edge.
#[derive(Debug)]
pub struct Context {
    /// Method, headers and target as received.
    pub parts: Parts,
    /// Canonical path.
    pub path: String,
    /// Host in lower case, with the port if the client sent one.
    pub authority: String,
    /// Whether the person's browser speaks https, here or at a proxy we trust.
    pub https: bool,
    /// The client, by our own eyes or a trusted proxy's.
    pub client: std::net::IpAddr,
    /// The connection's peer.
    pub peer: SocketAddr,
}

impl Context {
    /// Query text, without `?`.
    pub fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// Host without port.
    pub fn host(&self) -> &str {
        host_of(&self.authority)
    }

    /// `scheme://host[:port]` that the browser used.
    pub fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        let default = if self.https { ":443" } else { ":80" };
        format!("{scheme}://{}", self.authority.strip_suffix(default).unwrap_or(&self.authority))
    }

    /// Path and query as they go into a redirect.
    pub fn path_and_query(&self) -> String {
        match self.parts.uri.query() {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

/// A host without its port.
pub fn host_of(authority: &str) -> &str {
    match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn hosts_without_ports() {
        for (authority, host) in [("a:1", "a"), ("a", "a"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]")] {
            assert_eq!(host_of(authority), host);
        }
    }
}
