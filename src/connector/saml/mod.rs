//! `type: saml`, and `azure` with `authType: saml`: sign-in by the Web Browser SSO profile, as service provider.

mod begin;
mod check;
mod complete;
pub mod config;
mod logout;
mod metadata;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Answer, Begin, BeginRequest, CompleteRequest, Connector, Entry, Fault, Identity, Kept, Kind, LoggedOut,
    LogoutRequest, Opening, Section,
};
use crate::ambient::{Clock, Entropy, UnixSecs};
use crate::config::{schema, section};
use crate::diag::Level;
use crate::files::{self, FILE_BYTES_MAX};
use crate::health::Verdict;
use crate::health::http::CustomEndpoint;
use crate::net::Client;
use crate::protocol::oauth::Params;
use crate::protocol::saml::describe::SpMetadata;
use crate::protocol::saml::keys::{OwnKey, PeerKey};
use crate::value::SecretText;

use config::Config;
use metadata::Metadata;

/// The line for the table.
pub static KIND: Kind = Kind { type_names: &["saml"], schema: branches, read };

/// Media type of metadata (Metadata appendix A).
const METADATA_TYPE: &str = "application/samlmetadata+xml";

fn branches(generator: &mut schemars::SchemaGenerator) -> Vec<super::Branch> {
    let shape = schema::of::<Config>(generator);
    vec![(vec![("type", "saml")], shape.clone()), (vec![("type", "azure"), ("authType", "saml")], shape)]
}

fn read(section: &mut Section<'_>) -> Option<Entry> {
    let before = section.findings.len();
    let config: Config = section::read(section.document, section.pointer, section.value, section.findings)?;
    config.check(section);
    (section.findings[before..].iter().all(|f| f.level < Level::Error)).then(|| Entry::Idp(Arc::new(config)))
}

/// An opened SAML identity provider.
pub struct SamlConnector {
    config: Arc<Config>,
    entity_id: String,
    /// Ours; a list, because that is how decryption takes them.
    keys: Vec<OwnKey>,
    metadata: Arc<Metadata>,
    client: Client,
    custom: Option<CustomEndpoint>,
    clock: Clock,
    entropy: Entropy,
}

impl SamlConnector {
    pub(super) fn open(config: Arc<Config>, opening: &Opening<'_>) -> Result<Arc<dyn Connector>, String> {
        let custom = match config.common.health_check.as_ref().and_then(|c| c.custom_endpoint.as_ref()) {
            Some(custom) => Some(super::custom_endpoint(custom, opening)?),
            None => None,
        };
        let pem = |key: &str, text: &Option<SecretText>| {
            text.as_ref().map(|text| pem(key, text, opening)).transpose()
        };
        let pinned = pem("samlMetadataCertPath", &config.saml_metadata_cert_path)?;
        let pinned = pinned.map(|pem| PeerKey::from_pem(&pem)).transpose();
        let pinned = pinned.map_err(|e| format!("samlMetadataCertPath: {e}"))?;
        let certificate = pem("samlSPCertPath", &config.saml_sp_cert_path)?;
        let keys = match pem("samlSPKeyPath", &config.saml_sp_key_path)? {
            Some(key) => {
                let key = OwnKey::from_pem(&key, certificate.as_deref().map(Vec::as_slice));
                vec![key.map_err(|e| format!("samlSPKeyPath, samlSPCertPath: {e}"))?]
            }
            None => Vec::new(),
        };
        Ok(Arc::new(SamlConnector {
            entity_id: config.entity_id(),
            keys,
            metadata: Metadata::open(&config, pinned, opening)?,
            client: opening.client.clone(),
            custom,
            clock: opening.clock.clone(),
            entropy: opening.entropy.clone(),
            config,
        }))
    }

    fn key(&self) -> Option<&OwnKey> {
        self.keys.first()
    }

    /// When this process began: what it remembers of answers that came unasked goes back so far.
    fn started(&self) -> UnixSecs {
        // Not later than the second in which it did, which is as exact as an instant of issue is.
        UnixSecs(self.clock.unix().0.saturating_sub(self.clock.millis().0.div_ceil(1000)))
    }

    fn acs(&self) -> &str {
        self.config.saml_consumer_service_url.as_str()
    }
}

