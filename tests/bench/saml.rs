//! What does an answer cost, made and verified? Input: a response with a name and two attributes, about 1 KiB
//! before its signature; RSA keys have 2048 bits. Throughput is bytes of the whole signed response.

use divan::Bencher;
use divan::counter::BytesCount;
use maverics::ambient::{Entropy, UnixSecs};
use maverics::protocol::saml::issue::{Answer, IssuedAttribute, Protection};
use maverics::protocol::saml::names::{PASSWORD_PROTECTED, attr_name, name_id};
use maverics::protocol::saml::response::{Expected, verify};
use maverics::protocol::saml::{Common, NameId, OwnKey, PeerKey};

const NOW: UnixSecs = UnixSecs(1_800_000_000);
const IDP: &str = "https://idp.example.com/saml";
const SP: &str = "https://orch.example.com/saml";
const ACS: &str = "https://orch.example.com/saml/acs";

fn keys(algorithm: &'static rcgen::SignatureAlgorithm) -> (OwnKey, PeerKey) {
    let pair = rcgen::KeyPair::generate_for(algorithm).expect("a key");
    let params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    let certificate = params.self_signed(&pair).expect("a certificate").pem();
    let own = OwnKey::from_pem(pair.serialize_pem().as_bytes(), Some(certificate.as_bytes())).expect("a key");
    (own, PeerKey::from_pem(certificate.as_bytes()).expect("a certificate"))
}

fn answer(key: &OwnKey, encrypt_to: Option<&PeerKey>) -> String {
    let name = NameId::new("alice@example.com", name_id::PERSISTENT);
    let attributes =
        [("mail", "alice@example.com"), ("displayName", "Alice")].map(|(name, value)| IssuedAttribute {
            name: name.to_owned(),
            name_format: attr_name::BASIC.to_owned(),
            friendly_name: None,
            values: vec![Some(value.to_owned())],
        });
    Answer {
        common: Common { id: "_response", issuer: IDP, destination: ACS, issued: NOW },
        assertion_id: "_assertion",
        in_response_to: Some("_request"),
        audience: SP,
        name_id: Some(&name),
        attributes: &attributes,
        authn_instant: NOW,
        authn_context: PASSWORD_PROTECTED,
        session_index: "_session",
        session_not_on_or_after: None,
        life_secs: 300,
    }
    .issue(&Protection { key, assertion: true, response: false, encrypt_to }, &Entropy::system())
    .expect("an answer")
}

fn sign(bencher: Bencher<'_, '_>, algorithm: &'static rcgen::SignatureAlgorithm) {
    let (key, _) = keys(algorithm);
    bencher.counter(BytesCount::new(answer(&key, None).len())).bench(|| answer(&key, None));
}

fn check(bencher: Bencher<'_, '_>, algorithm: &'static rcgen::SignatureAlgorithm, encrypted: bool) {
    let (key, peer) = keys(algorithm);
    let (own, to) = keys(&rcgen::PKCS_RSA_SHA256);
    let xml = answer(&key, encrypted.then_some(&to));
    let (idp_keys, decryption_keys) = ([peer], [own]);
    let expected = Expected {
        entity_id: SP,
        acs: ACS,
        request_id: Some("_request"),
        idp_entity_id: IDP,
        idp_keys: &idp_keys,
        decryption_keys: &decryption_keys,
        skew_secs: 180,
        authenticated_after: None,
        authn_contexts: &[],
        signed_response: false,
    };
    assert!(verify(&xml, &expected, NOW).is_ok(), "what is measured must be a success");
    bencher
        .counter(BytesCount::new(xml.len()))
        .bench(|| verify(divan::black_box(&xml), &expected, NOW).is_ok());
}

#[divan::bench]
fn issue_rsa(bencher: Bencher<'_, '_>) {
    sign(bencher, &rcgen::PKCS_RSA_SHA256);
}

#[divan::bench]
fn issue_p256(bencher: Bencher<'_, '_>) {
    sign(bencher, &rcgen::PKCS_ECDSA_P256_SHA256);
}

#[divan::bench]
fn verify_rsa(bencher: Bencher<'_, '_>) {
    check(bencher, &rcgen::PKCS_RSA_SHA256, false);
}

#[divan::bench]
fn verify_p256(bencher: Bencher<'_, '_>) {
    check(bencher, &rcgen::PKCS_ECDSA_P256_SHA256, false);
}

#[divan::bench]
fn verify_encrypted_rsa(bencher: Bencher<'_, '_>) {
    check(bencher, &rcgen::PKCS_RSA_SHA256, true);
}
