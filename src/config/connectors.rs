//! What every connector has: the envelope, and `healthCheck`. The rest is left to the kind
//! (`connector/<kind>/config.rs`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::value::{Duration, SecretText, WebUrl};

/// The envelope of a connector.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Common {
    /// Unique; `name.attribute` elsewhere reads what this provider said. Not `env`, not `se`.
    #[schemars(regex(pattern = "^[A-Za-z0-9_][A-Za-z0-9_-]*$"), example = &"okta-idp")]
    pub name: String,
    /// What kind of provider this is.
    #[serde(rename = "type")]
    #[schemars(extend("type" = "string"))]
    pub kind: String,
    /// Client TLS profile of all its outgoing calls.
    #[schemars(extend("x-maverics-name" = "tls"))]
    pub tls: Option<String>,
    /// How strongly this provider authenticates a person, 1 to 9; higher is stronger.
    #[schemars(range(min = 1, max = 9), extend("x-maverics" = {"status": "ours"}))]
    pub assurance: Option<u8>,
    /// Asking at regular times whether it is well.
    pub health_check: Option<HealthCheck>,
}

impl Common {
    /// Secrets among the headers of the custom endpoint.
    pub fn custom_headers(&self) -> impl Iterator<Item = (&'static str, &SecretText)> {
        let custom = self.health_check.as_ref().and_then(|c| c.custom_endpoint.as_ref());
        custom.into_iter().flat_map(|c| c.headers.values().map(|text| ("healthCheck", text)))
    }
}

/// Asking at regular times whether a provider is well.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// Whether it is asked at all.
    pub enabled: bool,
    /// From the start of one probe to the start of the next; at least 1s.
    pub interval: Duration,
    /// Of one probe.
    pub timeout: Duration,
    /// Consecutive failures until it counts as unhealthy.
    #[schemars(range(min = 1, max = 1000))]
    pub unhealthy_threshold: u32,
    /// Consecutive successes until it counts as healthy again.
    #[schemars(range(min = 1, max = 1000))]
    pub healthy_threshold: u32,
    /// A pretended outage, told aloud in the log: for rehearsals, never for production.
    pub simulation: Option<Simulation>,
    /// After the probe, also what a sign-in asks: a well-formed authorization request, and an empty one at the
    /// token endpoint (OIDC).
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub deep_probe: Option<DeepProbe>,
    /// Asked instead of the provider.
    pub custom_endpoint: Option<CustomEndpoint>,
}

impl Default for HealthCheck {
    fn default() -> Self {
        HealthCheck {
            enabled: false,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(30),
            unhealthy_threshold: 2,
            healthy_threshold: 2,
            simulation: None,
            deep_probe: None,
            custom_endpoint: None,
        }
    }
}

/// A pretended outage.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct Simulation {
    /// Whether to pretend.
    pub enabled: bool,
    /// Begins this long after start.
    pub start_after: Option<Duration>,
    /// Lasts this long; must be written where `enabled` is true.
    pub downtime: Option<Duration>,
}

impl Simulation {
    /// From when to when, counted from the start. `None` when nothing is pretended.
    pub fn window(&self) -> Option<(std::time::Duration, std::time::Duration)> {
        let downtime = self.downtime.filter(|_| self.enabled)?.std();
        let begins = self.start_after.unwrap_or_default().std();
        Some((begins, begins.saturating_add(downtime)))
    }

    /// Whether the provider is down by pretence, this long after the start.
    pub fn is_down(&self, since_start: std::time::Duration) -> bool {
        self.window().is_some_and(|(begins, ends)| begins <= since_start && since_start < ends)
    }
}

/// A deeper probe.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DeepProbe {
    /// Whether to ask so.
    pub enabled: bool,
}

/// An address asked instead of the provider.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomEndpoint {
    /// `http`, the only kind.
    #[serde(rename = "type", default)]
    pub kind: CustomEndpointKind,
    /// Asked with GET; redirects are not followed.
    pub endpoint: WebUrl,
    /// Request headers.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub headers: BTreeMap<String, SecretText>,
    /// Client TLS profile; the connector's without one.
    #[schemars(extend("x-maverics" = {"status": "ours"}, "x-maverics-name" = "tls"))]
    pub tls: Option<String>,
    /// What a healthy answer looks like; exactly status 200 without one.
    #[serde(default)]
    pub response_matcher: ResponseMatcher,
}

/// Kind of custom endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CustomEndpointKind {
    /// HTTP or HTTPS.
    #[default]
    Http,
}

/// What a healthy answer looks like. All conditions given must hold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseMatcher {
    /// Status codes that count as healthy.
    #[schemars(length(min = 1), inner(range(min = 100, max = 599)))]
    pub expected_statuses: Vec<u16>,
    /// About the body.
    pub body: Option<BodyMatcher>,
    /// Response headers that must have these values; names in any case.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub headers: BTreeMap<String, String>,
}

impl Default for ResponseMatcher {
    fn default() -> Self {
        ResponseMatcher { expected_statuses: vec![200], body: None, headers: BTreeMap::new() }
    }
}

/// About the body of an answer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BodyMatcher {
    /// Literal text, case-sensitive, looked for in the first 64 KiB.
    #[schemars(length(min = 1))]
    pub contains: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_pretended_from_then_to_then() {
        let minutes = |m: u64| std::time::Duration::from_secs(m * 60);
        let simulation = |enabled, start_after, downtime: Option<u64>| Simulation {
            enabled,
            start_after: Option::map(start_after, |m: u64| Duration::from_secs(m * 60)),
            downtime: downtime.map(|m| Duration::from_secs(m * 60)),
        };
        let down =
            |simulation: &Simulation| (0..10).filter(|m| simulation.is_down(minutes(*m))).collect::<Vec<_>>();
        assert_eq!(down(&simulation(true, Some(2), Some(3))), [2, 3, 4]);
        assert_eq!(down(&simulation(true, None, Some(1))), [0]);
        for nothing in
            [simulation(false, Some(2), Some(3)), simulation(true, Some(2), None), Simulation::default()]
        {
            assert_eq!(down(&nothing), [0; 0], "{nothing:?}");
        }
    }
}
