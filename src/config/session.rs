//! `session`: cookie, lifetime, store.

use schemars::JsonSchema;
use serde::Deserialize;

use super::clusters::ClusterName;
use super::hook::Hook;
use super::schema::when;
use crate::value::{Duration, SecretText};

/// Sessions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Session {
    /// The session cookie.
    pub cookie: Cookie,
    /// How long sessions live.
    pub lifetime: Lifetime,
    /// Where they are kept.
    pub store: Store,
    /// Key that seals pending sign-ins, so that any node can finish them.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub encryption: Option<SealKeys>,
    /// Back-channel logout reaching every node.
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "A logout that a provider announces ends sessions of the node that receives it; with several nodes, sessions also end at `session.lifetime`."}))]
    pub revocations: Option<Revocations>,
}

/// Back-channel logout reaching every node.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Revocations {
    /// The cache that nodes share; this node only without it.
    #[schemars(extend("x-maverics" = {"status": "ours"}, "x-maverics-name" = "cache"))]
    pub cache: Option<String>,
}

/// The session cookie.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Cookie {
    /// Its name.
    #[schemars(regex(pattern = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"), example = &"maverics_session")]
    pub name: String,
    /// Domain it is sent to, leading dot optional; this host only without one.
    #[schemars(regex(pattern = r"^\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"), example = &"example.com")]
    pub domain: Option<String>,
    /// Without `HttpOnly`.
    #[serde(rename = "disableHTTPOnly")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub disable_http_only: Option<bool>,
    /// Second spelling of `disableHTTPOnly`.
    #[serde(rename = "disableHTTPOnlyCookie")]
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "disableHTTPOnly"}))]
    pub disable_http_only_cookie: Option<bool>,
    /// Without `Secure`; SameSite then is `Lax` instead of `None`. True when every public URL is http.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub disable_secure: Option<bool>,
    /// Second spelling of `disableSecure`.
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "disableSecure"}))]
    pub disable_secure_cookie: Option<bool>,
}

impl Default for Cookie {
    fn default() -> Self {
        Cookie {
            name: "maverics_session".into(),
            domain: None,
            disable_http_only: None,
            disable_http_only_cookie: None,
            disable_secure: None,
            disable_secure_cookie: None,
        }
    }
}

/// How long sessions live.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Lifetime {
    /// Since sign-in.
    pub max_timeout: Duration,
    /// Since the last request; 0 is off.
    pub idle_timeout: Duration,
    /// Hook deciding the absolute lifetime.
    #[serde(rename = "evalMaxLifetimeSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `maxTimeout`."}))]
    pub eval_max_lifetime_se: Option<Hook>,
    /// Hook deciding the idle lifetime.
    #[serde(rename = "evalIdleTimeoutSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `idleTimeout`."}))]
    pub eval_idle_timeout_se: Option<Hook>,
}

impl Default for Lifetime {
    fn default() -> Self {
        Lifetime {
            max_timeout: Duration::from_secs(12 * 3600),
            idle_timeout: Duration::default(),
            eval_max_lifetime_se: None,
            eval_idle_timeout_se: None,
        }
    }
}

/// Where sessions are kept.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("allOf" = [when("type", "cluster", &["cluster"])]))]
pub struct Store {
    /// `local`: in the memory of this node.
    #[serde(rename = "type")]
    #[schemars(extend("x-maverics-later" = ["cluster"]))]
    pub kind: StoreKind,
    /// The local store.
    pub local: LocalStore,
    /// The cluster store.
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `local` with sticky sessions (`maverics lb-gen`)."}))]
    pub cluster: Option<ClusterName>,
}

/// Kind of store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// In the memory of this node.
    #[default]
    Local,
    /// Shared by a cluster; not run here yet.
    Cluster,
}

/// The local store.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalStore {
    /// Sessions held; the least recently used leaves first.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub capacity: usize,
}

impl Default for LocalStore {
    fn default() -> Self {
        LocalStore { capacity: 50_000 }
    }
}

/// A 256-bit key in hexadecimal, or a reference to one.
pub const KEY_PATTERN: &str = r"^(\s*<[^<>]+>\s*|[0-9a-fA-F]{64})$";

/// A key and its predecessors.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SealKeys {
    /// The keys.
    pub keys: Keys,
}

/// A current key and old ones.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// 64 hexadecimal digits.
    #[schemars(regex(pattern = KEY_PATTERN))]
    pub current: SecretText,
    /// Open only.
    #[serde(default)]
    #[schemars(inner(regex(pattern = KEY_PATTERN)))]
    pub old: Vec<SecretText>,
}
