//! What is issued is verified, in every shape and with every kind of key; and what the expectations ask for.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maverics::protocol::saml::issue::IssueFault;
use maverics::protocol::saml::message::{AGE_SECS_MAX, SKEW_SECS_MAX};
use maverics::protocol::saml::names::{PASSWORD_PROTECTED, name_id};
use maverics::protocol::saml::response::{Expected, Meaning, Refusal, unverified_issuer, verify_post};
use maverics::protocol::saml::{Common, OwnKey, PeerKey, Status, issue as idp, names, response};

use super::scene::*;

#[test]
fn what_is_issued_is_verified_and_read() {
    for pair in [&*IDP_RSA, &*IDP_EC] {
        let key = pair.own();
        for (assertion, response, encrypted) in [
            (true, false, false),
            (false, true, false),
            (true, true, false),
            (true, false, true),
            (false, true, true),
            (true, true, true),
        ] {
            let shape = Shape { assertion, response, encrypted };
            let xml = issue(&key, shape);
            assert_eq!(xml.contains("alice"), !encrypted, "{shape:?}");
            let verified = verify(&xml).unwrap_or_else(|refusal| panic!("{shape:?}: {refusal}\n{xml}"));
            assert_eq!((verified.issuer(), verified.id()), (IDP, "_assertion1"));
            let name = verified.name_id().expect("a name");
            assert_eq!(
                (name.value.as_str(), name.format.as_deref(), name.sp_name_qualifier.as_deref()),
                ("alice@example.org", Some(name_id::PERSISTENT), Some(SP))
            );
            assert_eq!(verified.values(EMAIL), Some(vec![Some("alice@example.org")]));
            assert_eq!(
                verified.values("groups"),
                Some(vec![Some("staff"), Some("a,b;c"), Some(" <x> & \"y\"\r\n ")])
            );
            assert_eq!(verified.values("nothing"), Some(vec![None]));
            assert_eq!(verified.values("empty"), Some(vec![]));
            assert_eq!(verified.values("mail"), None, "a friendly name is nobody's name");
            assert_eq!(verified.authn_instant(), NOW);
            assert_eq!(verified.authn_context(), Some(PASSWORD_PROTECTED));
            assert_eq!(verified.session_index(), Some("_session1"));
            assert_eq!(verified.session_not_on_or_after(), Some(NOW.plus(28_800)));
            assert_eq!(verified.replay_until(), NOW.plus(300 + 180));
            assert_eq!(verified.was_encrypted(), encrypted);
            assert_eq!(verified.in_response_to(), Some(REQUEST));
        }
    }
}

/// One attribute that nobody here can read keeps nobody out, and is told from one without values.
#[test]
fn a_value_with_a_structure_of_its_own_is_not_read() {
    let value = "alice@example.org</saml2:AttributeValue>";
    for (structure, readable) in [
        ("<x xmlns=\"urn:x\">y</x>", false),
        ("<x xmlns=\"urn:x\"/><x xmlns=\"urn:x\"/>", false),
        ("<saml2:NameID>alice</saml2:NameID>", true),
        ("alice", true),
        ("", true),
    ] {
        let xml = template(ASSERTION);
        assert!(xml.contains(value));
        let sealed = seal(&xml.replace(value, &format!("{structure}</saml2:AttributeValue>")), &IDP_EC);
        let verified = verify(&sealed).unwrap_or_else(|refusal| panic!("{structure}: {refusal}"));
        assert_eq!(verified.attributes()[0].is_readable(), readable, "{structure}");
        assert_eq!(verified.attributes()[0].values().len(), usize::from(readable), "{structure}");
    }
}