/// The PEM text of a path or a secret.
fn pem(key: &str, text: &SecretText, opening: &Opening<'_>) -> Result<zeroize::Zeroizing<Vec<u8>>, String> {
    let bytes = match config::path_of(text) {
        Some(path) => {
            files::read(Path::new(path), FILE_BYTES_MAX).map_err(|e| format!("{key} `{path}`: {e}"))?
        }
        None => {
            let secret = opening.keyring.open(text).ok_or("a secret was not unlocked")?;
            secret.expose().as_bytes().to_vec()
        }
    };
    Ok(zeroize::Zeroizing::new(bytes))
}

impl Connector for SamlConnector {
    fn probe(&self, budget: Duration) -> Answer<'_, Verdict> {
        Box::pin(async move {
            let begun = tokio::time::Instant::now();
            let verdict = match &self.custom {
                Some(custom) => custom.ask(budget).await,
                None => check::probe(self, budget).await,
            };
            match self.config.common.health_check.as_ref().and_then(|check| check.deep_probe.as_ref()) {
                Some(deep) if deep.enabled => {
                    check::deep(self, verdict, budget.saturating_sub(begun.elapsed())).await
                }
                _ => verdict,
            }
        })
    }

    fn pre_flight(&self, budget: Duration) -> Answer<'_, Verdict> {
        Box::pin(async move {
            match &self.custom {
                Some(custom) => custom.ask(budget).await,
                None => check::pre_flight(self, budget).await,
            }
        })
    }

    fn check(&self, budget: Duration) -> Answer<'_, Verdict> {
        Box::pin(async move {
            match &self.custom {
                Some(custom) => {
                    let verdict = custom.ask(budget).await;
                    if verdict.is_well() { check::check(self, budget).await } else { verdict }
                }
                None => check::check(self, budget).await,
            }
        })
    }

    fn documents_age_secs(&self) -> Option<u64> {
        self.metadata.known_age_secs()
    }

    fn keep_fresh(&self) -> Answer<'_, ()> {
        Box::pin(self.metadata.keep_fresh())
    }

    fn drop_cache(&self) {
        self.metadata.drop_all();
    }

    fn begin<'a>(&'a self, request: &'a BeginRequest) -> Answer<'a, Result<Begin, Fault>> {
        Box::pin(begin::begin(self, request))
    }

    fn complete<'a>(&'a self, request: CompleteRequest<'a>) -> Answer<'a, Result<Identity, Fault>> {
        Box::pin(complete::complete(self, request))
    }

    fn unsolicited<'a>(&'a self, params: &'a Params) -> Answer<'a, Result<Identity, Fault>> {
        Box::pin(complete::unsolicited(self, params))
    }

    fn answered_state<'p>(&self, params: &'p Params) -> Option<&'p str> {
        let answers = params.count("SAMLResponse") == 1 && params.count("RelayState") == 1;
        params.get("RelayState").filter(|_| answers)
    }

    fn own_metadata(&self) -> Option<(&'static str, String)> {
        let certificates: Vec<&PeerKey> = self.key().and_then(OwnKey::certificate).into_iter().collect();
        let decrypting = self.config.saml_wants_encryption && self.key().is_some_and(OwnKey::decrypts);
        let format = self.config.saml_name_id_format.as_deref();
        let description = SpMetadata {
            entity_id: &self.entity_id,
            acs: self.acs(),
            slo: self.config.saml_logout_callback_url.as_ref().map(|url| url.as_str()),
            signing: &certificates,
            encryption: if decrypting { &certificates } else { &[] },
            signs_requests: self.key().is_some(),
            wants_signed_assertions: true,
            name_id_formats: format.as_slice(),
        };
        Some((METADATA_TYPE, description.write(None).ok()?))
    }

    fn logout_begin<'a>(&'a self, request: LogoutRequest<'a>) -> Answer<'a, Result<Begin, Fault>> {
        Box::pin(logout::begin(self, request))
    }

    fn logout_complete<'a>(&'a self, params: &'a Params, kept: &'a Kept) -> Answer<'a, Result<(), Fault>> {
        Box::pin(logout::complete(self, params, kept))
    }

    fn logout_received<'a>(&'a self, params: &'a Params) -> Answer<'a, Result<LoggedOut, Fault>> {
        Box::pin(logout::received(self, params))
    }
}
