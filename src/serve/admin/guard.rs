//! Who may read and who may act. A page of another site can make a browser on this machine send requests here
//! (and, with a name that changes its address, read the answers): so the Host must be one of ours, and whatever
//! changes something needs the token and our own Origin.

use std::net::SocketAddr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, Uri};
use subtle::ConstantTimeEq;

use crate::config::health::is_localhost;
use crate::serve::edge::context::host_of;
use crate::value::Secret;

/// What a request must show.
pub struct Guard {
    /// Host names that are ours, beside `localhost`.
    hosts: Vec<String>,
    tls: bool,
    /// Whether reading needs no token.
    open: bool,
    /// Of the token: both sides are hashed, so that not even its length shows in time.
    token: [u8; 32],
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is for another host.
    Host,
    /// A page of another site sent it.
    Origin,
    /// It has no token, or not ours.
    Token,
}

impl Refusal {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::Host => "foreign-host",
            Refusal::Origin => "foreign-origin",
            Refusal::Token => "wrong-token",
        }
    }
}

fn hash(text: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    out
}

impl Guard {
    /// `written` is the address as configured, `names` those in the certificate, `open` whether reading needs
    /// no token.
    pub fn new(
        written: &str,
        address: SocketAddr,
        names: Vec<String>,
        tls: bool,
        open: bool,
        token: &Secret<String>,
    ) -> Self {
        let mut hosts = vec!["127.0.0.1".to_owned(), "[::1]".to_owned()];
        let configured = host_of(written).to_ascii_lowercase();
        if !configured.is_empty() {
            hosts.push(configured);
        }
        hosts.push(host_of(&address.to_string()).to_owned());
        hosts.extend(
            names.into_iter().map(|name| if name.contains(':') { format!("[{name}]") } else { name }),
        );
        hosts.retain(|host| host != "0.0.0.0" && host != "[::]");
        Guard { hosts, tls, open, token: hash(token.expose()) }
    }

