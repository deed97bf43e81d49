//! Addresses and parameters that strangers bring: where an answer may go, what a callback says, and the path
//! that policy judges.
//!
//! The bytes are lines: an address that is asked for, those that are registered up to an empty line, a query, a
//! path.

use maverics::protocol::oauth::params::{PARAMS_MAX, Params};
use maverics::protocol::oauth::redirect_uri::{is_registered, registration_fault};
use maverics::protocol::oidc::request::{AuthnRequest, STATE_BYTES_MAX, answer_route};
use maverics::value::path::canonical;
use url::{Host, Url};

pub fn body(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let asked = lines.next().unwrap_or_default();
    let registered: Vec<String> =
        lines.by_ref().take_while(|line| !line.is_empty()).map(str::to_owned).collect();
    where_an_answer_may_go(asked, &registered);
    let query = lines.next().unwrap_or_default();
    parameters_come_back(query);
    a_request_is_read(query, asked);
    let path = lines.next().unwrap_or_default();
    one_path_for_everybody(path);
}

/// Exactly a registered address, or one on loopback that differs in nothing but the port.
fn where_an_answer_may_go(asked: &str, registered: &[String]) {
    let exact = registered.iter().any(|entry| entry == asked);
    assert_eq!(is_registered(asked, registered, false), exact);
    let public = is_registered(asked, registered, true);
    assert!(public || !exact);
    if public && !exact {
        let asked = Url::parse(asked).expect("it was compared by its parts");
        assert!(on_loopback(&asked) && asked.username().is_empty() && asked.password().is_none(), "{asked}");
        let same = |entry: &str| {
            let mut entry = Url::parse(entry).ok()?;
            entry.set_port(asked.port()).ok()?;
            Some(entry == asked)
        };
        assert!(registered.iter().any(|entry| same(entry) == Some(true)), "{asked} of {registered:?}");
    }
    for uri in registered.iter().filter(|uri| registration_fault(uri).is_none()) {
        let url = Url::parse(uri).expect("only what can be parsed is registered");
        assert!(url.fragment().is_none(), "{uri}");
        assert!(!matches!(url.scheme(), "javascript" | "data" | "file" | "blob"), "{uri}");
        let local = on_loopback(&url) || url.domain().is_some_and(is_localhost);
        assert!(url.scheme() != "http" || local, "{uri}");
    }
}

fn on_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        _ => false,
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// What was read, written again, is read as the same.
fn parameters_come_back(query: &str) {
    let lenient = Params::lenient(query);
    let Ok(params) = Params::parse(query) else { return };
    assert_eq!(lenient.as_ref(), Ok(&params), "the strict reading is one of the lenient");
    assert!(params.pairs().len() <= PARAMS_MAX);
    let mut again = url::form_urlencoded::Serializer::new(String::new());
    again.extend_pairs(params.pairs());
    let again = Params::parse(&again.finish()).expect("it was read before");
    assert_eq!(again.pairs(), params.pairs(), "{query}");
    let repeated = params.pairs().iter().any(|(name, _)| params.count(name) > 1);
    assert_eq!(params.clone().unique().is_err(), repeated, "{query}");
    for (name, _) in params.pairs() {
        assert!(params.get(name).is_none_or(|value| !value.is_empty()), "an empty one counts as absent");
    }
}

/// A request that is accepted gives back exactly what it was given.
fn a_request_is_read(query: &str, redirect_uri: &str) {
    let Ok(params) = Params::parse(query) else { return };
    let (mode, state) = answer_route(&params);
    assert!(state.as_ref().is_none_or(|state| state.len() <= STATE_BYTES_MAX));
    for require_pkce in [false, true] {
        let Ok(request) = AuthnRequest::read(&params, redirect_uri, require_pkce) else { continue };
        assert_eq!((request.mode, &request.state), (mode, &state), "a fault would have gone the same way");
        assert_eq!(request.redirect_uri, redirect_uri);
        assert!(request.challenge.is_some() || !require_pkce);
        assert!(!(request.prompt.none && request.prompt.login));
        let text = serde_json::to_string(&request).expect("plain data");
        assert_eq!(serde_json::from_str::<AuthnRequest>(&text).ok(), Some(request));
    }
}

/// The path that policy judges is the one every server behind us would find, whether it decodes or not.
fn one_path_for_everybody(path: &str) {
    let Ok(once) = canonical(path) else { return };
    assert_eq!(canonical(&once).as_deref(), Ok(&*once), "{path}");
    assert!(once.is_ascii() && once.starts_with('/') && !once.contains(['\\', ';']), "{once}");
    let segments: Vec<&str> = once.split('/').skip(1).collect();
    let (last, before) = segments.split_last().expect("what follows the first slash");
    assert!(before.iter().all(|segment| !segment.is_empty()), "{once}");
    let mut decoded: Vec<Vec<u8>> = before.iter().chain([last]).map(|s| s.as_bytes().to_vec()).collect();
    for _ in 0..2 {
        for segment in &mut decoded {
            *segment = percent_encoding::percent_decode(segment).collect();
            assert!(!matches!(segment.as_slice(), b"." | b".."), "{once}");
            assert!(!segment.iter().any(|b| matches!(b, b'/' | b'\\') || b.is_ascii_control()), "{once}");
        }
    }
}
