//! `clusters`: nodes that find each other. Behind the feature flag `experimental.clusters`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::schema::when;
use super::session::KEY_PATTERN;
use crate::value::{Duration, SecretText};

/// The name of a cluster, where another section refers to it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterName {
    /// Name of an entry of `clusters`.
    pub name: String,
}

/// One cluster.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Unique.
    pub name: String,
    /// Addresses of this node.
    pub addresses: Addresses,
    /// How nodes find each other.
    pub discovery: ClusterDiscovery,
    /// Keys between nodes.
    pub encryption: ClusterEncryption,
}

/// Addresses of this node, as multiaddr.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Addresses {
    /// For membership.
    #[schemars(regex(pattern = "^/"), example = &"/ip4/0.0.0.0/tcp/9450")]
    pub membership: String,
    /// For data.
    #[schemars(regex(pattern = "^/"), example = &"/ip4/0.0.0.0/tcp/9451")]
    pub data: String,
}

/// How nodes find each other.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("allOf" = [when("method", "static", &["static"]), when("method", "srvDNS", &["srvDNS"])]))]
pub struct ClusterDiscovery {
    /// Where their names come from.
    pub method: DiscoveryMethod,
    /// A fixed list.
    #[serde(rename = "static")]
    pub fixed: Option<StaticNodes>,
    /// SRV records.
    #[serde(rename = "srvDNS")]
    pub srv_dns: Option<SrvDns>,
}

/// Where the names of nodes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum DiscoveryMethod {
    /// A fixed list.
    #[serde(rename = "static")]
    Static,
    /// SRV records.
    #[serde(rename = "srvDNS")]
    SrvDns,
}

/// A fixed list of nodes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StaticNodes {
    /// Their addresses.
    #[schemars(length(min = 1))]
    pub nodes: Vec<String>,
}

/// Nodes by SRV records.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SrvDns {
    /// Names asked for.
    #[schemars(length(min = 1))]
    pub names: Vec<String>,
    /// How often.
    pub poll_interval: Option<Duration>,
}

/// Keys between nodes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterEncryption {
    /// Shared key, 64 hexadecimal digits.
    #[schemars(regex(pattern = KEY_PATTERN))]
    pub psk: SecretText,
    /// Key of this node.
    pub node_key: Option<NodeKey>,
}

/// Key of this node.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeKey {
    /// Where it is kept.
    pub file: String,
}
