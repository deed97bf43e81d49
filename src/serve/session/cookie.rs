//! Cookies: what we set, and how we find ours among what a browser sends.

use http::HeaderMap;
use http::header::COOKIE;

/// Most bytes of cookies read from one request.
pub const COOKIE_BYTES_MAX: usize = 16 * 1024;

/// How our cookies are set.
#[derive(Debug, Clone)]
pub struct CookieSettings {
    /// Name of the session cookie.
    pub name: String,
    /// Domain, without leading dot; this host only without one.
    pub domain: Option<String>,
    /// `Secure; SameSite=None` when people come over https, `SameSite=Lax` when not.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
}

/// Beginning of the name of a cookie that holds a pending sign-in.
pub const PENDING_PREFIX: &str = "maverics_tx_";

impl CookieSettings {
    /// A `Set-Cookie` value for the session.
    pub fn session(&self, value: &str) -> String {
        self.line(&self.name, value, self.http_only, None)
    }

    /// A `Set-Cookie` value that removes the session cookie: same attributes, no life.
    pub fn session_gone(&self) -> String {
        self.line(&self.name, "", self.http_only, Some(0))
    }

    /// A `Set-Cookie` value for a pending sign-in. Not tied to `disableHTTPOnly`: no script needs it.
    pub fn pending(&self, id: &str, sealed: &str, secs: u64) -> String {
        self.line(&pending_name(id), sealed, true, Some(secs))
    }

    /// A `Set-Cookie` value that removes it.
    pub fn pending_gone(&self, id: &str) -> String {
        self.line(&pending_name(id), "", true, Some(0))
    }

    fn line(&self, name: &str, value: &str, http_only: bool, max_age: Option<u64>) -> String {
        let mut line = format!("{name}={value}; Path=/");
        if let Some(domain) = &self.domain {
            line.push_str(&format!("; Domain={domain}"));
        }
        if let Some(secs) = max_age {
            line.push_str(&format!("; Max-Age={secs}"));
        }
        if http_only {
            line.push_str("; HttpOnly");
        }
        line.push_str(if self.secure { "; Secure; SameSite=None" } else { "; SameSite=Lax" });
        line
    }
}

/// Name of the cookie of a pending sign-in: a part of its id, so that tabs do not overwrite each other.
pub fn pending_name(id: &str) -> String {
    format!("{PENDING_PREFIX}{}", id.get(..16).unwrap_or(id))
}

/// Every value of a cookie, in the order sent. A sibling host may have planted one of the same name, so the
/// caller takes the first that is good.
pub fn values<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    pairs(headers).filter(move |(n, _)| *n == name).map(|(_, value)| value)
}

/// Our cookies of pending sign-ins in a request: name and size, in the order sent. Read even beyond
/// [`COOKIE_BYTES_MAX`], since it is these that must go when a browser sends too much.
pub fn pending_held(headers: &HeaderMap) -> Vec<(String, usize)> {
    pairs(headers)
        .filter(|(n, _)| n.starts_with(PENDING_PREFIX))
        .map(|(n, value)| (n.to_owned(), n.len() + value.len()))
        .collect()
}

/// Pair by pair: an odd one (bytes that are no text, from a script or a sibling host) hides only itself.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok())
        // What browsers take for blanks (RFC 6265bis §5.6) and nothing more: with other signs around it, a name is
        // another's, and an application may set it.
        .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
}

/// The cookies of a request without ours, for the upstream: `None` when nothing is left.
pub fn without_ours(headers: &HeaderMap, session_name: &str) -> Option<String> {
    let mut out = String::new();
    for (name, value) in pairs(headers).filter(|(n, v)| n.len() + v.len() <= COOKIE_BYTES_MAX) {
        if name == session_name || name.starts_with(PENDING_PREFIX) {
            continue;
        }
        if !out.is_empty() {
            out.push_str("; ");
        }
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
    (!out.is_empty()).then_some(out)
}

/// Whether a `Set-Cookie` of an upstream would set one of ours.
pub fn sets_ours(line: &[u8], session_name: &str) -> bool {
    // Browsers send a cookie without a name as its bare value, so `=name=value` would come back as ours.
    let bare = line.iter().position(|b| *b != b'=' && !b.is_ascii_whitespace()).unwrap_or(line.len());
    let name = line[bare..].split(|b| *b == b'=' || *b == b';').next().unwrap_or_default().trim_ascii();
    name == session_name.as_bytes() || name.starts_with(PENDING_PREFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(secure: bool) -> CookieSettings {
        CookieSettings { name: "s".into(), domain: Some("example.com".into()), secure, http_only: true }
    }

    #[test]
    fn attributes_follow_the_scheme() {
        assert_eq!(
            settings(true).session("v"),
            "s=v; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=None"
        );
        assert_eq!(settings(false).session("v"), "s=v; Path=/; Domain=example.com; HttpOnly; SameSite=Lax");
        assert!(settings(true).session_gone().contains("Max-Age=0"));
    }

    #[test]
    fn ours_do_not_reach_the_upstream() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; s=ours; b=2".parse().unwrap());
        headers.append(COOKIE, "maverics_tx_abc=x; s=again".parse().unwrap());
        assert_eq!(without_ours(&headers, "s").as_deref(), Some("a=1; b=2"));
        assert_eq!(values(&headers, "s").collect::<Vec<_>>(), ["ours", "again"]);
        let planted = http::HeaderValue::from_bytes("\u{a0}s=planted; \u{2028}s=x".as_bytes()).unwrap();
        headers.append(COOKIE, planted);
        assert_eq!(values(&headers, "s").count(), 2, "a name with a no-break space is another's");
        assert!(sets_ours(b"=s=1", "s") && sets_ours(b" = maverics_tx_q=1", "s"));
        headers.append(COOKIE, http::HeaderValue::from_bytes(b"odd=\xe9; s=third").unwrap());
        assert_eq!(values(&headers, "s").count(), 3, "an odd cookie hides only itself");
        assert!(
            sets_ours(b"s=1; Path=/", "s") && sets_ours(b" maverics_tx_q=1", "s") && !sets_ours(b"sx=1", "s")
        );
    }
}
