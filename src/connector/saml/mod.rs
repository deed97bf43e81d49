//! `type: saml`: known, validated and linted; not run yet.

pub mod config;

use std::sync::Arc;

use super::facts::{Facts, Protocol};
use super::{CallbackAddress, Connector, Entry, IdpConfig, Kind, Opening, Section};
use crate::config::connectors::Common;
use crate::config::{schema, section};
use crate::value::{SecretText, WebUrl};

use config::Config;

/// The line for the table.
pub static KIND: Kind = Kind { type_names: &["saml"], schema: branches, read };

fn branches(generator: &mut schemars::SchemaGenerator) -> Vec<super::Branch> {
    let shape = schema::of::<Config>(generator);
    vec![(vec![("type", "saml")], shape.clone()), (vec![("type", "azure"), ("authType", "saml")], shape)]
}

fn read(section: &mut Section<'_>) -> Option<Entry> {
    let config: Config = section::read(section.document, section.pointer, section.value, section.findings)?;
    Some(Entry::Idp(Arc::new(config)))
}

impl IdpConfig for Config {
    fn common(&self) -> &Common {
        &self.common
    }

    fn facts(&self) -> Facts {
        let custom = self.common.health_check.as_ref().and_then(|c| c.custom_endpoint.as_ref());
        // Metadata from a file names no host: what the file says is not opened by anything offline.
        let url = WebUrl::parse(&self.saml_metadata_url).ok();
        Facts {
            protocol: Protocol::Saml,
            hosts: url.iter().map(|url| url.host().to_owned()).collect(),
            issuer: None,
            client_id: self.saml_entity_id.clone(),
            health_address: custom
                .map(|c| c.endpoint.as_str().to_owned())
                .or_else(|| url.map(|url| url.as_str().to_owned())),
            address: Some(self.saml_metadata_url.clone()),
            address_key: "samlMetadataURL",
        }
    }

    fn secrets(&self) -> Vec<(&'static str, &SecretText)> {
        self.common.custom_headers().collect()
    }

    fn callbacks(&self) -> Vec<CallbackAddress> {
        vec![CallbackAddress::Url(self.saml_consumer_service_url.clone())]
    }

    fn can_sign_in(&self) -> Result<(), &'static str> {
        Ok(())
    }

    fn open(self: Arc<Self>, _: &Opening<'_>) -> Result<Arc<dyn Connector>, String> {
        Err("SAML providers are not run here yet".into())
    }
}
