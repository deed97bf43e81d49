//! `caches`: named caches that several nodes can share. `local_default`, in memory, always exists.

use schemars::JsonSchema;
use serde::Deserialize;

use super::clusters::ClusterName;
use super::schema::{unless, when};
use super::session::{KEY_PATTERN, Keys};
use crate::value::SecretText;

/// The cache that always exists, in the memory of this node.
pub const LOCAL_DEFAULT: &str = "local_default";

/// One cache.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("allOf" = [when("type", "redis", &["redis"]), when("type", "cluster", &["cluster"])]))]
pub struct Cache {
    /// Unique; not `local_default`.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Where it is kept.
    #[serde(rename = "type")]
    pub kind: CacheKind,
    /// The Redis servers; needed for `type: redis`.
    pub redis: Option<Redis>,
    /// Sealing of values; values are stored unsealed without it.
    pub encryption: Option<Encryption>,
    /// Hashing of cache keys.
    pub hashing: Option<Hashing>,
    /// The cluster; needed for `type: cluster`.
    pub cluster: Option<ClusterName>,
}

/// Where a cache is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CacheKind {
    /// Redis or Valkey.
    Redis,
    /// Shared by the nodes of a cluster.
    Cluster,
}

/// Redis servers: standalone, behind Sentinel, or a cluster; the server's own answer decides.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redis {
    /// `host:port`; for a cluster, every node.
    #[schemars(length(min = 1), inner(regex(pattern = r"^(\[[0-9a-fA-F:.]+\]|[^:\s\[\]]+):[0-9]{1,5}$")))]
    pub addresses: Vec<String>,
    /// ACL user.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<SecretText>,
    /// Client TLS profile; a plain connection without one.
    #[schemars(extend("x-maverics-name" = "tls"))]
    pub tls: Option<String>,
    /// With it, `addresses` are Sentinels, and the primary of this name is used.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub master_name: Option<String>,
    /// ACL user of the Sentinels.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub sentinel_username: Option<String>,
    /// Its password.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub sentinel_password: Option<SecretText>,
}

/// Sealing of values with AES-256-GCM.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("allOf" = [unless("disabled", &["keys"])]))]
pub struct Encryption {
    /// Values are stored unsealed.
    pub disabled: bool,
    /// The keys; needed unless `disabled`.
    pub keys: Option<Keys>,
}

/// Hashing of cache keys.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Hashing {
    /// The HMAC keys; derived from those of `encryption` without it.
    pub keys: HashingKeys,
}

/// HMAC keys for cache keys.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HashingKeys {
    /// Cache keys in clear, for debugging.
    pub disabled: bool,
    /// 64 hexadecimal digits.
    #[schemars(regex(pattern = KEY_PATTERN), extend("x-maverics" = {"status": "ours"}))]
    pub current: Option<SecretText>,
    /// Tried when reading and taking.
    #[schemars(inner(regex(pattern = KEY_PATTERN)), extend("x-maverics" = {"status": "ours"}))]
    pub old: Vec<SecretText>,
}
