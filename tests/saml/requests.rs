//! The provider's side: which requests may be answered, and where.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maverics::protocol::saml::accept::{AcceptedRequest, RequestRefusal, Service, read_request};
use maverics::protocol::saml::logout::Incoming;
use maverics::protocol::saml::message::Outgoing;
use maverics::protocol::saml::names::name_id;
use maverics::protocol::saml::redirect::{decode, encode};
use maverics::protocol::saml::{AuthnRequest, Common, PeerKey};

use super::scene::*;

const SSO: &str = "https://idp.example/sso";
const ACS2: &str = "https://sp.example/saml/acs2";

fn request() -> Outgoing {
    AuthnRequest {
        common: Common { id: REQUEST, issuer: SP, destination: SSO, issued: NOW },
        acs: ACS2,
        force_authn: true,
        is_passive: false,
        name_id_format: Some(name_id::EMAIL),
        authn_contexts: &["urn:a"],
    }
    .build()
}

fn read(
    incoming: Incoming<'_>,
    keys: &[PeerKey],
    signs_requests: bool,
) -> Result<AcceptedRequest, RequestRefusal> {
    let known = |name: &str| {
        (name == SP).then_some(Service { entity_id: SP, keys, acs: &[ACS, ACS2], signs_requests })
    };
    read_request(incoming, SSO, 180, known, NOW)
}

fn read_xml(xml: &str) -> Result<AcceptedRequest, RequestRefusal> {
    read(Incoming::Post(&STANDARD.encode(xml)), &[IDP_EC.peer()], false)
}

#[test]
fn a_request_is_understood() {
    let keys = [SP_RSA.peer()];
    let own = SP_RSA.own();
    let field = request().post(Some(&own)).expect("a field");
    let url = encode(&request(), SSO, Some("state"), Some(&own)).expect("a URL");
    let message = decode(url.split_once('?').unwrap().1).expect("a message");
    for incoming in [Incoming::Post(&field), Incoming::Redirect(&message)] {
        let accepted = read(incoming, &keys, true).expect("a request");
        assert_eq!((accepted.id(), accepted.service(), accepted.acs()), (REQUEST, SP, ACS2));
        assert!(accepted.force_authn() && !accepted.is_passive() && accepted.was_signed());
        assert_eq!(accepted.name_id_format(), Some(name_id::EMAIL));
        assert_eq!(accepted.authn_contexts(), ["urn:a"]);
        let wrong = read(incoming, &[ROGUE.peer()], false).unwrap_err();
        assert_eq!(wrong.code(), "signature-invalid", "a signature that is there must be right");
    }
    let unsigned = request().post(None).expect("a field");
    let bare = encode(&request(), SSO, None, None).expect("a URL");
    let bare = decode(bare.split_once('?').unwrap().1).expect("a message");
    for incoming in [Incoming::Post(&unsigned), Incoming::Redirect(&bare)] {
        assert!(!read(incoming, &keys, false).expect("a request").was_signed());
        assert_eq!(read(incoming, &keys, true).unwrap_err().code(), "signature-missing");
    }
}

#[test]
fn the_answer_goes_to_the_service_only() {
    let xml = request().unsigned();
    let url = format!("AssertionConsumerServiceURL=\"{ACS2}\"");
    assert!(xml.contains(&url));
    for (attribute, want) in [
        (url.clone(), Some(ACS2)),
        (format!("AssertionConsumerServiceURL=\"{ACS}\""), Some(ACS)),
        (String::new(), Some(ACS)),
        ("AssertionConsumerServiceIndex=\"1\"".to_owned(), Some(ACS2)),
        ("AssertionConsumerServiceIndex=\"2\"".to_owned(), None),
        ("AssertionConsumerServiceIndex=\"-1\"".to_owned(), None),
        (format!("{url} AssertionConsumerServiceIndex=\"1\""), None),
        (format!("AssertionConsumerServiceURL=\"{ACS2}/\""), None),
        (format!("AssertionConsumerServiceURL=\"{ACS2}?x\""), None),
        ("AssertionConsumerServiceURL=\"https://evil.example/acs\"".to_owned(), None),
        ("AssertionConsumerServiceURL=\"\"".to_owned(), None),
    ] {
        let verdict = read_xml(&xml.replace(&url, &attribute));
        match want {
            Some(want) => assert_eq!(verdict.expect(&attribute).acs(), want),
            None => assert_eq!(verdict.unwrap_err(), RequestRefusal::Acs, "{attribute}"),
        }
    }
}

#[test]
fn every_mutation_has_its_refusal() {
    let xml = request().unsigned();
    let cases = [
        ("<samlp:AuthnRequest ", "<samlp:AuthnRequest IsPassive=\"perhaps\" ", "request-form"),
        ("</samlp:AuthnRequest>", "<x/></samlp:AuthnRequest>", "request-form"),
        (" ID=\"_request1\"", "", "request-form"),
        ("IssueInstant=\"2027-01-15T08:00:00Z\"", "", "request-form"),
        ("Version=\"2.0\"", "Version=\"1.1\"", "version"),
        ("IssueInstant=\"2027-01-15T08:00:00Z\"", "IssueInstant=\"x\"", "time"),
        ("IssueInstant=\"2027-01-15T08:00:00Z\"", "IssueInstant=\"2027-01-15T07:51:59Z\"", "issue-instant"),
        (
            "Destination=\"https://idp.example/sso\"",
            "Destination=\"https://idp2.example/sso\"",
            "destination",
        ),
        (
            "<saml:Issuer>https://sp.example/saml<",
            "<saml:Issuer>https://sp2.example/saml<",
            "request-service",
        ),
        ("<saml:Issuer>https://sp.example/saml</saml:Issuer>", "", "request-service"),
        (
            "<saml:Issuer>https://sp.example/saml<",
            "<saml:Issuer>https://sp.example/saml<!----><",
            "xml-split-text",
        ),
        (ACS2, "https://evil.example/", "request-acs"),
        ("bindings:HTTP-POST", "bindings:HTTP-Artifact", "request-binding"),
        ("<saml:AuthnContextClassRef>urn:a<", "<saml:AuthnContextClassRef>ur<!---->n:a<", "xml-split-text"),
    ];
    for (from, to, want) in cases {
        assert_eq!(xml.matches(from).count(), 1, "{from}");
        assert_eq!(read_xml(&xml.replace(from, to)).unwrap_err().code(), want, "{from} -> {to}");
    }
    for code in RequestRefusal::CODES {
        assert!(cases.iter().any(|(_, _, want)| want == code), "{code} is not tested");
    }
    let many = "<saml:AuthnContextClassRef>x</saml:AuthnContextClassRef>".repeat(21);
    let many =
        xml.replace("</samlp:RequestedAuthnContext>", &format!("{many}</samlp:RequestedAuthnContext>"));
    assert_eq!(read_xml(&many).unwrap_err(), RequestRefusal::Form);
    let nowhere = xml.replace(" Destination=\"https://idp.example/sso\"", "");
    assert!(read_xml(&nowhere).is_ok(), "not signed, it may leave out where it goes");
    let template =
        nowhere.replacen("</saml:Issuer>", &format!("</saml:Issuer>{}", signature_template(REQUEST)), 1);
    assert_eq!(read_xml(&seal(&template, &IDP_EC)).unwrap_err(), RequestRefusal::Destination);
}
