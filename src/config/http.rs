//! `http`: the listener.

use schemars::JsonSchema;
use serde::Deserialize;

use super::clusters::ClusterName;

/// Most bytes of all request headers together.
pub const HEADER_BYTES_MAX: u64 = 32_768;

/// The listener.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Http {
    /// Listen address, `host:port`; an empty host is every interface. `MAVERICS_HTTP_ADDRESS` wins.
    #[schemars(regex(pattern = r"^(\[[0-9a-fA-F:.]+\]|[^:\s\[\]]*):[0-9]{1,5}$"), example = &"0.0.0.0:9443")]
    pub address: String,
    /// Server TLS profile; plain HTTP without one. Excludes `hosts`.
    #[schemars(extend("x-maverics-name" = "tls"))]
    pub tls: Option<String>,
    /// A certificate per server name (SNI).
    pub hosts: Option<Vec<Host>>,
    /// Reading the whole request, in seconds; 0 is no limit. For proxied bodies, the longest pause.
    pub read_timeout_seconds: u64,
    /// Reading the request header, in seconds; 0 means `readTimeoutSeconds`.
    pub read_header_timeout_seconds: u64,
    /// Writing the response, in seconds; 0 is no limit. For proxied bodies, the longest stall.
    pub write_timeout_seconds: u64,
    /// Keep-alive between requests, in seconds.
    pub idle_timeout_seconds: u64,
    /// Our own endpoints, in seconds; then 503.
    pub endpoint_timeout_seconds: u64,
    /// One log line for each request.
    pub access_log: AccessLog,
    /// Cluster routing.
    #[schemars(extend("x-maverics" = {"status": "later", "feature": "experimental.clusters", "instead": "Use sticky sessions (`maverics lb-gen`) and Redis."}))]
    pub routing: Option<Routing>,
    /// Peers whose `X-Forwarded-*` and `Forwarded` headers are believed: addresses or CIDR blocks.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub trusted_proxies: Vec<String>,
    /// All request headers together, in bytes; above it 431.
    #[schemars(extend("x-maverics" = {"status": "ours"}), range(min = 1024, max = 1_048_576))]
    pub max_header_bytes: u64,
}

impl Default for Http {
    fn default() -> Self {
        Http {
            address: "0.0.0.0:9443".into(),
            tls: None,
            hosts: None,
            read_timeout_seconds: 20,
            read_header_timeout_seconds: 5,
            write_timeout_seconds: 20,
            // The original's 60 loses a race with balancers that keep connections for 60 s.
            idle_timeout_seconds: 75,
            endpoint_timeout_seconds: 15,
            access_log: AccessLog::default(),
            routing: None,
            trusted_proxies: Vec::new(),
            max_header_bytes: HEADER_BYTES_MAX,
        }
    }
}

/// A certificate for one server name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// The server name asked for: a host name, or `*.` and a host name. Needed unless `default`.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub name: Option<String>,
    /// Server TLS profile for it.
    #[schemars(extend("x-maverics-name" = "tls"))]
    pub tls: String,
    /// Used when no name matches or none is sent.
    #[serde(default)]
    pub default: bool,
}

/// Cluster routing.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Routing {
    /// Whether it is on.
    pub enabled: bool,
    /// `cluster`, the only one.
    #[serde(rename = "type")]
    pub kind: Option<RoutingKind>,
    /// The cluster.
    pub cluster: Option<ClusterName>,
}

/// Where requests may be routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoutingKind {
    /// To the node of the cluster that has the session.
    Cluster,
}

/// The access log.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessLog {
    /// No access log.
    pub disabled: bool,
    /// Level of its lines.
    pub level: AccessLogLevel,
}

/// Level of access log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum AccessLogLevel {
    Debug,
    #[default]
    Info,
    Error,
}
