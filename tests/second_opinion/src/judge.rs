//! samael, asked as a service would ask it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use openssl::pkey::PKey;
use samael::crypto::{AllowedSignatureAlgorithm as Algorithm, CertificateDer, Crypto, CryptoProvider};
use samael::metadata::EntityDescriptor;
use samael::schema::Assertion;
use samael::service_provider::ServiceProvider;

use crate::manifest::{Attribute, Manifest, Person};

/// All but SHA-1 and DSA, as with us.
const ALGORITHMS: &[Algorithm] = &[
    Algorithm::RsaSha256,
    Algorithm::RsaSha384,
    Algorithm::RsaSha512,
    Algorithm::EcdsaSha256,
    Algorithm::EcdsaSha384,
    Algorithm::EcdsaSha512,
];

/// What samael says.
#[derive(Debug)]
pub enum Verdict {
    Accepts(Person),
    /// In its words; a panic too.
    Refuses(String),
}

/// One service for each key of the provider: samael gives up at the first certificate that is of another kind than
/// the signature.
pub struct Judge {
    services: Vec<(ServiceProvider, CertificateDer)>,
    request_id: String,
}

impl Judge {
    pub fn new(manifest: &Manifest) -> Result<Self, String> {
        let key = PKey::private_key_from_pem(manifest.decryption_key.as_bytes());
        let key = key.map_err(|error| format!("the service's key: {error}"))?;
        let service = |metadata: &String| {
            let idp_metadata: EntityDescriptor =
                metadata.parse().map_err(|error| format!("the provider's metadata: {error}"))?;
            let service = ServiceProvider {
                entity_id: Some(manifest.entity_id.clone()),
                acs_url: Some(manifest.acs.clone()),
                key: Some(key.clone()),
                idp_metadata,
                allow_idp_initiated: false,
                max_clock_skew: Duration::seconds(manifest.skew_secs),
                max_issue_delay: Duration::seconds(manifest.age_secs),
                allowed_signature_algorithms: Some(ALGORITHMS.to_vec()),
                ..ServiceProvider::default()
            };
            let certificates = service.idp_signing_certs().map_err(|error| error.to_string())?;
            // Without one it would not look at signatures at all.
            let [certificate] = &certificates.unwrap_or_default()[..] else {
                return Err("the provider's metadata has not one certificate".to_owned());
            };
            let certificate = certificate.clone();
            Ok((service, certificate))
        };
        let services = manifest.providers.iter().map(service).collect::<Result<_, String>>()?;
        Ok(Judge { services, request_id: manifest.request_id.clone() })
    }

    /// Accepts what it accepts with any of the keys.
    pub fn judge(&self, xml: &str) -> Verdict {
        let field = STANDARD.encode(xml);
        let mut why = String::new();
        for (service, _) in &self.services {
            let answer = catch_unwind(AssertUnwindSafe(|| {
                service
                    .parse_base64_response(&field, Some(&[&self.request_id]))
                    .map_err(|error| in_words(&*error))
            }));
            match answer {
                Ok(Ok(assertion)) => return Verdict::Accepts(person(&assertion)),
                // What it says behind the signature says more than that the other key does not fit.
                Ok(Err(error)) if why.is_empty() || !error.contains("must be signed") => why = error,
                Ok(Err(_)) => {}
                Err(panic) => why = format!("it panics: {}", panicked(&*panic)),
            }
        }
        Verdict::Refuses(why)
    }

    /// Whether libxmlsec1 alone finds the first signature good, whatever samael makes of the document.
    pub fn signature_is_good(&self, xml: &str) -> bool {
        self.services
            .iter()
            .any(|(_, certificate)| Crypto::verify_signed_xml(xml, certificate, Some("ID")).is_ok())
    }
}

/// An error with its causes.
fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Who it is about, as samael reads it.
fn person(assertion: &Assertion) -> Person {
    let name_id = assertion.subject.as_ref().and_then(|subject| subject.name_id.as_ref());
    let attributes =
        assertion.attribute_statements.iter().flatten().flat_map(|statement| &statement.attributes);
    Person {
        name_id: name_id.map(|name| name.value.clone()),
        attributes: attributes
            .map(|attribute| Attribute {
                name: attribute.name.clone().unwrap_or_default(),
                values: attribute.values.iter().map(|value| value.value.clone()).collect(),
            })
            .collect(),
    }
}