/// The verdict under a changed expectation.
fn under(xml: &str, change: impl FnOnce(&mut Expected<'_>)) -> Result<(), String> {
    let (keys, own) = ([IDP_EC.peer(), IDP_RSA.peer()], [SP_RSA.own()]);
    let mut expected = expected(&keys, &own);
    change(&mut expected);
    response::verify(xml, &expected, NOW).map(|_| ()).map_err(|refusal| refusal.code().to_owned())
}

fn refused(code: &str) -> Result<(), String> {
    Err(code.to_owned())
}

#[test]
fn expectations_are_asked_for() {
    let key = IDP_EC.own();
    let signed = issue(&key, ASSERTION);
    assert_eq!(under(&signed, |e| e.signed_response = true), refused("signature-missing"));
    assert_eq!(under(&issue(&key, BOTH), |e| e.signed_response = true), Ok(()));
    let sealed = Shape { encrypted: true, ..ASSERTION };
    assert_eq!(under(&issue(&key, sealed), |e| e.signed_response = true), refused("signature-missing"));
    assert_eq!(under(&signed, |e| e.authn_contexts = &["urn:x", PASSWORD_PROTECTED]), Ok(()));
    assert_eq!(under(&signed, |e| e.authn_contexts = &["urn:x"]), refused("authn-context"));
    // ForceAuthn: after we asked, but for the clocks.
    assert_eq!(under(&signed, |e| e.authenticated_after = Some(NOW.plus(180))), Ok(()));
    assert_eq!(under(&signed, |e| e.authenticated_after = Some(NOW.plus(181))), refused("authn-instant"));
    // No key, or another provider's.
    assert_eq!(under(&signed, |e| e.idp_keys = &[]), refused("signature-invalid"));
    assert_eq!(under(&signed, |e| e.idp_entity_id = "https://idp2.example/saml"), refused("issuer"));
    assert_eq!(under(&signed, |e| e.acs = "https://sp.example/saml/acs2"), refused("destination"));
    assert_eq!(under(&signed, |e| e.entity_id = "https://sp2.example"), refused("audience"));
    static OTHER: LazyLock<[PeerKey; 1]> = LazyLock::new(|| [ROGUE.peer()]);
    assert_eq!(under(&signed, |e| e.idp_keys = &*OTHER), refused("signature-invalid"));
}

#[test]
fn nobody_asked_means_that_nothing_is_answered() {
    let key = IDP_EC.own();
    for shape in [ASSERTION, RESPONSE] {
        let unasked = issue_for(&key, shape, None);
        assert_eq!(under(&unasked, |e| e.request_id = None), Ok(()));
        assert_eq!(under(&unasked, |_| {}), refused("in-response-to"));
        assert_eq!(under(&issue(&key, shape), |e| e.request_id = None), refused("in-response-to"));
    }
    // The frame is not signed: what it leaves out, the confirmation still says.
    let asked = issue(&key, ASSERTION).replacen(&format!(" InResponseTo=\"{REQUEST}\""), "", 1);
    assert_eq!(under(&asked, |e| e.request_id = None), refused("in-response-to"));
}

#[test]
fn two_keys_to_decrypt_with() {
    let other = pair(&rcgen::PKCS_RSA_SHA256).own();
    let ec = IDP_EC.own();
    let sealed = issue(&ec, Shape { encrypted: true, ..ASSERTION });
    let keys = [IDP_EC.peer()];
    for (own, want) in [
        (vec![SP_RSA.own(), other], Ok(())),
        (vec![pair(&rcgen::PKCS_RSA_SHA256).own(), SP_RSA.own()], Ok(())),
        (vec![pair(&rcgen::PKCS_RSA_SHA256).own(), ec], refused("undecryptable")),
        (vec![], refused("undecryptable")),
    ] {
        let verdict = response::verify(&sealed, &expected(&keys, &own), NOW);
        assert_eq!(verdict.map(|_| ()).map_err(|refusal| refusal.code().to_owned()), want);
    }
}

#[test]
fn times_are_compared_with_the_clock_difference() {
    let key = IDP_EC.own();
    let xml = issue(&key, ASSERTION);
    for (seconds, want) in [
        (-180, Ok(())),
        (-181, refused("issue-instant")),
        (0, Ok(())),
        (479, Ok(())),
        (480, refused("expired")),
        (481, refused("issue-instant")),
    ] {
        let now = maverics::ambient::UnixSecs(NOW.0.saturating_add_signed(seconds));
        let verdict = verify_at(&xml, now).map(|_| ()).map_err(|refusal| refusal.code().to_owned());
        assert_eq!(verdict, want, "{seconds}");
    }
}

#[test]
fn what_must_be_remembered_has_an_end() {
    let xml = template(ASSERTION)
        .replace("NotOnOrAfter=\"2027-01-15T08:05:00.000Z\"", "NotOnOrAfter=\"9999-12-31T23:59:59Z\"");
    let verified = verify(&seal(&xml, &IDP_EC)).expect("an assertion for ever");
    let issued = NOW.0 - 2;
    assert_eq!(verified.replay_until().0, issued + SKEW_SECS_MAX + AGE_SECS_MAX + 1);
    assert!(verify_at(&seal(&xml, &IDP_EC), verified.replay_until()).is_err(), "by then it is too old");
}

#[test]
fn a_posted_field_is_base64_of_text() {
    let xml = issue(&IDP_EC.own(), ASSERTION);
    let field = STANDARD.encode(&xml);
    let (keys, own) = ([IDP_EC.peer()], [SP_RSA.own()]);
    let code = |field: &str| {
        verify_post(field, &expected(&keys, &own), NOW)
            .map(|_| ())
            .map_err(|refusal| refusal.code().to_owned())
    };
    let lines: Vec<&str> =
        field.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    for (field, want) in [
        (field.clone(), Ok(())),
        (format!(" {}\r\n\t", lines.join("\r\n")), Ok(())),
        (field.replace('=', ""), if field.ends_with('=') { refused("xml-encoding") } else { Ok(()) }),
        (format!("{field}="), refused("xml-encoding")),
        (format!("-{}", &field[1..]), refused("xml-encoding")),
        (STANDARD.encode([0xFF, 0xFE]), refused("xml-encoding")),
        (String::new(), refused("xml-malformed")),
        ("A".repeat(600 * 1024), refused("xml-too-large")),
        (xml.clone(), refused("xml-encoding")),
    ] {
        assert_eq!(code(&field), want, "{}", &field[..field.len().min(40)]);
    }
    assert_eq!(unverified_issuer(&field).as_deref(), Some(IDP));
    assert_eq!(unverified_issuer("*"), None);
}

#[test]
fn a_refusal_of_the_provider_is_understood() {
    let key = IDP_EC.own();
    let common = Common { id: "_r2", issuer: IDP, destination: ACS, issued: NOW };
    let mut status = Status::of(names::status::RESPONDER, Some(names::status::AUTHN_FAILED));
    status.message = Some(format!("<b>no</b>\r\nX-Evil: 1 {}", "x".repeat(1_000)));
    let refusal = idp::refuse(&common, Some(REQUEST), &status);
    for (xml, by_whom) in [(refusal.signed(&key).expect("signed"), true), (refusal.unsigned(), false)] {
        let Err(Refusal::Status { meaning, status, signed }) = verify(&xml) else { panic!("{xml}") };
        assert_eq!((meaning, signed), (Meaning::Denied, by_whom));
        let message = status.message.expect("words");
        assert_eq!(message.chars().count(), 200);
        assert!(message.starts_with("<b>no</b>") && !message.contains(char::is_control), "{message:?}");
    }
}

#[test]
fn nothing_goes_out_unsigned_or_half_encrypted() {
    let key = IDP_EC.own();
    let (ec, entropy) = (IDP_EC.peer(), maverics::ambient::Entropy::counted(1));
    let answer = |protection: &idp::Protection<'_>| {
        answered(Some(REQUEST), |answer| answer.issue(protection, &entropy))
    };
    let base = idp::Protection { key: &key, assertion: false, response: false, encrypt_to: None };
    assert_eq!(answer(&base), Err(IssueFault::Unsigned));
    let to_curve = idp::Protection { assertion: true, encrypt_to: Some(&ec), ..base };
    assert_eq!(answer(&to_curve), Err(IssueFault::Encrypt));
}

