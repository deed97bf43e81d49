//! Provider modes: `oidcProvider` in full, the others as far as validation needs them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::hook::Hook;
use crate::value::SecretText;

/// OpenID provider.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OidcProvider {
    /// Cache of codes and tokens.
    #[schemars(extend("x-maverics-name" = "cache"))]
    pub cache: Option<String>,
    /// Tokens reach the session's attributes and end with it.
    #[schemars(extend("default" = true))]
    pub correlate_session: Option<bool>,
    /// What the discovery document says.
    pub discovery: Discovery,
    /// Signing keys; the first signs, all are published.
    #[schemars(length(min = 1))]
    pub jwks: Option<Vec<SigningKey>>,
    /// Hook.
    #[serde(rename = "buildUserInfoClaimsSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `claimsMapping` of the app."}))]
    pub build_user_info_claims_se: Option<Hook>,
}

/// What the discovery document says.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Discovery {
    /// Byte for byte in `iss`. No query, no fragment.
    #[schemars(regex(pattern = r"^https?://[^\s?#]+$"), example = &"https://orch.example.com")]
    pub issuer: Option<String>,
    /// Addresses, where they differ from the issuer's own.
    pub endpoints: Endpoints,
}

/// Addresses of endpoints. An empty text equals absent.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoints {
    /// A further address of the discovery document.
    pub well_known: Option<String>,
    /// Authorization endpoint.
    pub auth: Option<String>,
    /// Token endpoint.
    pub token: Option<String>,
    /// Key set.
    pub jwks: Option<String>,
    /// UserInfo endpoint.
    pub userinfo: Option<String>,
    /// Introspection endpoint.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub introspect: Option<String>,
    /// RP-initiated logout.
    pub end_session: Option<String>,
    /// Revocation endpoint.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub revoke: Option<String>,
    /// Dynamic registration.
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "List the clients in `apps`."}))]
    pub registration: Option<String>,
}

/// A signing key, in one of two shapes: `file`, or `privateKey`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SigningKey {
    /// Label in logs.
    pub name: Option<String>,
    /// Must agree with the key.
    #[serde(rename = "type")]
    pub kind: Option<KeyType>,
    /// PEM private key.
    pub file: Option<String>,
    /// Signature algorithm; by the key without it.
    pub algorithm: Option<KeyAlgorithm>,
    /// PEM private key.
    pub private_key: Option<SecretText>,
    /// PEM public key; must belong to `privateKey`.
    pub public_key: Option<SecretText>,
}

/// Kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum KeyType {
    Rsa,
    Ec,
    Ed25519,
}

/// Signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names are those of RFC 7518")]
pub enum KeyAlgorithm {
    #[serde(rename = "RSA256")]
    Rsa256,
    RS256,
    PS256,
    ES256,
    ES384,
    EdDSA,
}
