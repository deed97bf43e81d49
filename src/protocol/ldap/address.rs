//! `ldap://host[:port]` and `ldaps://host[:port]` (RFC 4516 without the search parts).

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::value::url::is_loopback_name;

/// Where a directory listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Name or literal address, lower case; IPv6 without brackets.
    pub host: String,
    /// TCP port: 389, or 636 with TLS from the first byte.
    pub port: u16,
    /// TLS from the first byte.
    pub tls: bool,
}

impl Address {
    /// Parses; the message says what an address must look like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fault = |words: &str| format!("`{text}` {words}");
        let url = Url::parse(text).map_err(|e| fault(&format!("is not an address ({e})")))?;
        let tls = match url.scheme() {
            "ldap" => false,
            "ldaps" => true,
            _ => return Err(fault("must begin with ldaps:// or ldap://")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address must not carry a user name or password".into());
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(fault("must be a host and a port alone; the search base is `baseDN`"));
        }
        // The scheme is none of the web's, so the host is not normalised by the parser.
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| fault("has no host"))?;
        let host = Host::parse(host).map_err(|e| fault(&format!("has no good host ({e})")))?;
        let host = match host {
            Host::Domain(name) => name.to_ascii_lowercase(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        let port = url.port().unwrap_or(if tls { 636 } else { 389 });
        if port == 0 {
            return Err(fault("has no port one can connect to"));
        }
        Ok(Address { host, port, tls })
    }

    /// Whether it stays on this machine by its name: a literal loopback address, or a name that must resolve to one.
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback(),
            Err(_) => is_loopback_name(&self.host),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "ldaps" } else { "ldap" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, want) in [
            ("ldap://DC1.example.com", Some("ldap://dc1.example.com:389")),
            ("ldaps://dc1.example.com/", Some("ldaps://dc1.example.com:636")),
            ("ldaps://[::1]:1636", Some("ldaps://[::1]:1636")),
            ("ldap://127.0.0.1:389", Some("ldap://127.0.0.1:389")),
            ("ldap://", None),
            ("ldap:///dc=x", None),
            ("ldap://a/dc=x", None),
            ("ldap://a?uid", None),
            ("ldap://u:p@a", None),
            ("ldap://a:0", None),
            ("ldap://a b", None),
            ("ldapi://x", None),
            ("http://a", None),
            ("", None),
        ] {
            assert_eq!(Address::parse(text).ok().map(|a| a.to_string()).as_deref(), want, "{text}");
        }
        for (text, is_loopback) in [
            ("ldap://localhost", true),
            ("ldap://dc.localhost", true),
            ("ldap://[::1]", true),
            ("ldap://127.9.9.9", true),
            ("ldap://dc.example.com", false),
            ("ldap://10.0.0.1", false),
        ] {
            assert_eq!(Address::parse(text).unwrap().is_loopback(), is_loopback, "{text}");
        }
    }
}
