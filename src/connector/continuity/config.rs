//! Fields of `type: continuity`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::value::Duration;

/// Continuity over several providers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ContinuityConnector")]
pub struct Config {
    /// Unique.
    #[schemars(regex(pattern = "^[A-Za-z0-9_][A-Za-z0-9_-]*$"), example = &"ha-failover")]
    pub name: String,
    /// `continuity`.
    #[serde(rename = "type")]
    #[schemars(extend("type" = "string"))]
    pub kind: String,
    /// `failover`, the only one.
    #[serde(default)]
    pub strategy: Strategy,
    /// Members and how they are chosen.
    pub failover: Failover,
    /// One set of names whichever member signed in; the members' own names pass without it.
    #[schemars(length(min = 1))]
    pub attributes: Option<Vec<Attribute>>,
    /// Who a person is, across members.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub identity: Option<Identity>,
}

/// How the member is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// The first available one.
    #[default]
    Failover,
}

/// Members and how they are chosen.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failover {
    /// Connectors in order; the first is the primary.
    #[schemars(length(min = 1), extend("x-maverics-name" = "connector"))]
    pub idps: Vec<String>,
    /// Asking a member before a browser is sent to it.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub pre_flight: PreFlight,
    /// When all are down.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub last_resort: LastResort,
    /// Calming a provider that flaps.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub damping: Damping,
}

/// Asking a member before a browser is sent to it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PreFlight {
    /// Do not ask.
    pub disabled: bool,
    /// Evidence of life this old is accepted instead of asking.
    pub max_age: Duration,
    /// Longest wait for the answer.
    pub timeout: Duration,
}

impl Default for PreFlight {
    fn default() -> Self {
        PreFlight { disabled: false, max_age: Duration::default(), timeout: Duration::from_secs(3) }
    }
}

/// When all members are down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LastResort {
    /// 503 and a page.
    #[default]
    None,
    /// Send people to the primary anyway.
    Primary,
}

/// Calming a provider that flaps.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Damping {
    /// Leave thresholds as they are.
    pub disabled: bool,
}

/// One attribute of the common set.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// Read as `continuity-name.name`.
    #[schemars(regex(pattern = r"^[^.{}\\]+$"), example = &"email")]
    pub name: String,
    /// Member to the path of the value in its words. What a member that is left out would say is not known: no rule
    /// over it holds while that member serves, not even a negated one.
    #[schemars(extend("minProperties" = 1))]
    pub mapping: BTreeMap<String, String>,
    /// When the member has no entry, or says nothing.
    pub default: Option<Scalar>,
    /// No value, no sign-in.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub required: bool,
    /// true: always a list; false: exactly one value; as the member gives it without.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub multi_valued: Option<bool>,
    /// Per member: its value to ours; values not listed are dropped.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub value_mapping: BTreeMap<String, BTreeMap<String, String>>,
}

/// A text, a boolean or a number.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Scalar(pub Value);

impl JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "boolean", "number"]})
    }
}

/// Who a person is, across members.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Name of the attribute that is the same whichever member served; becomes the subject.
    pub attribute: String,
    /// Members whose e-mail counts without `email_verified: true`.
    #[serde(default)]
    pub trusted_email_idps: Vec<String>,
    /// Per member: the e-mail domains it may assert.
    #[serde(default)]
    pub allowed_domains: BTreeMap<String, Vec<String>>,
}
