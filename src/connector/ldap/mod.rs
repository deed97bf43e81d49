//! `type: ldap` and `activedirectory`: known, validated and linted; not run yet.

pub mod config;

use std::sync::Arc;

use super::facts::{Facts, Protocol};
use super::{CallbackAddress, Connector, Entry, IdpConfig, Kind, Opening, Section};
use crate::config::connectors::Common;
use crate::config::{schema, section};
use crate::value::{SecretText, WebUrl};

use config::Config;

/// The line for the table.
pub static KIND: Kind = Kind { type_names: &["ldap", "activedirectory"], schema: branches, read };

fn branches(generator: &mut schemars::SchemaGenerator) -> Vec<super::Branch> {
    let shape = schema::of::<Config>(generator);
    KIND.type_names.iter().map(|name| (vec![("type", *name)], shape.clone())).collect()
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
        let address = self.url.0.first().cloned();
        Facts {
            protocol: Protocol::Ldap,
            hosts: self.url.0.iter().filter_map(|url| host(url)).collect(),
            issuer: None,
            client_id: self.bind_dn.clone().or_else(|| self.service_account_username.clone()),
            health_address: custom.map(|c| c.endpoint.as_str().to_owned()).or_else(|| address.clone()),
            address,
            address_key: "url",
        }
    }

    fn secrets(&self) -> Vec<(&'static str, &SecretText)> {
        let passwords = [
            ("bindPassword", &self.bind_password),
            ("serviceAccountPassword", &self.service_account_password),
        ];
        let mut secrets: Vec<_> =
            passwords.into_iter().filter_map(|(key, text)| text.as_ref().map(|text| (key, text))).collect();
        secrets.extend(self.common.custom_headers());
        secrets
    }

    fn callbacks(&self) -> Vec<CallbackAddress> {
        let written = self.login_url.iter().map(|text| match WebUrl::parse(text) {
            Ok(url) => CallbackAddress::Url(url),
            Err(_) => CallbackAddress::Path(text.clone()),
        });
        written.collect()
    }

    fn list_delimiter(&self) -> &str {
        self.attribute_delimiter.as_deref().unwrap_or(crate::value::LIST_DELIMITER)
    }

    fn can_sign_in(&self) -> Result<(), &'static str> {
        Ok(())
    }

    fn open(self: Arc<Self>, _: &Opening<'_>) -> Result<Arc<dyn Connector>, String> {
        Err("directories are not run here yet".into())
    }
}

/// Host of an `ldap://` or `ldaps://` URL, lower case.
fn host(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_ascii_lowercase)
}
