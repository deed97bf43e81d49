//! Fields of `type: saml`.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::facts::{Facts, Protocol, Shape};
use super::super::{CallbackAddress, Connector, IdpConfig, Opening, Section};
use crate::config::connectors::Common;
use crate::config::{codes, yaml};
use crate::protocol::sets;
use crate::value::{SecretText, WebUrl};

/// The attribute that is the name of the subject.
pub const NAME_ID: &str = "nameID";

/// A SAML identity provider.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("dependentRequired" = {"samlSPCertPath": ["samlSPKeyPath"], "samlSPKeyPath": ["samlSPCertPath"], "samlWantsEncryption": ["samlSPKeyPath"]}))]
#[schemars(rename = "SamlConnector")]
pub struct Config {
    /// The envelope.
    #[serde(flatten)]
    pub common: Common,
    /// IdP metadata; `https://` or `file:///`.
    #[serde(rename = "samlMetadataURL")]
    #[schemars(regex(pattern = r"^(https?://|file:///)[^\s]+$"))]
    pub saml_metadata_url: String,
    /// Assertion consumer service.
    #[serde(rename = "samlConsumerServiceURL")]
    pub saml_consumer_service_url: WebUrl,
    /// Certificate that signs the IdP metadata (a path, or a secret with the PEM text). Metadata without a good
    /// signature is then not used.
    #[serde(rename = "samlMetadataCertPath")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub saml_metadata_cert_path: Option<SecretText>,
    /// Which identity provider of the metadata; needed when it describes several.
    #[serde(rename = "samlIDPEntityID")]
    #[schemars(length(min = 1, max = 1024), extend("x-maverics" = {"status": "ours"}))]
    pub saml_idp_entity_id: Option<String>,
    /// Our entity id; scheme and host of the consumer service without it.
    #[serde(rename = "samlEntityID")]
    #[schemars(length(min = 1, max = 1024))]
    pub saml_entity_id: Option<String>,
    /// Single logout, both ways: where people return from the provider, and where its logout requests arrive.
    #[serde(rename = "samlLogoutCallbackURL")]
    pub saml_logout_callback_url: Option<WebUrl>,
    /// Certificate published in our metadata: a path, or a secret with the PEM text.
    #[serde(rename = "samlSPCertPath")]
    pub saml_sp_cert_path: Option<SecretText>,
    /// Key that signs requests and opens encrypted assertions: a path, or a secret with the PEM text.
    #[serde(rename = "samlSPKeyPath")]
    pub saml_sp_key_path: Option<SecretText>,
    /// Publishes the certificate for encryption as well. Only for providers that encrypt with AES-GCM, which is the
    /// only encryption accepted; many take AES-CBC as soon as they are given a certificate.
    #[serde(default, rename = "samlWantsEncryption")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub saml_wants_encryption: bool,
    /// Asked for in NameIDPolicy.
    #[serde(rename = "samlNameIDFormat")]
    #[schemars(length(min = 1, max = 1024))]
    pub saml_name_id_format: Option<String>,
    /// Page a person reaches after an IdP-initiated sign-in; turns that flow on.
    #[serde(rename = "samlIDPInitiatedURL")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub saml_idp_initiated_url: Option<WebUrl>,
    /// `saml`, for `azure`.
    pub auth_type: Option<SamlAuthType>,
    /// Microsoft Graph.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    #[serde(rename = "graphURL")]
    pub graph_url: Option<WebUrl>,
    /// Microsoft Graph.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    #[serde(rename = "oauthTokenURL")]
    pub oauth_token_url: Option<WebUrl>,
    /// Microsoft Graph.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    #[serde(rename = "oauthClientID")]
    pub oauth_client_id: Option<String>,
    /// Microsoft Graph.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    #[serde(rename = "oauthClientSecret")]
    pub oauth_client_secret: Option<SecretText>,
}

/// Protocol of an `azure` connector.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the name says it")]
pub enum SamlAuthType {
    Saml,
}

/// Start of a PEM text, as against a path.
const PEM: &str = "-----BEGIN ";

/// The path that stands where a path or a secret may.
pub(super) fn path_of(text: &SecretText) -> Option<&str> {
    match text {
        SecretText::Inline(secret) if !secret.expose().trim_start().starts_with(PEM) => Some(secret.expose()),
        _ => None,
    }
}

