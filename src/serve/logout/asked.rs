//! Whether it is the person who asks to be signed out. A session ends at an address anybody can put into an
//! image, a frame or a link, so the browser's own words about where a request comes from decide, and where they
//! say nothing, a page of ours asks (protocol row S09).

use http::{HeaderMap, Method};

use crate::protocol::oauth::Params;
use crate::serve::edge::Context;
use crate::serve::session::SessionKey;
use crate::serve::state::State;

/// How long a confirmation page is good, in seconds.
pub const CONFIRM_SECS: u64 = 600;
/// Field of the confirmation page.
pub const CONFIRM_FIELD: &str = "confirm";

const PURPOSE: &str = "logout confirmation";

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The person, from a page of ours or by hand.
    Person,
    /// Perhaps the person; a page must ask.
    Perhaps,
    /// Something inside a page, or fetched in advance: nobody sees an answer.
    Nobody,
}

/// What the browser says of a request (Fetch Metadata; `Origin` and `Referer` before it).
pub fn asked(state: &State, context: &Context) -> Asked {
    let from_ours = sender(&context.parts.headers)
        .map(|sender| sender == context.authority || state.router.is_ours(&sender));
    judge(&context.parts.headers, &context.parts.method, from_ours)
}

/// `from_ours`: whether the page that sent the request is on a host of ours, if it said where it is.
fn judge(headers: &HeaderMap, method: &Method, from_ours: Option<bool>) -> Asked {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if headers.contains_key("sec-purpose") || text("purpose") == "prefetch" {
        return Asked::Nobody;
    }
    let (site, mode, dest) = (text("sec-fetch-site"), text("sec-fetch-mode"), text("sec-fetch-dest"));
    let sees = mode == "navigate" && matches!(dest, "" | "document");
    match site {
        // An image or style sheet in a page of the application's users is not the application.
        "same-origin" if mode != "no-cors" => Asked::Person,
        "same-site" | "none" if sees => Asked::Person,
        "cross-site" if sees && from_ours == Some(true) => Asked::Person,
        "cross-site" if sees => Asked::Perhaps,
        // No word: an old browser, a page over plain http, a program.
        "" if from_ours == Some(true) => Asked::Person,
        "" => Asked::Perhaps,
        // A cross-site post of a form is a navigation as well; the rest is embedded.
        _ if *method == Method::POST && sees => Asked::Perhaps,
        _ => Asked::Nobody,
    }
}

/// Host and port of the page that sent a request, when the browser says it.
fn sender(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|v: &http::HeaderValue| v.to_str().ok());
    let address =
        text(http::header::ORIGIN).filter(|o| *o != "null").or_else(|| text(http::header::REFERER))?;
    crate::value::WebUrl::parse(address).ok().map(|url| url.authority())
}

/// What a confirmation page carries: another site cannot know it, and it is good for one session.
pub fn confirmation(state: &State, key: &SessionKey) -> Option<String> {
    let plain = format!("{} {}", state.now().plus(CONFIRM_SECS).0, key.shown());
    state.sealer.seal(PURPOSE, plain.as_bytes())
}

/// Whether a form is the confirmation page of this session.
pub fn is_confirmed(state: &State, key: &SessionKey, form: Option<&Params>) -> bool {
    let sealed = form.and_then(|form| form.get(CONFIRM_FIELD));
    let plain = sealed.and_then(|sealed| state.sealer.open(PURPOSE, sealed));
    let Some(plain) = plain.and_then(|plain| String::from_utf8(plain).ok()) else { return false };
    let Some((until, shown)) = plain.split_once(' ') else { return false };
    until.parse::<u64>().is_ok_and(|until| state.now().0 < until) && shown == key.shown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_browser_says_decides() {
        use Asked::{Nobody, Perhaps, Person};
        let table: &[(&str, &str, &str, Option<bool>, Asked)] = &[
            // An address typed, a bookmark, a link of the application.
            ("none", "navigate", "document", None, Person),
            ("same-origin", "navigate", "document", Some(true), Person),
            ("same-origin", "cors", "empty", Some(true), Person),
            ("same-origin", "navigate", "iframe", Some(true), Person),
            ("same-site", "navigate", "document", Some(false), Person),
            // A link of an application of ours at another domain, and of anybody.
            ("cross-site", "navigate", "document", Some(true), Person),
            ("cross-site", "navigate", "document", Some(false), Perhaps),
            ("cross-site", "navigate", "document", None, Perhaps),
            // Images, frames, scripts.
            ("cross-site", "no-cors", "image", Some(false), Nobody),
            ("cross-site", "no-cors", "image", Some(true), Nobody),
            ("cross-site", "navigate", "iframe", Some(false), Nobody),
            ("cross-site", "cors", "empty", Some(false), Nobody),
            ("same-site", "no-cors", "image", Some(false), Nobody),
            ("same-site", "navigate", "iframe", Some(true), Nobody),
            ("same-origin", "no-cors", "image", Some(true), Nobody),
            // Browsers that say nothing.
            ("", "", "", Some(true), Person),
            ("", "", "", Some(false), Perhaps),
            ("", "", "", None, Perhaps),
            ("made-up", "navigate", "document", None, Nobody),
        ];
        for (site, mode, dest, from_ours, want) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in
                [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)]
            {
                if !value.is_empty() {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            assert_eq!(
                judge(&headers, &Method::GET, *from_ours),
                *want,
                "{site} {mode} {dest} {from_ours:?}"
            );
            headers.insert("sec-purpose", "prefetch".parse().unwrap());
            assert_eq!(judge(&headers, &Method::GET, *from_ours), Nobody, "in advance");
        }
    }
}
