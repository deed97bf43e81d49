//! The other way round: an answer and a request that samael makes, for `tests/saml/attacks/others.rs` to accept.

use std::path::Path;

use chrono::{Duration, Utc};
use openssl::pkey::PKey;
use openssl::x509::X509;
use samael::crypto::{Crypto, CryptoProvider};
use samael::idp::response_builder::{ResponseAttribute, build_response_template};
use samael::idp::sp_extractor::RequiredAttribute;
use samael::idp::{CertificateParams, IdentityProvider, KeyType, Rsa};
use samael::service_provider::ServiceProvider;
use samael::signature::DigestAlgorithm;
use samael::traits::ToXml;

use crate::manifest::Manifest;

type Anything = Box<dyn std::error::Error>;

/// Writes the certificate, the answer as samael makes it and as we want it, and the request into the folder.
pub fn make(folder: &Path, manifest: &Manifest) -> Result<(), Anything> {
    let provider = IdentityProvider::generate_new(KeyType::Rsa(Rsa::Rsa2048))?;
    let names = CertificateParams { common_name: "samael", issuer_name: "samael", days_until_expiration: 1 };
    let certificate = provider.create_certificate(&names)?;
    std::fs::write(folder.join("made.pem"), X509::from_der(certificate.der_data())?.to_pem()?)?;
    let key = provider.export_private_key_der()?;

    let attribute = ResponseAttribute {
        required_attribute: RequiredAttribute { name: "groups".to_owned(), format: None },
        value: "staff &amp; guests",
    };
    let mut answer = build_response_template(
        &certificate,
        "bob@example.org",
        &manifest.entity_id,
        &manifest.issuer,
        &manifest.acs,
        &manifest.request_id,
        &[attribute],
    );
    let xml = ToXml::to_string(&answer)?;
    std::fs::write(folder.join("made-as-it-is.xml"), Crypto::sign_xml(xml, &key)?)?;
    // It leaves the bearer without an end, and digests with SHA-1.
    let signature = answer.signature.as_mut().ok_or("no signature")?;
    for reference in &mut signature.signed_info.reference {
        reference.digest_method.algorithm = DigestAlgorithm::Sha256;
    }
    let assertion = answer.assertion.as_mut().ok_or("no assertion")?;
    let confirmations = assertion.subject.as_mut().and_then(|subject| subject.subject_confirmations.as_mut());
    for confirmation in confirmations.into_iter().flatten() {
        let data = confirmation.subject_confirmation_data.as_mut().ok_or("no confirmation data")?;
        data.not_on_or_after = Some(Utc::now() + Duration::minutes(5));
    }
    let xml = ToXml::to_string(&answer)?;
    std::fs::write(folder.join("made.xml"), Crypto::sign_xml(xml, &key)?)?;

    let service = ServiceProvider {
        entity_id: Some(manifest.entity_id.clone()),
        acs_url: Some(manifest.acs.clone()),
        force_authn: true,
        authn_name_id_format: Some(String::new()),
        ..ServiceProvider::default()
    };
    let request = service.make_authentication_request(&manifest.sso)?;
    let url = request.signed_redirect("a state & more", &PKey::private_key_from_der(&key)?)?;
    std::fs::write(folder.join("made.url"), url.ok_or("no address")?.as_str())?;
    Ok(())
}
