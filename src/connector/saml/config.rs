//! Fields of `type: saml`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::connectors::Common;
use crate::value::{SecretText, WebUrl};

/// A SAML identity provider.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-maverics" = {"status": "later", "instead": "SAML members are not run yet; use an `oidc` connector of the same provider."}, "dependentRequired" = {"samlSPCertPath": ["samlSPKeyPath"], "samlSPKeyPath": ["samlSPCertPath"]}))]
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
    /// Our entity id; scheme and host of the consumer service without it.
    #[serde(rename = "samlEntityID")]
    pub saml_entity_id: Option<String>,
    /// Single logout.
    #[serde(rename = "samlLogoutCallbackURL")]
    pub saml_logout_callback_url: Option<WebUrl>,
    /// Certificate published in our metadata.
    #[serde(rename = "samlSPCertPath")]
    pub saml_sp_cert_path: Option<String>,
    /// Key that signs requests and opens encrypted assertions.
    #[serde(rename = "samlSPKeyPath")]
    pub saml_sp_key_path: Option<String>,
    /// Asked for in NameIDPolicy.
    #[serde(rename = "samlNameIDFormat")]
    pub saml_name_id_format: Option<String>,
    /// Page a person reaches after an IdP-initiated sign-in; turns that flow on.
    #[serde(rename = "samlIDPInitiatedURL")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub saml_idp_initiated_url: Option<WebUrl>,
    /// `saml`, for `azure`.
    pub auth_type: Option<SamlAuthType>,
    /// Microsoft Graph.
    #[serde(rename = "graphURL")]
    pub graph_url: Option<WebUrl>,
    /// Microsoft Graph.
    #[serde(rename = "oauthTokenURL")]
    pub oauth_token_url: Option<WebUrl>,
    /// Microsoft Graph.
    #[serde(rename = "oauthClientID")]
    pub oauth_client_id: Option<String>,
    /// Microsoft Graph.
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