#[test]
fn keys_of_ours_are_checked() {
    let (rsa, ec) = (&*IDP_RSA, &*IDP_EC);
    let code = |key: &str, certificate: Option<&str>| {
        OwnKey::from_pem(key.as_bytes(), certificate.map(str::as_bytes))
            .map(|_| ())
            .map_err(|fault| fault.code())
    };
    assert_eq!(code(&rsa.key, None), Ok(()));
    assert_eq!(code(&rsa.key, Some(&ec.certificate)), Err("key-other-certificate"));
    assert_eq!(code(&rsa.key, Some("x")), Err("key-not-certificate"));
    assert_eq!(code(&rsa.certificate, None), Err("key-not-pem"));
    assert_eq!(code("", None), Err("key-not-pem"));
    let edwards = pair(&rcgen::PKCS_ED25519);
    assert_eq!(code(&edwards.key, None), Err("key-kind"));
    assert_eq!(
        PeerKey::from_pem(edwards.certificate.as_bytes()).map_err(|fault| fault.code()),
        Err("key-kind")
    );
    let key = rsa.own();
    assert_eq!(format!("{key:?}"), "OwnKey(RSA, 2048 bits, private)");
    assert!(key.decrypts() && !ec.own().decrypts());
    let peer = rsa.peer();
    assert_eq!(peer.not_after().0, 1_577_923_200, "2020-01-02, for reports only");
    assert_eq!(peer.fingerprint().len(), 64);
}
