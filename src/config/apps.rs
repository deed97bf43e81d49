//! Applications: the shapes of `oidc` and `proxy` apps, and of those known but not run yet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::access::{AttrProvider, Authentication, Authorization, PolicyAuthentication};
use super::hook::Hook;
use super::logout::AppLogout;
use super::section::Unread;
use super::upstream_login::UpstreamLogin;
use crate::value::{SecretText, WebUrl};

/// Largest proxied request body by default: 10 MiB.
pub const BODY_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// `type: oidc`: a relying party registered with us.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcApp {
    /// Unique.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// `oidc`.
    #[serde(rename = "type")]
    #[schemars(extend("type" = "string"))]
    pub kind: String,
    /// Who signs people in.
    pub authentication: Option<Authentication>,
    /// Who may pass; everyone without it.
    pub authorization: Option<Authorization>,
    /// Attributes looked up after sign-in.
    #[serde(default)]
    pub attr_providers: Vec<AttrProvider>,
    /// Hook.
    #[serde(rename = "loadAttrsSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `attrProviders`."}))]
    pub load_attrs_se: Option<Hook>,
    /// Client id, unique.
    #[serde(rename = "clientID")]
    #[schemars(length(min = 1, max = 255))]
    pub client_id: String,
    /// Client secret.
    pub client_secret: Option<SecretText>,
    /// Several secrets, for rotation.
    pub credentials: Option<Credentials>,
    /// No secret, PKCE required; true when no credential is given.
    pub public: Option<bool>,
    /// Where answers may be sent; exact match.
    #[serde(rename = "redirectURLs", default)]
    #[schemars(inner(regex(pattern = r"^[a-z][a-z0-9+.-]*:[^\s#]+$")))]
    pub redirect_urls: Vec<String>,
    /// Where people may be sent after logout; exact match.
    #[serde(rename = "postLogoutRedirectURLs", default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub post_logout_redirect_urls: Vec<String>,
    /// OpenID back-channel logout: where it is told that a session ended.
    #[serde(rename = "backchannelLogoutURL")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub backchannel_logout_url: Option<WebUrl>,
    /// OpenID front-channel logout.
    #[serde(rename = "frontchannelLogoutURL")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `backchannelLogoutURL`, which needs no cookie of another site."}))]
    pub frontchannel_logout_url: Option<WebUrl>,
    /// What it may ask the token endpoint for.
    #[serde(default)]
    pub grant_types: Option<Vec<GrantType>>,
    /// Adds `refresh_token`.
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Refresh tokens are not issued yet."}))]
    pub allow_offline_access: Option<bool>,
    /// Refuse code requests without S256 challenge.
    #[serde(rename = "requirePKCE")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub require_pkce: Option<bool>,
    /// Access tokens.
    #[serde(default)]
    pub access_token: AccessToken,
    /// ID tokens.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub id_token: IdToken,
    /// Refresh tokens.
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Refresh tokens are not issued yet."}))]
    pub refresh_token: Option<RefreshToken>,
    /// Audiences it may ask for, exact.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub allowed_audiences: Option<Vec<SecretText>>,
    /// Scopes besides the standard ones.
    #[serde(default)]
    pub custom_scopes: CustomScopes,
    /// Claim to attribute (`email: ha.email`); ID token and UserInfo, never the access token.
    #[serde(default)]
    pub claims_mapping: BTreeMap<String, String>,
    /// Hook.
    #[serde(rename = "buildAccessTokenClaimsSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `claimsMapping`."}))]
    pub build_access_token_claims_se: Option<Hook>,
    /// Hook.
    #[serde(rename = "buildIDTokenClaimsSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `claimsMapping`."}))]
    pub build_id_token_claims_se: Option<Hook>,
    /// Experimental token brokering.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub token_brokering: Option<Unread>,
}

/// Several secrets of one client.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Credentials {
    /// All valid at once.
    pub secrets: Vec<SecretText>,
    /// The client's keys, for `private_key_jwt`.
    #[serde(rename = "jwksURL")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `secrets`."}))]
    pub jwks_url: Option<WebUrl>,
}

/// Grants of the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the specifications")]
pub enum GrantType {
    AuthorizationCode,
    RefreshToken,
    ClientCredentials,
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
    Password,
    ImplicitId,
    ImplicitToken,
}

/// Access tokens of one client.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessToken {
    /// `opaque` or `jwt`.
    #[serde(rename = "type")]
    pub kind: AccessTokenKind,
    /// How long they live, in seconds; 600 for `jwt` and 3600 for `opaque` without it.
    #[schemars(range(min = 1, max = 86_400), extend("x-maverics" = {"status": "ours"}))]
    pub lifetime_seconds: Option<u64>,
    /// Second place of `allowedAudiences`.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub allowed_audiences: Option<Vec<SecretText>>,
    /// Second place of `customScopes`.
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "../customScopes"}))]
    pub custom_scopes: Option<CustomScopes>,
    /// Second place of `claimsMapping`.
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "../claimsMapping"}))]
    pub claims_mapping: Option<BTreeMap<String, String>>,
}

