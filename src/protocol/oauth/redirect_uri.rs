//! Redirect URIs: exact match, and the one exception for native apps on loopback (RFC 8252 §7.3).

use std::net::IpAddr;

use url::{Host, Url};

/// Whether `asked` is one of the registered URIs. Comparison is byte for byte (OpenID Connect Core §3.1.2.1);
/// for a public client an entry `http://127.0.0.1/...` or `http://[::1]/...` matches with any port.
pub fn is_registered(asked: &str, registered: &[String], public: bool) -> bool {
    registered.iter().any(|entry| entry == asked || (public && same_but_port(asked, entry)))
}

/// Compared as text: a browser reads `\` as `/` and more such, and what two readers take for the path must not differ.
fn same_but_port(asked: &str, entry: &str) -> bool {
    match (loopback(asked), loopback(entry)) {
        (Some(asked), Some(entry)) => asked == entry,
        _ => false,
    }
}

/// Address and everything behind the port of a URI `http://` on a loopback address.
fn loopback(uri: &str) -> Option<(IpAddr, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, tail) = rest.split_at(rest.find('/')?);
    let is_port = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        _ => authority,
    };
    let address = match host.strip_prefix('[') {
        Some(inside) => IpAddr::V6(inside.strip_suffix(']')?.parse().ok()?),
        None => IpAddr::V4(host.parse().ok()?),
    };
    address.is_loopback().then_some((address, tail))
}

/// Why a URI may not be registered. What a browser would read otherwise than it is written is refused, too.
pub fn registration_fault(uri: &str) -> Option<String> {
    let Ok(url) = Url::parse(uri) else { return Some(format!("`{uri}` is not an absolute URI")) };
    if url.fragment().is_some() {
        return Some(format!("`{uri}` has a fragment"));
    }
    if uri.chars().any(|c| c == '\\' || c.is_whitespace() || c.is_control()) {
        return Some(format!("`{uri}` has a backslash, white space or a control character in it"));
    }
    match url.scheme() {
        // Without the slashes it would be relative to the page that redirects.
        scheme @ ("https" | "http") if !uri[scheme.len()..].starts_with("://") => {
            Some(format!("`{uri}` does not begin with `{scheme}://`"))
        }
        "https" => None,
        "http" => (!stays_here(&url)).then(|| {
            format!("`{uri}` is plain http, which is only accepted on loopback and for `localhost`")
        }),
        // A private-use scheme carries a domain in reverse (RFC 8252 §7.1), so it has a dot.
        scheme if scheme.contains('.') => None,
        scheme => Some(format!("`{uri}`: the scheme `{scheme}:` is not accepted")),
    }
}

/// Whether a browser finds it on its own machine: a loopback address or a name below `localhost` (RFC 6761 §6.3).
fn stays_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_means_exact() {
        let registered = vec!["https://app.example.com/cb".to_owned(), "http://127.0.0.1/cb".to_owned()];
        assert!(is_registered("https://app.example.com/cb", &registered, false));
        for near in [
            "https://APP.example.com/cb",
            "https://app.example.com/cb/",
            "https://app.example.com:443/cb",
            "https://app.example.com/cb?x=1",
            "https://app.example.com/cb#f",
            "https://u@app.example.com/cb",
            "https://app.example.com/%63b",
            "https://app.example.com\\cb",
            "https://app.example.com.evil.com/cb",
            "http://127.0.0.1:8080/cb",
        ] {
            assert!(!is_registered(near, &registered, false), "{near}");
        }
        assert!(is_registered("http://127.0.0.1:8080/cb", &registered, true));
        let six = vec!["http://[::1]/cb?x=1".to_owned()];
        assert!(is_registered("http://[::1]:8080/cb?x=1", &six, true));
        for near in [
            "http://localhost:8080/cb",
            "http://127.0.0.1:8080\\other/cb",
            "http://127.0.0.1\\@evil/cb",
            "http://127.0.0.1:8080?x=/cb",
            "http://127.0.0.1:+80/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:/cb",
            "HTTP://127.0.0.1:8080/cb",
            "http://127.1:8080/cb",
            "http://[::1]:8080/cb",
            "https://127.0.0.1:8080/cb",
            "http://127.0.0.1:8080/cb/..",
            "http://127.0.0.1.evil:1/cb",
            "http://127.0.0.1:1@evil/cb",
        ] {
            assert!(!is_registered(near, &registered, true), "{near}");
        }
    }

    #[test]
    fn what_may_be_registered() {
        for (uri, ok) in [
            ("https://a.example/cb", true),
            ("http://127.0.0.1/cb", true),
            ("http://app.localhost:81/cb", true),
            ("com.example.app:/cb", true),
            ("http://a.example/cb", false),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("https://a.example/cb#f", false),
            ("/cb", false),
            ("http://[::1]:81/cb", true),
            // Only the resolver of this machine keeps `.test` at home, and it is the browser that asks.
            ("http://app.test/cb", false),
            ("http:.test//[1:]:/cb/./", false),
            ("https:a.example/cb", false),
            ("https:/a.example/cb", false),
            ("https://a.example\\cb", false),
            ("https://a.example/\tcb", false),
            (" https://a.example/cb", false),
        ] {
            assert_eq!(registration_fault(uri).is_none(), ok, "{uri}");
        }
    }
}
