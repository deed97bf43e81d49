//! Fields of `type: local`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::facts::{Facts, Protocol};
use super::super::{CallbackAddress, Connector, IdpConfig, Opening};
use crate::config::connectors::Common;
use crate::value::{SecretText, WebUrl};

/// People in a file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LocalConnector")]
pub struct Config {
    /// The envelope.
    #[serde(flatten)]
    pub common: Common,
    /// YAML or JSON with `users`; read again when it changes.
    #[schemars(length(min = 1), extend("x-maverics" = {"status": "ours"}))]
    pub users_file: String,
    /// Where the sign-in form posts: a path on every host, or a full address.
    #[serde(rename = "loginURL", default = "default_login_url")]
    #[schemars(regex(pattern = r"^(/[^?#\s]*|https?://[^\s?#]+)$"), extend("x-maverics" = {"status": "ours"}))]
    pub login_url: String,
}

fn default_login_url() -> String {
    "/.local-login".into()
}

impl IdpConfig for Config {
    fn common(&self) -> &Common {
        &self.common
    }

    fn facts(&self) -> Facts {
        let custom = self.common.health_check.as_ref().and_then(|c| c.custom_endpoint.as_ref());
        Facts {
            protocol: Protocol::Local,
            hosts: Vec::new(),
            issuer: None,
            client_id: None,
            health_address: custom.map(|c| c.endpoint.as_str().to_owned()),
            address: Some(self.users_file.clone()),
            address_key: "usersFile",
        }
    }

    fn secrets(&self) -> Vec<(&'static str, &SecretText)> {
        self.common.custom_headers().collect()
    }

    fn callbacks(&self) -> Vec<CallbackAddress> {
        vec![match WebUrl::parse(&self.login_url) {
            Ok(url) => CallbackAddress::Url(url),
            Err(_) => CallbackAddress::Path(self.login_url.clone()),
        }]
    }

    fn can_sign_in(&self) -> Result<(), &'static str> {
        Ok(())
    }

    fn open(self: Arc<Self>, opening: &Opening<'_>) -> Result<Arc<dyn Connector>, String> {
        super::LocalConnector::open(self, opening)
    }
}
