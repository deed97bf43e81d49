//! `health` (the status endpoint) and `admin`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::value::{Duration, SecretText};

/// The status endpoint and the heartbeat.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Health {
    /// Path of the status endpoint.
    #[schemars(regex(pattern = "^/[^?#\\s]*$"), example = &"/status")]
    pub location: String,
    /// A log line at regular times.
    pub heartbeat: Heartbeat,
}

impl Default for Health {
    fn default() -> Self {
        Health { location: "/status".into(), heartbeat: Heartbeat::default() }
    }
}

/// A log line at regular times.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Heartbeat {
    /// None.
    pub disabled: bool,
    /// How often.
    pub interval: Duration,
    /// Level of its lines.
    pub log_level: HeartbeatLevel,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Heartbeat { disabled: false, interval: Duration::from_secs(60), log_level: HeartbeatLevel::Info }
    }
}

/// Level of heartbeat lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum HeartbeatLevel {
    Info,
    Debug,
}

/// The admin listener: metrics and the operator page.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Admin {
    /// Switches the listener off without removing the block.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub disabled: bool,
    /// Listen address, `127.0.0.1:9444` by default.
    #[schemars(regex(pattern = r"^(\[[0-9a-fA-F:.]+\]|[^:\s\[\]]*):[0-9]{1,5}$"), example = &"127.0.0.1:9444", extend("x-maverics" = {"status": "ours"}))]
    pub address: Option<String>,
    /// Server TLS profile.
    #[schemars(extend("x-maverics" = {"status": "ours"}, "x-maverics-name" = "tls"))]
    pub tls: Option<String>,
    /// Bearer token, 32 characters or more.
    #[schemars(regex(pattern = r"^(\s*<[^<>]+>\s*|.{32,})$"), extend("x-maverics" = {"status": "ours"}))]
    pub token: Option<SecretText>,
}

/// Where the admin listener is, when nobody says where.
pub const ADMIN_ADDRESS: &str = "127.0.0.1:9444";
/// Shortest token of the admin listener, in characters.
pub const ADMIN_TOKEN_CHARS_MIN: usize = 32;

/// Whether an address `host:port` names this machine alone. An empty host is every interface.
pub fn is_loopback_address(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    match host.parse::<std::net::IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => is_localhost(host),
    }
}

/// `localhost` and the names below it, which browsers and our resolver send nowhere else.
pub fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_this_machine_alone() {
        for address in
            ["127.0.0.1:1", "[::1]:1", "localhost:1", "LocalHost:1", "a.localhost:1", "127.9.9.9:1"]
        {
            assert!(is_loopback_address(address), "{address}");
        }
        for address in ["0.0.0.0:1", ":1", "[::]:1", "10.0.0.1:1", "localhost.example:1", "x.test:1"] {
            assert!(!is_loopback_address(address), "{address}");
        }
        assert!(is_loopback_address("[::ffff:127.0.0.1]:1"));
    }
}
