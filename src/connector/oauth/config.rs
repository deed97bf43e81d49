//! Fields of `type: oauth` and `windowsclientauthenticator`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::oidc::config::UrlList;
use crate::config::connectors::Common;
use crate::config::schema::one_of;
use crate::value::{SecretText, WebUrl};

/// OAuth 2.0 without identity, for token brokering.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-maverics" = {"status": "later", "instead": "It gives no identity; use an `oidc` connector to sign people in."}, "allOf" = [one_of(&["wellKnownURL", "tokenURL"])], "dependentRequired" = {"tokenURL": ["authorizeURL"], "authorizeURL": ["tokenURL"]}))]
#[schemars(rename = "OauthConnector")]
pub struct Oauth {
    /// The envelope.
    #[serde(flatten)]
    pub common: Common,
    /// Client id.
    #[serde(rename = "clientID")]
    pub client_id: String,
    /// Client secret.
    pub client_secret: Option<SecretText>,
    /// Scopes, separated by blanks.
    pub scopes: Option<String>,
    /// Metadata.
    #[serde(rename = "wellKnownURL")]
    pub well_known_url: Option<WebUrl>,
    /// Authorization endpoint.
    #[serde(rename = "authorizeURL")]
    pub authorize_url: Option<WebUrl>,
    /// Token endpoint.
    #[serde(rename = "tokenURL")]
    pub token_url: Option<WebUrl>,
    /// Callbacks.
    pub login_redirect: UrlList,
}

/// Windows integrated authentication: any key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = true, "x-maverics" = {"status": "later", "instead": "Use an `oidc` connector of the same directory."}))]
#[schemars(rename = "WindowsConnector")]
pub struct Windows {
    /// Unique.
    pub name: String,
    /// `windowsclientauthenticator`.
    #[serde(rename = "type")]
    #[schemars(extend("type" = "string"))]
    pub kind: String,
}
