//! `mcpProvider`: the AI identity gateway.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::value::{Duration, SecretText, WebUrl};

/// AI identity gateway.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct McpProvider {
    /// Whether it is on.
    pub enabled: bool,
    /// How clients speak to it; at least one is on.
    pub transports: Transports,
    /// Whose tokens are good.
    pub authorization: GatewayAuthorization,
}

/// How clients speak to the gateway.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Transports {
    /// Streamable HTTP.
    pub stream: StreamTransport,
    /// The transport of 2024-11-05.
    pub sse: SseTransport,
}

/// Streamable HTTP.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StreamTransport {
    /// Whether it is on.
    pub enabled: bool,
    /// Its path; `/mcp` without it.
    #[schemars(regex(pattern = r"^/[^?#\s]*$"), example = &"/mcp")]
    pub path: Option<String>,
    /// Second spelling of `path`.
    #[schemars(regex(pattern = r"^/[^?#\s]*$"), extend("x-maverics" = {"status": "alias", "of": "path"}))]
    pub endpoint_path: Option<String>,
    /// Sessions of stateful protocol revisions.
    pub session: McpSession,
}

/// Sessions of stateful protocol revisions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct McpSession {
    /// Whether there are any.
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Header that carries their id; `Mcp-Session-Id` without it.
    #[schemars(regex(pattern = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"), example = &"Mcp-Session-Id")]
    pub header_name: Option<String>,
    /// DELETE ends one.
    #[schemars(extend("default" = true))]
    pub allow_client_termination: Option<bool>,
    /// Since the last request; 1h without it.
    pub timeout: Option<Duration>,
}

/// The transport of 2024-11-05.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SseTransport {
    /// Whether it is on.
    pub enabled: bool,
    /// Path of the event stream; `/mcp/sse` without it.
    #[schemars(regex(pattern = r"^/[^?#\s]*$"), example = &"/mcp/sse")]
    pub path: Option<String>,
    /// Path messages are posted to; `/mcp/message` without it.
    #[schemars(regex(pattern = r"^/[^?#\s]*$"), example = &"/mcp/message")]
    pub message_path: Option<String>,
    /// Stands before `messagePath` in the announced address.
    #[serde(rename = "baseURL")]
    pub base_url: Option<WebUrl>,
    /// Stands before `messagePath` in the announced address.
    #[schemars(regex(pattern = r"^/[^?#\s]*$"), example = &"/gateway")]
    pub base_path: Option<String>,
    /// Comments that keep the stream alive.
    pub keep_alive: SseKeepAlive,
}

/// Comments that keep a stream alive.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SseKeepAlive {
    /// Whether they are sent.
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// How often; 30s without it.
    pub interval: Option<Duration>,
}

/// Whose tokens are good.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayAuthorization {
    /// OAuth 2.0 bearer tokens.
    pub oauth: GatewayOauth,
}

/// OAuth 2.0 bearer tokens.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayOauth {
    /// Whether a token is needed; false only on loopback.
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Path of the protected resource metadata (RFC 9728).
    #[schemars(regex(pattern = r"^/[^?#\s]*$"), example = &"/.well-known/oauth-protected-resource")]
    pub metadata_path: Option<String>,
    /// `resource` of the metadata; the first https audience without it.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub resource: Option<WebUrl>,
    /// Authorization servers.
    #[schemars(length(min = 1))]
    pub servers: Option<Vec<AuthorizationServer>>,
}

/// An authorization server whose tokens are good.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationServer {
    /// Its metadata, in either well-known form.
    pub well_known_endpoint: WebUrl,
    /// How often it is read again; 24h without it.
    pub refresh_interval: Option<Duration>,
    /// Client TLS profile.
    #[schemars(extend("x-maverics" = {"status": "ours"}, "x-maverics-name" = "tls"))]
    pub tls: Option<String>,
    /// What a token must have.
    pub token_validation: TokenValidation,
}

/// What a token must have.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenValidation {
    /// It must carry one of them.
    #[schemars(length(min = 1))]
    pub expected_audiences: Vec<SecretText>,
    /// `jwt`, the only one.
    #[serde(default)]
    pub method: ValidationMethod,
    /// Checks of a JWT.
    #[serde(default)]
    pub jwt: JwtValidation,
}

/// How a token is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValidationMethod {
    /// By its signature.
    #[default]
    Jwt,
}

/// Checks of a JWT.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct JwtValidation {
    /// At most 5m; 15s without it.
    pub clock_skew: Option<Duration>,
}
