//! A query that brings a message: whatever it is, what is believed of it is what was signed, and what we write
//! ourselves is read as it was written.

use maverics::protocol::saml::accept::{Service, read_request};
use maverics::protocol::saml::logout::{
    Expected, Incoming, LogoutRequest, LogoutResponse, verify_request, verify_response,
};
use maverics::protocol::saml::message::Kind;
use maverics::protocol::saml::names::{PASSWORD_PROTECTED, name_id, status};
use maverics::protocol::saml::redirect::{PEER_RELAY_STATE_BYTES_MAX, decode, encode};
use maverics::protocol::saml::xml::MESSAGE;
use maverics::protocol::saml::{AuthnRequest, Common, Status};

use super::saml::{ACS, IDP, NOW, PEOPLE, PROVIDER, REQUEST, SERVICE, SLO, SP, name_of};

const SSO: &str = "https://idp.example/sso";
const RELAY_STATE: &str = "a state of ours";

pub fn body(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else { return };
    ours_is_read_as_written(query);
    let Ok(message) = decode(query) else { return };
    assert!(message.xml().len() <= MESSAGE.bytes_max);
    assert!(message.relay_state().is_none_or(|state| state.len() <= PEER_RELAY_STATE_BYTES_MAX));
    let incoming = Incoming::Redirect(&message);

    let keys = std::slice::from_ref(&PROVIDER.peer);
    let expected = Expected { issuer: IDP, keys, destination: SLO, skew_secs: 180 };
    if let Ok(request) = verify_request(incoming, &expected, NOW) {
        let known = PEOPLE.iter().find(|(person, _)| name_of(person) == *request.name_id());
        let (person, _) = known.expect("a logout that was signed");
        assert_eq!(request.session_indexes(), [format!("_s-{person}")]);
        assert_eq!((message.kind(), request.id()), (Kind::Request, "_logout"));
        assert_eq!(message.relay_state(), Some(RELAY_STATE), "the signature covers it");
    }
    if let Ok(response) = verify_response(incoming, REQUEST, &expected, NOW) {
        assert!(response.status().is_success() && message.kind() == Kind::Response);
        assert_eq!(message.relay_state(), Some(RELAY_STATE), "the signature covers it");
    }
    for signs_requests in [true, false] {
        let service = |name: &str| {
            let keys = std::slice::from_ref(&SERVICE.peer);
            (name == SP).then_some(Service { entity_id: SP, keys, acs: &[ACS], signs_requests })
        };
        let Ok(request) = read_request(incoming, SSO, 180, service, NOW) else { continue };
        assert_eq!((request.service(), request.acs()), (SP, ACS), "answers go where the service is");
        assert!(request.was_signed() || !signs_requests);
        if request.was_signed() {
            assert!(request.force_authn() && request.id() == REQUEST);
            assert_eq!(message.relay_state(), Some(RELAY_STATE), "the signature covers it");
        }
    }
}

/// Any relay state that is short enough comes back, with what it came with.
fn ours_is_read_as_written(relay_state: &str) {
    let message = authn_request();
    let Ok(url) = encode(&message, SSO, Some(relay_state), None) else {
        assert!(relay_state.len() > PEER_RELAY_STATE_BYTES_MAX);
        return;
    };
    let read = decode(url.strip_prefix(SSO).and_then(|url| url.strip_prefix('?')).expect("a query"));
    let read = read.expect("what we write");
    assert_eq!(read.relay_state().unwrap_or_default(), relay_state);
    assert_eq!(
        (read.kind(), read.xml(), read.has_signature()),
        (Kind::Request, message.unsigned().as_str(), false)
    );
}

fn authn_request() -> maverics::protocol::saml::message::Outgoing {
    AuthnRequest {
        common: Common { id: REQUEST, issuer: SP, destination: SSO, issued: NOW },
        acs: ACS,
        force_authn: true,
        is_passive: false,
        name_id_format: Some(name_id::PERSISTENT),
        authn_contexts: &[PASSWORD_PROTECTED],
    }
    .build()
}

/// A request, logouts of both people, and the answer to one, signed and not.
pub fn genuine() -> Vec<(String, Vec<u8>)> {
    let common = |id| Common { id, issuer: IDP, destination: SLO, issued: NOW };
    let logout = |person: usize| {
        let (person, _) = PEOPLE[person];
        let index = format!("_s-{person}");
        LogoutRequest {
            common: common("_logout"),
            name_id: &name_of(person),
            session_indexes: &[&index],
            not_on_or_after: NOW.plus(300),
        }
        .build()
    };
    let done = Status::of(status::SUCCESS, None);
    let answer = LogoutResponse { common: common("_answer"), in_response_to: REQUEST, status: &done }.build();
    let messages = [
        ("request", authn_request(), Some(&SERVICE.own)),
        ("request-unsigned", authn_request(), None),
        ("logout-alice", logout(0), Some(&PROVIDER.own)),
        ("logout-bob", logout(1), Some(&PROVIDER.own)),
        ("answer", answer, Some(&PROVIDER.own)),
    ];
    let query = |(name, message, key): (&str, _, _)| {
        let url = encode(&message, "", Some(RELAY_STATE), key).expect("a query");
        let query = url.trim_start_matches('?').to_owned();
        assert!(decode(&query).is_ok(), "{name}");
        (format!("genuine-{name}"), query.into_bytes())
    };
    messages.into_iter().map(query).collect()
}
