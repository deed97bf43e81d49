//! `telemetry`: metrics and traces by OTLP.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::value::{SecretText, WebUrl};

/// Metrics and traces.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Telemetry {
    /// Metrics.
    pub metrics: Option<Metrics>,
    /// Traces.
    pub traces: Option<Traces>,
}

/// Metrics.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Metrics {
    /// Who collects them.
    pub readers: Vec<Reader>,
}

/// One collector of metrics.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reader {
    /// Sends at regular times.
    pub periodic: Periodic,
}

/// Sends at regular times.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Periodic {
    /// How often, in milliseconds; 5000 without it.
    #[schemars(range(min = 1))]
    pub interval: Option<u64>,
    /// Where to.
    pub exporter: Exporter,
}

/// Traces.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Traces {
    /// Who sends them.
    pub processors: Vec<Processor>,
}

/// One sender of traces: exactly one key.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Processor {
    /// Each span as it ends.
    pub simple: Option<Exporting>,
    /// Several at once.
    pub batch: Option<Exporting>,
}

/// Sends spans somewhere.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exporting {
    /// Where to.
    pub exporter: Exporter,
}

/// Where telemetry goes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exporter {
    /// An OTLP receiver.
    pub otlp: Otlp,
}

/// An OTLP receiver.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Otlp {
    /// `http/protobuf`, the only one.
    #[serde(default)]
    pub protocol: OtlpProtocol,
    /// Its address, path included.
    #[schemars(example = &"https://otel.example.com/v1/metrics")]
    pub endpoint: WebUrl,
    /// Its certificate is not verified; nothing changes for an `http` endpoint.
    #[serde(default)]
    pub insecure: bool,
    /// Longest wait, in milliseconds; 5000 without it.
    #[schemars(range(min = 1))]
    pub timeout: Option<u64>,
    /// Request headers.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub headers: BTreeMap<String, SecretText>,
    /// Client TLS profile.
    #[schemars(extend("x-maverics" = {"status": "ours"}, "x-maverics-name" = "tls"))]
    pub tls: Option<String>,
}

/// Encoding of OTLP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum OtlpProtocol {
    /// Protocol buffers over HTTP.
    #[default]
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}
