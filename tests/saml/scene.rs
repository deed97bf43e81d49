//! A provider, a service, and the answer of one to the other.

use std::sync::LazyLock;

use maverics::ambient::{Entropy, UnixSecs};
use maverics::protocol::saml::issue::{Answer, IssuedAttribute, Protection};
use maverics::protocol::saml::names::{PASSWORD_PROTECTED, attr_name, name_id};
use maverics::protocol::saml::response::{Expected, Refusal};
use maverics::protocol::saml::{Common, NameId, OwnKey, PeerKey, VerifiedAssertion, response};

pub const NOW: UnixSecs = UnixSecs(1_800_000_000);
pub const IDP: &str = "https://idp.example/saml";
pub const SP: &str = "https://sp.example/saml";
pub const ACS: &str = "https://sp.example/saml/acs";
pub const REQUEST: &str = "_request1";
pub const EMAIL: &str = "urn:oid:0.9.2342.19200300.100.1.3";

/// A key with its certificate, in PEM.
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Pair {
    pub fn own(&self) -> OwnKey {
        OwnKey::from_pem(self.key.as_bytes(), Some(self.certificate.as_bytes())).expect("a usable key")
    }

    pub fn peer(&self) -> PeerKey {
        PeerKey::from_pem(self.certificate.as_bytes()).expect("a usable certificate")
    }
}

pub fn pair(algorithm: &'static rcgen::SignatureAlgorithm) -> Pair {
    let key = rcgen::KeyPair::generate_for(algorithm).expect("a key");
    let mut params = rcgen::CertificateParams::new(vec!["idp.example".to_owned()]).expect("parameters");
    // Long ago: metadata is what is trusted, and the certificate only carries the key.
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    Pair { certificate: params.self_signed(&key).expect("a certificate").pem(), key: key.serialize_pem() }
}

pub static IDP_RSA: LazyLock<Pair> = LazyLock::new(|| pair(&rcgen::PKCS_RSA_SHA256));
pub static IDP_EC: LazyLock<Pair> = LazyLock::new(|| pair(&rcgen::PKCS_ECDSA_P256_SHA256));
pub static SP_RSA: LazyLock<Pair> = LazyLock::new(|| pair(&rcgen::PKCS_RSA_SHA256));
pub static ROGUE: LazyLock<Pair> = LazyLock::new(|| pair(&rcgen::PKCS_ECDSA_P256_SHA256));

/// What is signed, and whether the assertion is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub assertion: bool,
    pub response: bool,
    pub encrypted: bool,
}

pub const ASSERTION: Shape = Shape { assertion: true, response: false, encrypted: false };
pub const RESPONSE: Shape = Shape { assertion: false, response: true, encrypted: false };
pub const BOTH: Shape = Shape { assertion: true, response: true, encrypted: false };

pub fn attributes() -> Vec<IssuedAttribute> {
    let attribute = |name: &str, friendly: &str, values: &[Option<&str>]| IssuedAttribute {
        name: name.to_owned(),
        name_format: attr_name::URI.to_owned(),
        friendly_name: Some(friendly.to_owned()),
        values: values.iter().map(|value| value.map(str::to_owned)).collect(),
    };
    vec![
        attribute(EMAIL, "mail", &[Some("alice@example.org")]),
        attribute("groups", "groups", &[Some("staff"), Some("a,b;c"), Some(" <x> & \"y\"\r\n ")]),
        attribute("nothing", "nothing", &[None]),
        attribute("empty", "empty", &[]),
    ]
}

/// The provider's answer to [`REQUEST`].
pub fn issue(key: &OwnKey, shape: Shape) -> String {
    issue_for(key, shape, Some(REQUEST))
}

pub fn issue_for(key: &OwnKey, shape: Shape, in_response_to: Option<&str>) -> String {
    let entropy = Entropy::counted(1);
    let name = NameId {
        sp_name_qualifier: Some(SP.to_owned()),
        ..NameId::new("alice@example.org", name_id::PERSISTENT)
    };
    let to = SP_RSA.peer();
    Answer {
        common: Common { id: "_response1", issuer: IDP, destination: ACS, issued: NOW },
        assertion_id: "_assertion1",
        in_response_to,
        audience: SP,
        name_id: Some(&name),
        attributes: &attributes(),
        authn_instant: NOW,
        authn_context: PASSWORD_PROTECTED,
        session_index: "_session1",
        session_not_on_or_after: Some(NOW.plus(28_800)),
        life_secs: 300,
    }
    .issue(
        &Protection {
            key,
            assertion: shape.assertion,
            response: shape.response,
            encrypt_to: shape.encrypted.then_some(&to),
        },
        &entropy,
    )
    .expect("an answer")
}

/// What the service expects of it.
pub fn expected<'a>(keys: &'a [PeerKey], own: &'a [OwnKey]) -> Expected<'a> {
    Expected {
        entity_id: SP,
        acs: ACS,
        request_id: Some(REQUEST),
        idp_entity_id: IDP,
        idp_keys: keys,
        decryption_keys: own,
        skew_secs: 180,
        authenticated_after: None,
        authn_contexts: &[],
        signed_response: false,
    }
}

/// The service's verdict on a document, with both keys of the provider and its own.
pub fn verify(xml: &str) -> Result<VerifiedAssertion, Refusal> {
    verify_at(xml, NOW)
}

pub fn verify_at(xml: &str, now: UnixSecs) -> Result<VerifiedAssertion, Refusal> {
    static KEYS: LazyLock<[PeerKey; 2]> = LazyLock::new(|| [IDP_EC.peer(), IDP_RSA.peer()]);
    static OWN: LazyLock<[OwnKey; 1]> = LazyLock::new(|| [SP_RSA.own()]);
    response::verify(xml, &expected(&*KEYS, &*OWN), now)
}