    /// The authority a request is for, when it is one of ours.
    fn authority<'r>(&self, headers: &'r HeaderMap, uri: &'r Uri) -> Option<&'r str> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().map(|host| host.to_str().unwrap_or_default());
        let target = uri.authority().map(http::uri::Authority::as_str);
        if hosts.next().is_some()
            || matches!((host, target), (Some(a), Some(b)) if !a.eq_ignore_ascii_case(b))
        {
            return None;
        }
        let authority = target.or(host)?;
        let name = host_of(authority).trim_end_matches('.').to_ascii_lowercase();
        (is_localhost(&name) || self.hosts.contains(&name)).then_some(authority)
    }

    /// Whether a request may read.
    pub fn reads(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        self.authority(headers, uri).ok_or(Refusal::Host)?;
        if self.open || self.bearer(headers) || self.basic(headers) { Ok(()) } else { Err(Refusal::Token) }
    }

    /// Whether a request may change something. `field` is the token of a form. A password the browser adds by
    /// itself (Basic) does not count.
    pub fn acts(&self, headers: &HeaderMap, uri: &Uri, field: Option<&str>) -> Result<(), Refusal> {
        let authority = self.authority(headers, uri).ok_or(Refusal::Host)?;
        let scheme = if self.tls { "https" } else { "http" };
        let ours = format!("{scheme}://{authority}");
        let mut origins = headers.get_all(ORIGIN).iter();
        let own = match (origins.next(), origins.next()) {
            (None, _) => match headers.get("sec-fetch-site").map(|site| site.to_str().unwrap_or_default()) {
                None | Some("same-origin" | "none") => true,
                Some(_) => false,
            },
            (Some(origin), None) => origin.to_str().is_ok_and(|origin| origin.eq_ignore_ascii_case(&ours)),
            _ => false,
        };
        if !own {
            return Err(Refusal::Origin);
        }
        let known = self.bearer(headers) || field.is_some_and(|token| self.is_token(token.trim()));
        if known { Ok(()) } else { Err(Refusal::Token) }
    }

    fn is_token(&self, candidate: &str) -> bool {
        hash(candidate).ct_eq(&self.token).into()
    }

    fn credentials<'r>(headers: &'r HeaderMap, scheme: &str) -> Option<&'r str> {
        let (name, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        name.eq_ignore_ascii_case(scheme).then(|| value.trim())
    }

    fn bearer(&self, headers: &HeaderMap) -> bool {
        Self::credentials(headers, "bearer").is_some_and(|token| self.is_token(token))
    }

    /// For browsers, which have no other way to read: the token as the password, under any name.
    fn basic(&self, headers: &HeaderMap) -> bool {
        let decoded = Self::credentials(headers, "basic").and_then(|value| STANDARD.decode(value).ok());
        let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        text.as_deref().and_then(|text| text.split_once(':')).is_some_and(|(_, token)| self.is_token(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "a-token-of-more-than-thirty-two-characters";

    fn guard(open: bool) -> Guard {
        let names = vec!["ops.example.com".to_owned(), "fd00::5".to_owned()];
        let token = Secret::new(TOKEN.to_owned());
        Guard::new("10.0.0.5:9444", "10.0.0.5:9444".parse().unwrap(), names, true, open, &token)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_our_hosts() {
        let uri: Uri = "/".parse().unwrap();
        for (host, fine) in [
            ("localhost:9444", true),
            ("LOCALHOST", true),
            ("ops.localhost:1", true),
            ("127.0.0.1:9999", true),
            ("[::1]:9444", true),
            ("10.0.0.5:9444", true),
            ("ops.example.com", true),
            ("ops.example.com.:9444", true),
            ("[fd00::5]:9444", true),
            ("evil.example:9444", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("0.0.0.0:9444", false),
            ("10.0.0.6:9444", false),
            ("", false),
        ] {
            let refused = guard(true).reads(&headers(&[("host", host)]), &uri);
            assert_eq!(refused.is_ok(), fine, "{host}");
        }
        assert_eq!(guard(true).reads(&HeaderMap::new(), &uri), Err(Refusal::Host));
        let two = headers(&[("host", "localhost"), ("host", "localhost")]);
        assert_eq!(guard(true).reads(&two, &uri), Err(Refusal::Host));
        let absolute: Uri = "http://evil.example/".parse().unwrap();
        assert_eq!(guard(true).reads(&headers(&[("host", "localhost")]), &absolute), Err(Refusal::Host));
    }

    #[test]
    fn reading_beyond_loopback_needs_the_token() {
        let uri: Uri = "/".parse().unwrap();
        let basic = format!("Basic {}", STANDARD.encode(format!("ops:{TOKEN}")));
        for (authorization, fine) in [
            ("", false),
            ("Bearer wrong", false),
            ("Basic !!!", false),
            (format!("Bearer {TOKEN}").as_str(), true),
            (basic.as_str(), true),
        ] {
            let mut all = headers(&[("host", "ops.example.com")]);
            if !authorization.is_empty() {
                all.insert(AUTHORIZATION, authorization.parse().unwrap());
            }
            let expected = if fine { Ok(()) } else { Err(Refusal::Token) };
            assert_eq!(guard(false).reads(&all, &uri), expected, "{authorization}");
        }
    }

    #[test]
    fn acting_needs_the_token_and_our_own_page() {
        let uri: Uri = "/actions/drain".parse().unwrap();
        let ours = "https://ops.example.com";
        let bearer = format!("Bearer {TOKEN}");
        let basic = format!("Basic {}", STANDARD.encode(format!("ops:{TOKEN}")));
        type Case<'a> = (&'a [(&'static str, &'a str)], Option<&'a str>, Result<(), Refusal>);
        let cases: &[Case<'_>] = &[
            (&[("origin", ours)], Some(TOKEN), Ok(())),
            (&[("authorization", &bearer)], None, Ok(())),
            (&[("sec-fetch-site", "same-origin")], Some(TOKEN), Ok(())),
            (&[("origin", ours)], Some("wrong"), Err(Refusal::Token)),
            (&[("origin", ours)], Some(""), Err(Refusal::Token)),
            (&[("origin", ours)], None, Err(Refusal::Token)),
            (&[("origin", ours), ("authorization", &basic)], None, Err(Refusal::Token)),
            (&[("origin", "http://ops.example.com")], Some(TOKEN), Err(Refusal::Origin)),
            (&[("origin", "https://evil.example")], Some(TOKEN), Err(Refusal::Origin)),
            (&[("origin", "null")], Some(TOKEN), Err(Refusal::Origin)),
            (&[("origin", ours), ("origin", ours)], Some(TOKEN), Err(Refusal::Origin)),
            (&[("sec-fetch-site", "cross-site")], Some(TOKEN), Err(Refusal::Origin)),
        ];
        for (pairs, field, expected) in cases {
            let mut all = headers(pairs);
            all.insert(HOST, "ops.example.com".parse().unwrap());
            assert_eq!(guard(true).acts(&all, &uri, *field), *expected, "{pairs:?} {field:?}");
        }
        let foreign = headers(&[("host", "evil.example"), ("authorization", &bearer)]);
        assert_eq!(guard(true).acts(&foreign, &uri, None), Err(Refusal::Host));
    }
}
