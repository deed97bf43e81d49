//! `type: mcpProxy` and `mcpBridge`: tools behind the AI identity gateway.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::access::RegoPolicy;
use super::schema::when;
use crate::value::{Duration, SecretText, WebUrl};

/// An MCP server behind the gateway.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-maverics" = {"status": "later", "instead": "The AI identity gateway is not run yet."}))]
pub struct McpProxyApp {
    /// Unique.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// `mcpProxy`.
    #[serde(rename = "type")]
    #[schemars(extend("type" = "string"))]
    pub kind: String,
    /// Prefix of its tools.
    #[serde(default)]
    pub tool_namespace: ToolNamespace,
    /// The MCP server.
    pub upstream: McpUpstream,
    /// Who may do what.
    pub authorization: Option<McpAuthorization>,
}

/// A REST interface turned into tools.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-maverics" = {"status": "later", "instead": "The AI identity gateway is not run yet."}))]
pub struct McpBridgeApp {
    /// Unique.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// `mcpBridge`.
    #[serde(rename = "type")]
    #[schemars(extend("type" = "string"))]
    pub kind: String,
    /// Prefix of its tools.
    #[serde(default)]
    pub tool_namespace: ToolNamespace,
    /// `openapi`, the only one.
    #[serde(default)]
    pub mode: BridgeMode,
    /// The interface.
    pub openapi: OpenApi,
    /// Who may do what.
    pub authorization: Option<McpAuthorization>,
}

/// Prefix of tool names.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolNamespace {
    /// No prefix.
    pub disabled: bool,
    /// Put literally before each tool name.
    pub name: Option<String>,
}

/// How a bridge knows its tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BridgeMode {
    /// From an OpenAPI document.
    #[default]
    Openapi,
}

/// An OpenAPI document and where its interface is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenApi {
    /// The document.
    pub spec: OpenApiSpec,
    /// Address of the interface; the document's first server without it.
    #[serde(rename = "baseURL")]
    pub base_url: Option<WebUrl>,
    /// Client TLS profile.
    #[schemars(extend("x-maverics" = {"status": "ours"}, "x-maverics-name" = "tls"))]
    pub tls: Option<String>,
}

/// An OpenAPI document.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenApiSpec {
    /// OpenAPI 3.0 or 3.1, YAML or JSON; operations with `operationId` become tools.
    #[schemars(regex(pattern = r"^file:///[^\s]+$"), example = &"file:///etc/maverics/api.yaml")]
    pub uri: String,
}

/// The MCP server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct McpUpstream {
    /// `stream`, the only one; a gateway starts no programs, so `stdio` is refused.
    #[serde(default)]
    pub transport: McpTransport,
    /// Streamable HTTP.
    pub stream: McpStream,
}

/// How an MCP server is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum McpTransport {
    /// Streamable HTTP.
    #[default]
    Stream,
}

/// Streamable HTTP.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct McpStream {
    /// Its address.
    pub url: WebUrl,
    /// Client TLS profile.
    #[schemars(extend("x-maverics" = {"status": "ours"}, "x-maverics-name" = "tls"))]
    pub tls: Option<String>,
    /// Limits of connections.
    #[serde(default)]
    pub connection: McpConnection,
}

/// Limits of connections.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct McpConnection {
    /// Longest wait for a connection; 10s without it.
    pub dial_timeout: Option<Duration>,
    /// TCP keep-alive.
    pub keep_alive: McpKeepAlive,
    /// Idle connections.
    pub pool: McpPool,
}

/// TCP keep-alive.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct McpKeepAlive {
    /// How often; 15s without it.
    pub interval: Option<Duration>,
}

/// Idle connections.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct McpPool {
    /// All together; 100 without it.
    pub max_idle_conns: Option<u32>,
    /// For each host; 100 without it.
    pub max_idle_conns_per_host: Option<u32>,
}

/// Who may do what with the tools.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct McpAuthorization {
    /// Calls that come in; allowed once the token is valid without it.
    pub inbound: Option<McpPolicy>,
    /// What `tools/list` shows; every tool without it.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub listing: Option<McpPolicy>,
    /// Calls that go out.
    pub outbound: Option<McpOutbound>,
}

/// A Rego policy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct McpPolicy {
    /// The policy.
    pub opa: RegoPolicy,
}

/// With which token calls go out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("allOf" = [when("type", "tokenExchange", &["tokenExchange"])]))]
pub struct McpOutbound {
    /// `tokenExchange`, or `unprotected` for no token.
    #[serde(rename = "type")]
    pub kind: McpOutboundKind,
    /// How the token is exchanged; needed for `type: tokenExchange`.
    pub token_exchange: Option<McpTokenExchange>,
}

/// With which token calls go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum McpOutboundKind {
    /// One made for the tool (RFC 8693).
    TokenExchange,
    /// None.
    Unprotected,
}

/// How a token is exchanged.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct McpTokenExchange {
    /// With or without the actor in the token.
    #[serde(rename = "type", default)]
    pub kind: ExchangeKind,
    /// Connector of the authorization server, with our client there.
    #[schemars(extend("x-maverics-name" = "connector"))]
    pub idp: String,
    /// Whom the token is for.
    pub audience: SecretText,
    /// Tools that may be called.
    #[serde(default)]
    pub tools: Vec<McpTool>,
}

/// With or without the actor in the token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExchangeKind {
    /// With `act`.
    #[default]
    Delegation,
    /// Without.
    Impersonation,
}

/// A tool that may be called.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct McpTool {
    /// The backend's own name for it, without prefix.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Life of its token, 1s to 10m; 5s without it.
    pub ttl: Option<Duration>,
    /// Scopes asked for: texts, or maps with a `name`.
    #[serde(default)]
    pub scopes: Vec<McpScope>,
}

/// A scope: its name, or a map with it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum McpScope {
    /// The name.
    Text(String),
    /// A map with the name.
    Map {
        /// Scope token.
        name: String,
    },
}

impl JsonSchema for McpScope {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "McpScope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "object"],
            "pattern": r"^[\x21\x23-\x5b\x5d-\x7e]+$",
            "properties": {"name": {
                "type": "string", "description": "Scope token.", "pattern": r"^[\x21\x23-\x5b\x5d-\x7e]+$",
            }},
            "required": ["name"],
        })
    }
}
