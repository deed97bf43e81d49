//! HTTP-Redirect: what is sent, and that what is received is verified as it was received.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, write::DeflateEncoder};
use maverics::protocol::saml::logout::{
    Incoming, LogoutRequest, LogoutResponse, verify_request, verify_response,
};
use maverics::protocol::saml::message::{Kind, Outgoing};
use maverics::protocol::saml::names::{ENCODING_DEFLATE, name_id, status};
use maverics::protocol::saml::redirect::{EncodeFault, RedirectFault, decode, encode};
use maverics::protocol::saml::{AuthnRequest, Common, NameId, OwnKey, Status, logout};
use std::io::Write as _;

use super::scene::*;

const SLO: &str = "https://sp.example/saml/slo";

fn logout_request() -> Outgoing {
    let name = NameId::new("alice@example.org", name_id::PERSISTENT);
    LogoutRequest {
        common: Common { id: "_logout1", issuer: IDP, destination: SLO, issued: NOW },
        name_id: &name,
        session_indexes: &["_session1"],
        not_on_or_after: NOW.plus(300),
    }
    .build()
}

fn query(url: &str) -> &str {
    url.split_once('?').expect("a query").1
}

fn verdict(query: &str) -> Result<(), String> {
    let message = decode(query).map_err(|fault| fault.code().to_owned())?;
    let keys = [IDP_EC.peer(), IDP_RSA.peer()];
    let expected = logout::Expected { issuer: IDP, keys: &keys, destination: SLO, skew_secs: 180 };
    verify_request(Incoming::Redirect(&message), &expected, NOW)
        .map(|_| ())
        .map_err(|refusal| refusal.code().to_owned())
}

#[test]
fn a_request_is_readable_and_complete() {
    let request = AuthnRequest {
        common: Common { id: REQUEST, issuer: SP, destination: "https://idp.example/sso", issued: NOW },
        acs: ACS,
        force_authn: true,
        is_passive: false,
        name_id_format: Some(name_id::PERSISTENT),
        authn_contexts: &["urn:a", "urn:b"],
    }
    .build();
    assert_eq!((request.id(), request.kind()), (REQUEST, Kind::Request));
    let url = encode(&request, "https://idp.example/sso?tenant=1", Some("handle 1/+"), None).expect("a URL");
    assert!(url.starts_with("https://idp.example/sso?tenant=1&SAMLRequest="), "{url}");
    assert!(url.ends_with("&RelayState=handle%201%2F%2B"), "{url}");
    let message = decode(query(&url)).expect("our own");
    assert_eq!(
        (message.kind(), message.relay_state(), message.has_signature()),
        (Kind::Request, Some("handle 1/+"), false)
    );
    assert_eq!(
        message.xml(),
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_request1\" Version=\"2.0\" \
         IssueInstant=\"2027-01-15T08:00:00Z\" Destination=\"https://idp.example/sso\" \
         AssertionConsumerServiceURL=\"https://sp.example/saml/acs\" \
         ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" ForceAuthn=\"true\">\
         <saml:Issuer>https://sp.example/saml</saml:Issuer>\
         <samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\" AllowCreate=\"true\"/>\
         <samlp:RequestedAuthnContext Comparison=\"exact\">\
         <saml:AuthnContextClassRef>urn:a</saml:AuthnContextClassRef>\
         <saml:AuthnContextClassRef>urn:b</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>\
         </samlp:AuthnRequest>"
    );
    let long = "x".repeat(1025);
    assert_eq!(encode(&request, "https://idp.example/sso", Some(&long), None), Err(EncodeFault::RelayState));
}

#[test]
fn what_is_signed_is_the_string_as_it_came() {
    for key in [IDP_RSA.own(), IDP_EC.own()] {
        let url = encode(&logout_request(), SLO, Some("a b/c"), Some(&key)).expect("a URL");
        let query = query(&url);
        assert_eq!(verdict(query), Ok(()));
        // Another order, and parameters of others, are the sender's affair.
        let parts: Vec<&str> = query.split('&').collect();
        let turned: Vec<&str> = parts.iter().rev().copied().collect();
        assert_eq!(verdict(&turned.join("&")), Ok(()));
        assert_eq!(verdict(&format!("x=1&{query}&y=%FF")), Ok(()));
        assert_eq!(verdict(&format!("%FF=1&{query}")), Err("redirect-encoding".to_owned()));
        assert_eq!(verdict(&format!("x=1&{query}&y")), Ok(()));
        // Re-encoded, though it means the same: another string.
        assert_eq!(verdict(&query.replace("a%20b%2Fc", "a+b%2Fc")), Err("signature-invalid".to_owned()));
        assert_eq!(verdict(&query.replace("%2F", "%2f")), Err("signature-invalid".to_owned()));
        assert_eq!(verdict(&query.replace("a%20b%2Fc", "a%20b%2Fd")), Err("signature-invalid".to_owned()));
        assert_eq!(verdict(&query.replace("&RelayState=a%20b%2Fc", "")), Err("signature-invalid".to_owned()));
    }
}