/// Form of access tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenKind {
    /// Random text that only we understand; can be revoked at once.
    #[default]
    Opaque,
    /// Signed, RFC 9068.
    Jwt,
}

/// ID tokens of one client.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct IdToken {
    /// How long they live, in seconds; 3600 without it.
    #[schemars(range(min = 1, max = 86_400), extend("x-maverics" = {"status": "ours"}))]
    pub lifetime_seconds: Option<u64>,
}

/// Refresh tokens of one client.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RefreshToken {
    /// How long the whole family lives, in seconds; 2592000 without it.
    #[schemars(range(min = 1), extend("x-maverics" = {"status": "ours"}))]
    pub lifetime_seconds: Option<u64>,
    /// Since the last use, in seconds; 604800 without it.
    #[schemars(range(min = 1), extend("x-maverics" = {"status": "ours"}))]
    pub idle_timeout_seconds: Option<u64>,
}

/// Scopes besides the standard ones.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomScopes {
    /// The scopes.
    pub scopes: Vec<CustomScope>,
}

/// One scope.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomScope {
    /// Scope token (RFC 6749 §3.3).
    #[schemars(regex(pattern = r"^[\x21\x23-\x5b\x5d-\x7e]+$"), example = &"reports:read")]
    pub name: String,
}

/// `type: proxy`: an application behind us.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxyApp {
    /// Unique.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// `proxy`.
    #[serde(rename = "type")]
    #[schemars(extend("type" = "string"))]
    pub kind: String,
    /// `host`, `host/path` or `/path`; the host may have a port.
    #[schemars(length(min = 1))]
    pub route_patterns: Vec<String>,
    /// The application; a path is put in front of the request's.
    pub upstream: WebUrl,
    /// Client TLS profile towards the upstream.
    #[schemars(extend("x-maverics-name" = "tls"))]
    pub tls: Option<String>,
    /// Send the client's Host instead of the upstream's.
    #[serde(default)]
    pub preserve_host: bool,
    /// Forward the client's `Authorization`.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub preserve_authorization: bool,
    /// Where denied people are sent; a 403 page without it.
    pub unauthorized_page: Option<WebUrl>,
    /// Headers set on every request.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// Which path needs what.
    #[schemars(length(min = 1))]
    pub policies: Vec<Policy>,
    /// Attributes looked up after sign-in.
    #[serde(default)]
    pub attr_providers: Vec<AttrProvider>,
    /// Hook.
    #[serde(rename = "loadAttrsSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `attrProviders`."}))]
    pub load_attrs_se: Option<Hook>,
    /// Signing people in to the upstream.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub upstream_login: Option<UpstreamLogin>,
    /// Ending the session when the application's own logout is visited.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub logout: Option<AppLogout>,
    /// Largest request body, in bytes; 0 is no limit; above it 413.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub max_body_bytes: Option<u64>,
    /// Until the upstream's response header, in seconds; then 504.
    #[schemars(range(min = 1, max = 86_400), extend("x-maverics" = {"status": "ours"}))]
    pub upstream_timeout_seconds: Option<u64>,
    /// Hook.
    #[serde(rename = "handleUnauthorizedSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `unauthorizedPage`."}))]
    pub handle_unauthorized_se: Option<Hook>,
    /// Hook.
    #[serde(rename = "modifyRequestSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `headers`."}))]
    pub modify_request_se: Option<Hook>,
    /// Hook.
    #[serde(rename = "modifyResponseSE")]
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub modify_response_se: Option<Hook>,
}

/// A header set on every request to the upstream.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Its name; the client's own copies are removed everywhere in this app.
    #[schemars(regex(pattern = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"), example = &"X-User")]
    pub name: Option<String>,
    /// Its value, with attribute templates.
    #[schemars(extend("x-maverics-template" = "attributes"))]
    pub value: Option<String>,
    /// Hook.
    #[serde(rename = "createHeaderSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `name` and `value`."}))]
    pub create_header_se: Option<Hook>,
}

/// What one location needs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// `/prefix`, or `~ REGEX`.
    #[schemars(regex(pattern = r"^(/|~ .)"), example = &"/admin")]
    pub location: String,
    /// Who signs people in.
    pub authentication: Option<PolicyAuthentication>,
    /// Who may pass; nobody without it.
    pub authorization: Option<Authorization>,
}

/// Branches of the schema by `type`.
pub fn branches(
    generator: &mut schemars::SchemaGenerator,
) -> Vec<(Vec<(&'static str, &'static str)>, serde_json::Value)> {
    use super::schema::of;
    vec![
        (vec![("type", "oidc")], of::<OidcApp>(generator)),
        (vec![("type", "saml")], of::<super::app_saml::SamlApp>(generator)),
        (vec![("type", "proxy")], of::<ProxyApp>(generator)),
        (vec![("type", "mcpProxy")], of::<super::app_mcp::McpProxyApp>(generator)),
        (vec![("type", "mcpBridge")], of::<super::app_mcp::McpBridgeApp>(generator)),
    ]
}