impl Config {
    /// Our entity id.
    pub fn entity_id(&self) -> String {
        match &self.saml_entity_id {
            Some(id) => id.clone(),
            None => self.saml_consumer_service_url.url().origin().ascii_serialization(),
        }
    }

    fn metadata_url(&self) -> Option<WebUrl> {
        WebUrl::parse(&self.saml_metadata_url).ok()
    }

    /// The path of the metadata, where it is a file.
    pub fn metadata_path(&self) -> Option<&Path> {
        self.saml_metadata_url.strip_prefix("file://").map(Path::new)
    }

    fn own_texts(&self) -> impl Iterator<Item = (&'static str, &SecretText)> {
        [
            ("samlMetadataCertPath", &self.saml_metadata_cert_path),
            ("samlSPCertPath", &self.saml_sp_cert_path),
            ("samlSPKeyPath", &self.saml_sp_key_path),
        ]
        .into_iter()
        .filter_map(|(key, text)| Some((key, text.as_ref()?)))
    }

    /// Faults between fields.
    pub(super) fn check(&self, section: &mut Section<'_>) {
        let metadata = self.metadata_url();
        let urls = [
            ("samlMetadataURL", metadata.as_ref()),
            ("samlConsumerServiceURL", Some(&self.saml_consumer_service_url)),
            ("samlLogoutCallbackURL", self.saml_logout_callback_url.as_ref()),
            ("samlIDPInitiatedURL", self.saml_idp_initiated_url.as_ref()),
        ];
        for (key, url) in urls.into_iter().filter_map(|(key, url)| Some((key, url?))) {
            if !section.plain.permits(url) {
                let at = section.document.value(&yaml::child(section.pointer, key));
                section.findings.push(codes::plain_http(url).at(at));
            }
        }
    }
}

impl IdpConfig for Config {
    fn common(&self) -> &Common {
        &self.common
    }

    fn facts(&self) -> Facts {
        let custom = self.common.health_check.as_ref().and_then(|c| c.custom_endpoint.as_ref());
        // Metadata from a file names no host: what the file says is not opened by anything offline.
        let url = self.metadata_url();
        Facts {
            protocol: Protocol::Saml,
            hosts: url.iter().map(|url| url.host().to_owned()).collect(),
            issuer: self.saml_idp_entity_id.clone(),
            client_id: Some(self.entity_id()),
            health_address: custom
                .map(|c| c.endpoint.as_str().to_owned())
                .or_else(|| url.map(|url| url.as_str().to_owned())),
            address: Some(self.saml_metadata_url.clone()),
            address_key: "samlMetadataURL",
        }
    }

    fn secrets(&self) -> Vec<(&'static str, &SecretText)> {
        let own = self.own_texts().filter(|(_, text)| path_of(text).is_none());
        own.chain(self.common.custom_headers()).collect()
    }

    fn files(&self) -> Vec<String> {
        self.own_texts().filter_map(|(_, text)| path_of(text)).map(str::to_owned).collect()
    }

    fn callbacks(&self) -> Vec<CallbackAddress> {
        vec![CallbackAddress::Url(self.saml_consumer_service_url.clone())]
    }

    fn shape(&self, attribute: &str) -> Shape {
        match attribute {
            NAME_ID => Shape::Text,
            _ if sets::in_assertion(attribute) => Shape::List,
            _ => Shape::Counted,
        }
    }

    fn logout_callbacks(&self) -> Vec<WebUrl> {
        self.saml_logout_callback_url.clone().into_iter().collect()
    }

    fn logout_receiver(&self) -> Option<&WebUrl> {
        self.saml_logout_callback_url.as_ref()
    }

    fn landing(&self) -> Option<(&'static str, &WebUrl)> {
        Some(("samlIDPInitiatedURL", self.saml_idp_initiated_url.as_ref()?))
    }

    fn can_sign_in(&self) -> Result<(), &'static str> {
        Ok(())
    }

    fn open(self: Arc<Self>, opening: &Opening<'_>) -> Result<Arc<dyn Connector>, String> {
        super::SamlConnector::open(self, opening)
    }
}