/// An answer to a logout by Redirect may lack its destination, which Entra ID's does; a request may not.
#[test]
fn an_answer_to_a_logout_need_not_say_where_it_goes() {
    let keys = [IDP_RSA.peer()];
    let expected = logout::Expected { issuer: IDP, keys: &keys, destination: SLO, skew_secs: 180 };
    let status = Status::of(status::SUCCESS, None);
    let common = Common { id: "_a", issuer: IDP, destination: SLO, issued: NOW };
    let answer = LogoutResponse { common, in_response_to: "_ours", status: &status }.build();
    let destination = format!(" Destination=\"{SLO}\"");
    let elsewhere = destination.replace("sp.", "other.");
    let query = |parameter: &str, xml: &str| {
        let packed = STANDARD.encode(deflated(xml.as_bytes())).replace('+', "%2B").replace('=', "%3D");
        let algorithm = "http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256";
        signed(&format!("{parameter}={packed}&SigAlg={algorithm}"), &IDP_RSA.own())
    };
    for (said, want) in [
        (destination.as_str(), Ok(())),
        ("", Ok(())),
        (&elsewhere, Err("destination".to_owned())),
        (" Destination=\"\"", Err("destination".to_owned())),
    ] {
        let xml = answer.unsigned();
        assert!(xml.contains(&destination));
        let query = query("SAMLResponse", &xml.replace(&destination, said));
        let message = decode(&query).expect("a message");
        let verdict = verify_response(Incoming::Redirect(&message), "_ours", &expected, NOW);
        assert_eq!(verdict.map(|_| ()).map_err(|refusal| refusal.code().to_owned()), want, "{said}");
    }
    let request = logout_request().unsigned().replace(&destination, "");
    assert_eq!(verdict(&query("SAMLRequest", &request)), Err("destination".to_owned()));
}

/// Signs a query that another product would write.
fn signed(query: &str, key: &OwnKey) -> String {
    let value = STANDARD.encode(key.sign(query.as_bytes()).expect("a signature"));
    format!("{query}&Signature={}", value.replace('+', "%2b").replace('/', "%2f").replace('=', "%3d"))
}

