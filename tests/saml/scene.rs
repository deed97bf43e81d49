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
    let to = SP_RSA.peer();
    let protection = Protection {
        key,
        assertion: shape.assertion,
        response: shape.response,
        encrypt_to: shape.encrypted.then_some(&to),
    };
    answered(in_response_to, |answer| answer.issue(&protection, &entropy)).expect("an answer")
}

/// Lends the provider's answer.
pub fn answered<T>(in_response_to: Option<&str>, with: impl FnOnce(&Answer<'_>) -> T) -> T {
    let name = NameId {
        sp_name_qualifier: Some(SP.to_owned()),
        ..NameId::new("alice@example.org", name_id::PERSISTENT)
    };
    with(&Answer {
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
    })
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

/// A provider's answer as another product would write it, with places for signatures; see [`seal`].
pub fn template(shape: Shape) -> String {
    assert!(shape.assertion != shape.response && !shape.encrypted, "one signature is sealed at a time");
    let place = |here: bool, id: &str| if here { signature_template(id) } else { String::new() };
    format!(
        r##"<?xml version="1.0" encoding="UTF-8"?>
<!-- an answer -->
<saml2p:Response xmlns:saml2p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:unused='urn:x:unused'
    Destination="{ACS}" ID="_response1" InResponseTo="{REQUEST}"
    IssueInstant="2027-01-15T07:59:59.5Z" Version='2.0'>
  <saml2:Issuer xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion"
      Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity">{IDP}</saml2:Issuer>{response}
  <saml2p:Status><saml2p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></saml2p:Status>
  <saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema"
      ID="_assertion1" IssueInstant="2027-01-15T07:59:58Z" Version="2.0">
    <saml2:Issuer>{IDP}</saml2:Issuer>{assertion}
    <saml2:Subject>
      <saml2:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice@example.org</saml2:NameID>
      <saml2:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
        <saml2:SubjectConfirmationData Address="192.0.2.1" InResponseTo="{REQUEST}"
            NotOnOrAfter="2027-01-15T08:05:00.000Z" Recipient="{ACS}"/>
      </saml2:SubjectConfirmation>
    </saml2:Subject>
    <saml2:Conditions NotBefore="2027-01-15T07:55:00Z" NotOnOrAfter="2027-01-15T08:05:01Z">
      <saml2:AudienceRestriction><saml2:Audience>{SP}</saml2:Audience></saml2:AudienceRestriction>
      <saml2:OneTimeUse/>
    </saml2:Conditions>
    <saml2:AuthnStatement AuthnInstant="2027-01-15T07:59:57Z" SessionIndex="_session1"
        SessionNotOnOrAfter="2027-01-15T16:00:00Z">
      <saml2:SubjectLocality Address="192.0.2.1"/>
      <saml2:AuthnContext>
        <saml2:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml2:AuthnContextClassRef>
      </saml2:AuthnContext>
    </saml2:AuthnStatement>
    <saml2:AttributeStatement>
      <saml2:Attribute Name="{EMAIL}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">
        <saml2:AttributeValue xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
            xsi:type="xs:string">alice@example.org</saml2:AttributeValue>
      </saml2:Attribute>
    </saml2:AttributeStatement>
  </saml2:Assertion>
</saml2p:Response>
"##,
        response = place(shape.response, "_response1"),
        assertion = place(shape.assertion, "_assertion1"),
    )
}

pub fn signature_template(id: &str) -> String {
    format!(
        r##"
    <ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
      <ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
      <ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/>
      <ds:Reference URI="#{id}"><ds:Transforms>
          <ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
          <ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="xs"/></ds:Transform>
        </ds:Transforms>
        <ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>
        <ds:DigestValue></ds:DigestValue>
      </ds:Reference></ds:SignedInfo>
      <ds:SignatureValue></ds:SignatureValue>
    </ds:Signature>"##
    )
}

/// Fills in the first signature of a document as the library does, which is not how we sign.
pub fn seal(template: &str, pair: &Pair) -> String {
    try_seal(template, pair).unwrap_or_else(|| panic!("cannot be sealed: {template}"))
}

pub fn try_seal(template: &str, pair: &Pair) -> Option<String> {
    let mut keys = bergshamra::KeysManager::new();
    keys.add_key(bergshamra::keys::loader::load_pem_auto(pair.key.as_bytes(), None).expect("a key"));
    // Permissive: it must also make what we are to refuse.
    let context = bergshamra::DsigContext::new_permissive(keys);
    bergshamra::sign(&context, template).ok()
}

/// An `EncryptedAssertion` for the service around any text.
pub fn encrypt(plain: &str) -> String {
    encrypt_with(plain, &aws_lc_rs::aead::AES_256_GCM, "aes256-gcm")
}

/// The same with a cipher and the end of its name.
pub fn encrypt_with(plain: &str, cipher: &'static aws_lc_rs::aead::Algorithm, name: &str) -> String {
    use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
    use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let certificate = SP_RSA.peer();
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate.certificate()).expect("a certificate");
    let public = PublicEncryptingKey::from_der(parsed.public_key().raw).expect("an RSA key");
    let oaep = OaepPublicEncryptingKey::new(public).expect("OAEP");
    let mut room = vec![0; oaep.ciphertext_size()];
    let secret = &[7; 32][..cipher.key_len()];
    let wrapped = oaep.encrypt(&OAEP_SHA1_MGF1SHA1, secret, &mut room, None).expect("a wrapped key");
    let key = LessSafeKey::new(UnboundKey::new(cipher, secret).expect("a key"));
    let mut sealed = plain.as_bytes().to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key([9; 12]), Aad::empty(), &mut sealed)
        .expect("sealed");
    format!(
        r#"<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><e:EncryptedData xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#{name}"/><k:KeyInfo xmlns:k="http://www.w3.org/2000/09/xmldsig#"><e:EncryptedKey><e:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/><e:CipherData><e:CipherValue>{}</e:CipherValue></e:CipherData></e:EncryptedKey></k:KeyInfo><e:CipherData><e:CipherValue>{}</e:CipherValue></e:CipherData></e:EncryptedData></saml:EncryptedAssertion>"#,
        STANDARD.encode(wrapped),
        STANDARD.encode([&[9; 12][..], &sealed].concat()),
    )
}
