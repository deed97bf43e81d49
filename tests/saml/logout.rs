//! Single logout: requests and responses by HTTP-POST, each mutation with its refusal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maverics::protocol::saml::logout::{
    Expected, Incoming, LogoutRefusal, LogoutRequest, LogoutResponse, verify_request, verify_response,
};
use maverics::protocol::saml::message::Outgoing;
use maverics::protocol::saml::names::{name_id, status};
use maverics::protocol::saml::{Common, NameId, PeerKey, Status};

use super::scene::*;

const SLO: &str = "https://sp.example/saml/slo";

fn name() -> NameId {
    NameId {
        name_qualifier: Some(IDP.to_owned()),
        sp_name_qualifier: Some(SP.to_owned()),
        sp_provided_id: Some("a & b".to_owned()),
        ..NameId::new("alice@example.org", name_id::PERSISTENT)
    }
}

fn common() -> Common<'static> {
    Common { id: "_logout1", issuer: IDP, destination: SLO, issued: NOW }
}

fn request() -> Outgoing {
    LogoutRequest {
        common: common(),
        name_id: &name(),
        session_indexes: &["_session1", "<2>"],
        not_on_or_after: NOW.plus(60),
    }
    .build()
}

fn answer(status: &Status) -> Outgoing {
    LogoutResponse { common: common(), in_response_to: "_ours", status }.build()
}

/// The document with its text changed before it is signed.
fn changed(message: &Outgoing, from: &str, to: &str) -> String {
    let xml = message.unsigned();
    assert_eq!(xml.matches(from).count(), 1, "`{from}` must be there once: {xml}");
    let template =
        xml.replacen("</saml:Issuer>", &format!("</saml:Issuer>{}", signature_template("_logout1")), 1);
    seal(&template.replace(from, to), &IDP_EC)
}

fn expected(keys: &[PeerKey]) -> Expected<'_> {
    Expected { issuer: IDP, keys, destination: SLO, skew_secs: 180 }
}

#[test]
fn a_request_names_person_and_sessions() {
    let keys = [IDP_RSA.peer()];
    let field = request().post(Some(&IDP_RSA.own())).expect("a field");
    let verified = verify_request(Incoming::Post(&field), &expected(&keys), NOW).expect("our own");
    assert_eq!((verified.issuer(), verified.id()), (IDP, "_logout1"));
    assert_eq!(verified.name_id(), &name());
    assert_eq!(verified.session_indexes(), ["_session1", "<2>"]);
    assert!(verify_request(Incoming::Post(&field), &expected(&keys), verified.replay_until()).is_err());
    let nobody = request().post(None).expect("a field");
    let refusal = verify_request(Incoming::Post(&nobody), &expected(&keys), NOW).unwrap_err();
    assert_eq!(refusal.code(), "signature-missing");
    let refusal = verify_response(Incoming::Post(&field), "_ours", &expected(&keys), NOW).unwrap_err();
    assert_eq!(refusal, LogoutRefusal::Form, "a request is no response");
}

#[test]
fn a_response_says_what_became_of_it() {
    let keys = [IDP_EC.peer()];
    for (status, success) in [
        (Status::of(status::SUCCESS, None), true),
        (Status::of(status::SUCCESS, Some(status::PARTIAL_LOGOUT)), true),
        (Status::of(status::RESPONDER, Some(status::PARTIAL_LOGOUT)), false),
    ] {
        let field = answer(&status).post(Some(&IDP_EC.own())).expect("a field");
        let verified =
            verify_response(Incoming::Post(&field), "_ours", &expected(&keys), NOW).expect("our own");
        assert_eq!((verified.status(), verified.status().is_success()), (&status, success));
        let refusal = verify_response(Incoming::Post(&field), "_other", &expected(&keys), NOW).unwrap_err();
        assert_eq!(refusal, LogoutRefusal::InResponseTo);
    }
}

#[test]
fn every_mutation_of_a_request_has_its_refusal() {
    let keys = [IDP_EC.peer()];
    let name = request().unsigned();
    let name = &name[name.find("<saml:NameID").unwrap()..name.find("</saml:NameID>").unwrap() + 14];
    let cases: &[(&str, &str, &str)] = &[
        ("Version=\"2.0\"", "Version=\"1.1\"", "version"),
        ("Destination=\"https://sp.example/saml/slo\"", "Destination=\"https://sp.example/\"", "destination"),
        ("Destination=\"https://sp.example/saml/slo\"", "", "destination"),
        ("IssueInstant=\"2027-01-15T08:00:00Z\"", "IssueInstant=\"2027-01-15T07:51:59Z\"", "issue-instant"),
        ("IssueInstant=\"2027-01-15T08:00:00Z\"", "IssueInstant=\"2027-01-15T08:03:01Z\"", "issue-instant"),
        ("IssueInstant=\"2027-01-15T08:00:00Z\"", "IssueInstant=\"now\"", "time"),
        ("IssueInstant=\"2027-01-15T08:00:00Z\"", "", "logout-form"),
        ("NotOnOrAfter=\"2027-01-15T08:01:00Z\"", "NotOnOrAfter=\"2027-01-15T07:57:00Z\"", "expired"),
        ("NotOnOrAfter=\"2027-01-15T08:01:00Z\"", "NotOnOrAfter=\"2027-01-15T08:01:00\"", "time"),
        ("<saml:Issuer>https://idp.example/saml<", "<saml:Issuer>https://idp2.example/saml<", "issuer"),
        (
            "<saml:Issuer>https://idp.example/saml<",
            "<saml:Issuer>https://idp.example/saml<!---->.evil<",
            "xml-split-text",
        ),
        (name, "", "name-id"),
        (name, "<saml:EncryptedID/>", "name-id"),
        (name, "<saml:NameID/>", "name-id"),
        ("alice@example.org", "alice<!---->@example.org", "xml-split-text"),
        ("<samlp:SessionIndex>_session1<", "<samlp:SessionIndex>_sess<![CDATA[i]]>on1<", "xml-split-text"),
        ("</samlp:LogoutRequest>", "<x/></samlp:LogoutRequest>", "logout-form"),
    ];
    for (from, to, code) in cases {
        let field = STANDARD.encode(changed(&request(), from, to));
        let refusal = verify_request(Incoming::Post(&field), &expected(&keys), NOW).unwrap_err();
        assert_eq!(refusal.code(), *code, "{from} -> {to}");
    }
    let elsewhere = ["in-response-to"];
    for code in LogoutRefusal::CODES {
        assert!(
            elsewhere.contains(code) || cases.iter().any(|(_, _, want)| want == code),
            "{code} is not tested"
        );
    }
    let field = STANDARD.encode(changed(&request(), "alice@", "admin@").replace("admin@", "alice@"));
    let refusal = verify_request(Incoming::Post(&field), &expected(&keys), NOW).unwrap_err();
    assert_eq!(refusal.code(), "signature-invalid");
    let many = format!("{}</samlp:LogoutRequest>", "<samlp:SessionIndex>x</samlp:SessionIndex>".repeat(101));
    let field = STANDARD.encode(changed(&request(), "</samlp:LogoutRequest>", &many));
    let refusal = verify_request(Incoming::Post(&field), &expected(&keys), NOW).unwrap_err();
    assert_eq!(refusal.code(), "logout-form");
}