#[test]
fn other_encodings_of_the_same_are_accepted() {
    let key = IDP_RSA.own();
    let packed = STANDARD.encode(deflated(logout_request().unsigned().as_bytes()));
    let lower = packed.replace('+', "%2b").replace('/', "%2f").replace('=', "%3d");
    let algorithm = "http%3a%2f%2fwww.w3.org%2f2001%2f04%2fxmldsig-more%23rsa-sha256";
    for query in [
        format!("SAMLRequest={lower}&RelayState=a+b%2fc&SigAlg={algorithm}"),
        format!("SAMLRequest={lower}&RelayState=a%20b/c&SigAlg={algorithm}"),
        format!("SAMLRequest={lower}&RelayState=&SigAlg={algorithm}"),
        format!("SAMLRequest={lower}&SigAlg=http://www.w3.org/2001/04/xmldsig-more%23rsa-sha256"),
    ] {
        assert_eq!(verdict(&signed(&query, &key)), Ok(()), "{query}");
        let (before, after) = query.split_at(query.find("&SigAlg").unwrap());
        let with_encoding = format!("{before}&SAMLEncoding={}{after}", ENCODING_DEFLATE.replace(':', "%3A"));
        assert!(decode(&signed(&with_encoding, &key)).is_ok());
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn packed(bytes: &[u8]) -> String {
    format!("SAMLRequest={}", STANDARD.encode(bytes).replace('+', "%2B").replace('=', "%3D"))
}

#[test]
fn every_fault_of_a_query_has_its_case() {
    use RedirectFault as F;
    let url = encode(&logout_request(), SLO, Some("state"), Some(&IDP_EC.own())).unwrap();
    let query = query(&url);
    let message = query.split('&').next().unwrap();
    let bytes = deflated(logout_request().unsigned().as_bytes());
    let with = |extra: &[u8]| packed(&[&bytes[..], extra].concat());
    let cases = [
        ("too long", "x".repeat(64 * 1024 + 1), F::TooLong),
        ("message twice", format!("{query}&{message}"), F::Repeated),
        ("message twice, once in escapes", format!("{query}&SAML%52equest=x"), F::Repeated),
        ("a name in escapes", query.replace("SAMLRequest", "SAMLReques%74"), F::Repeated),
        ("relay state twice", format!("{query}&RelayState=x"), F::Repeated),
        ("signature twice", format!("{query}&Signature=x"), F::Repeated),
        ("algorithm twice", format!("SigAlg=x&{query}"), F::Repeated),
        ("request and response", format!("{query}&SAMLResponse=x"), F::Repeated),
        ("nothing", String::new(), F::NoMessage),
        ("other parameters", "a=b&c".to_owned(), F::NoMessage),
        ("another encoding", format!("{query}&SAMLEncoding=urn%3Ax"), F::OtherEncoding),
        ("no base64", "SAMLRequest=*".to_owned(), F::Encoding),
        (
            "a plus that is a space",
            message.replace("%2B", "+").replace("SAMLRequest=", "SAMLRequest=A+"),
            F::Encoding,
        ),
        ("no DEFLATE", packed(b"<x/>"), F::Encoding),
        ("with the header of zlib", packed(&[&[0x78, 0x9C], &bytes[..]].concat()), F::Encoding),
        ("nothing inside", "SAMLRequest=".to_owned(), F::Encoding),
        ("cut short", packed(&bytes[..bytes.len() - 1]), F::Encoding),
        ("trailing data", with(b"x"), F::Encoding),
        ("a second stream", with(&bytes), F::Encoding),
        ("no UTF-8", packed(&deflated(&[0xC3, 0x28])), F::Encoding),
        ("a bomb by ratio", packed(&deflated(&vec![b' '; 200 * 1024])), F::Bomb),
        ("a bomb by size", packed(&deflated(&noise(300 * 1024))), F::Bomb),
        ("a large bomb", packed(&deflated(&vec![0; 4 << 20])), F::Bomb),
        ("a long relay state", format!("{message}&RelayState={}", "x".repeat(1025)), F::RelayState),
        ("a relay state that is no text", format!("{message}&RelayState=%FF"), F::RelayState),
        ("an algorithm without a signature", format!("{message}&SigAlg=x"), F::Signature),
        ("a signature without an algorithm", format!("{message}&Signature=AAAA"), F::Signature),
        ("a signature that is no base64", format!("{message}&SigAlg=x&Signature=*"), F::Signature),
    ];
    for (name, query, want) in &cases {
        assert_eq!(decode(query).map(|_| ()), Err(*want), "{name}");
    }
    for fault in F::ALL {
        assert!(cases.iter().any(|(_, _, want)| want == fault), "no case expects {fault:?}");
    }
}

/// Text that compresses tenfold, and not a hundredfold.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 29 == 0 { b'b' } else { b'a' }
        })
        .collect()
}

#[test]
fn the_algorithm_is_one_of_ours() {
    let key = IDP_RSA.own();
    let message = packed(&deflated(logout_request().unsigned().as_bytes()));
    for (algorithm, want) in [
        ("http://www.w3.org/2001/04/xmldsig-more%23rsa-sha256", Ok(())),
        ("http://www.w3.org/2000/09/xmldsig%23rsa-sha1", Err("signature-algorithm")),
        ("http://www.w3.org/2001/04/xmldsig-more%23rsa-sha512", Err("signature-invalid")),
        ("http://www.w3.org/2001/04/xmldsig-more%23ecdsa-sha256", Err("signature-invalid")),
        ("http://www.w3.org/2001/04/xmldsig-more%23hmac-sha256", Err("signature-algorithm")),
        ("", Err("signature-algorithm")),
    ] {
        let query = signed(&format!("{message}&SigAlg={algorithm}"), &key);
        assert_eq!(verdict(&query), want.map_err(str::to_owned), "{algorithm}");
    }
    assert_eq!(verdict(&message), Err("signature-missing".to_owned()));
    // An XML signature inside a query is one that nobody would look at (Bindings 3.4.4.1).
    let inside = packed(&deflated(logout_request().signed(&key).unwrap().as_bytes()));
    let query = format!("{inside}&SigAlg=http://www.w3.org/2001/04/xmldsig-more%23rsa-sha256");
    assert_eq!(verdict(&signed(&query, &key)), Err("signature-misplaced".to_owned()));
}
