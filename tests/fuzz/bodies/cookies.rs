//! What browsers send as cookies, what applications want to set, and what somebody makes of a sealed sign-in.
//!
//! The bytes are lines: the first is a `Set-Cookie` of an application, the others are `Cookie` headers; what
//! follows a line `--` is done to a sealed text.

use std::sync::OnceLock;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use maverics::ambient::{Entropy, UnixSecs};
use maverics::serve::login::{Pending, Return};
use maverics::serve::session::cookie::{self, CookieSettings};
use maverics::serve::session::seal::Sealer;
use maverics::value::Secret;

const NAME: &str = "maverics_session";
const ID: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF-";
const NOW: UnixSecs = UnixSecs(1_800_000_000);

struct Fixed {
    sealer: Sealer,
    pending: Pending,
    sealed: String,
}

fn fixed() -> &'static Fixed {
    static FIXED: OnceLock<Fixed> = OnceLock::new();
    FIXED.get_or_init(|| {
        let sealer = Sealer::new(&Secret::new("a".repeat(64)), &[], &Entropy::counted(1)).expect("a key");
        let pending = Pending {
            id: ID.into(),
            app: "app".into(),
            idp: "idp".into(),
            why: "primary".into(),
            tried: vec!["other".into()],
            retries: 0,
            kept: [("nonce".to_owned(), "n".to_owned())].into(),
            back: Return::Page {
                origin: "https://app.example.com".into(),
                target: "/a?b=c".into(),
                location: "/".into(),
            },
            fresh_after: None,
            until: UnixSecs(NOW.0 + 600),
        };
        let sealed = pending.seal(&sealer).expect("it fits");
        Fixed { sealer, pending, sealed }
    })
}

pub fn body(data: &[u8]) {
    let (lines, forgery) = match data.windows(4).position(|four| four == b"\n--\n") {
        Some(at) => (&data[..at], &data[at + 4..]),
        None => (data, &data[data.len()..]),
    };
    let mut lines = lines.split(|byte| *byte == b'\n');
    nothing_plants_ours(lines.next().unwrap_or_default());
    let mut headers = HeaderMap::new();
    for line in lines.filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(COOKIE, line);
    }
    ours_stay_here(&headers);
    a_pending_sign_in_is_found_among_others(&headers);
    nothing_forged_opens(forgery);
    what_is_written_is_read(forgery);
}

/// Whatever an application sets, and a browser gives back, is not taken for ours.
fn nothing_plants_ours(line: &[u8]) {
    if HeaderValue::from_bytes(line).is_err() || cookie::sets_ours(line, NAME) {
        return;
    }
    let mut headers = HeaderMap::new();
    let Ok(sent) = HeaderValue::from_bytes(&as_a_browser_gives_it_back(line)) else { return };
    headers.append(COOKIE, sent);
    assert_eq!(cookie::values(&headers, NAME).next(), None, "{}", line.escape_ascii());
    assert!(cookie::pending_held(&headers).is_empty(), "{}", line.escape_ascii());
}

/// RFC 6265bis §5.6 and §5.8.3, for one cookie.
fn as_a_browser_gives_it_back(line: &[u8]) -> Vec<u8> {
    let pair = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (&pair[..0], pair),
    };
    let (name, value) = (blank_trimmed(name), blank_trimmed(value));
    if name.is_empty() { value.to_vec() } else { [name, b"=", value].concat() }
}

fn blank_trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// What goes upstream has none of ours, and goes through unchanged a second time.
fn ours_stay_here(headers: &HeaderMap) {
    for value in cookie::values(headers, NAME) {
        assert!(!value.contains(';'), "{value:?}");
    }
    let Some(left) = cookie::without_ours(headers, NAME) else { return };
    let mut upstream = HeaderMap::new();
    upstream.append(
        COOKIE,
        HeaderValue::from_str(&left).or(HeaderValue::from_bytes(left.as_bytes())).expect("a header"),
    );
    assert_eq!(cookie::values(&upstream, NAME).next(), None, "{left:?}");
    assert!(cookie::pending_held(&upstream).is_empty(), "{left:?}");
    assert_eq!(cookie::without_ours(&upstream, NAME).as_deref(), Some(left.as_str()));
}

/// Ours is found whatever else is sent, and not before or after its time or under another id.
fn a_pending_sign_in_is_found_among_others(headers: &HeaderMap) {
    let Fixed { sealer, pending, sealed } = fixed();
    let settings = CookieSettings { name: NAME.into(), domain: None, secure: true, http_only: true };
    let line = settings.pending(ID, sealed, 600);
    assert!(
        cookie::sets_ours(line.as_bytes(), NAME) && cookie::sets_ours(settings.session("v").as_bytes(), NAME)
    );
    let mut headers = headers.clone();
    let sent = as_a_browser_gives_it_back(line.as_bytes());
    headers.append(COOKIE, HeaderValue::from_bytes(&sent).expect("ours is a header"));
    assert_eq!(Pending::unseal(sealer, &headers, ID, NOW).as_ref(), Some(pending));
    assert_eq!(Pending::unseal(sealer, &headers, ID, pending.until), None, "over");
    assert_eq!(Pending::unseal(sealer, &headers, &ID.replace('-', "_"), NOW), None, "another's");
}

/// The bytes are places and values: a sealed text that was changed does not open, nor does any other.
fn nothing_forged_opens(forgery: &[u8]) {
    let Fixed { sealer, sealed, .. } = fixed();
    let mut text = sealed.clone().into_bytes();
    for edit in forgery.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % text.len();
        match edit[2] {
            0 => text.truncate(place.max(1)),
            1 => text.insert(place, b'A'),
            value => text[place] = value,
        }
    }
    let Ok(text) = String::from_utf8(text) else { return };
    let opened = sealer.open("pending sign-in", &text);
    assert_eq!(opened.is_some(), text == *sealed, "{text}");
    assert_eq!(sealer.open("another purpose", sealed), None);
    if let Ok(text) = std::str::from_utf8(forgery) {
        assert_eq!(sealer.open("pending sign-in", text).is_some(), text == sealed, "{text}");
    }
}

/// What another version may have sealed is either refused or understood.
fn what_is_written_is_read(plain: &[u8]) {
    let Ok(pending) = serde_json::from_slice::<Pending>(plain) else { return };
    let text = serde_json::to_vec(&pending).expect("it was JSON before");
    assert_eq!(serde_json::from_slice::<Pending>(&text).ok(), Some(pending));
}
