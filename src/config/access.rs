//! Who may come in: `$authentication`, `$authorization`, rules, attribute providers.

use schemars::JsonSchema;
use serde::Deserialize;

use super::hook::Hook;

/// Who signs people in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Authentication {
    /// Connectors, in order: the first available one serves.
    #[schemars(length(min = 1), extend("x-maverics-name" = "connector"))]
    pub idps: Option<Vec<String>>,
    /// No provider below this level serves here, also when all others are down.
    #[schemars(range(min = 1, max = 9), extend("x-maverics" = {"status": "ours"}))]
    pub minimum_assurance: Option<u8>,
    /// Hook.
    #[serde(rename = "isAuthenticatedSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `idps`."}))]
    pub is_authenticated_se: Option<Hook>,
    /// Hook.
    #[serde(rename = "authenticateSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `idps`."}))]
    pub authenticate_se: Option<Hook>,
    /// Back-channel authentication.
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `idps`."}))]
    pub backchannel: Option<Backchannel>,
}

/// Who signs people in to one location of a proxied application.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyAuthentication {
    /// Connectors, in order: the first available one serves.
    #[schemars(length(min = 1), extend("x-maverics-name" = "connector"))]
    pub idps: Option<Vec<String>>,
    /// No sign-in is asked.
    pub allow_unauthenticated: bool,
    /// No provider below this level serves here, also when all others are down.
    #[schemars(range(min = 1, max = 9), extend("x-maverics" = {"status": "ours"}))]
    pub minimum_assurance: Option<u8>,
    /// Hook.
    #[serde(rename = "isAuthenticatedSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `idps`."}))]
    pub is_authenticated_se: Option<Hook>,
    /// Hook.
    #[serde(rename = "authenticateSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `idps`."}))]
    pub authenticate_se: Option<Hook>,
}

/// Who of the signed-in people may pass.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Authorization {
    /// Everyone; ends the evaluation.
    pub allow_all: bool,
    /// Conditions.
    pub rules: Vec<Rule>,
    /// How the rules combine.
    pub rules_aggregation_method: Aggregation,
    /// Hook.
    #[serde(rename = "isAuthorizedSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `rules`."}))]
    pub is_authorized_se: Option<Hook>,
    /// Rego policies over tokens.
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `rules`."}))]
    pub token_minting: Option<TokenMinting>,
}

/// Authentication without a browser.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Backchannel {
    /// Hook.
    #[serde(rename = "authenticateSE")]
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub authenticate_se: Option<Hook>,
}

/// Rego policies over tokens, asked before one is signed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TokenMinting {
    /// Access tokens.
    pub access_token: MintingPolicies,
}

/// Policies that must all allow.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MintingPolicies {
    /// The policies.
    pub policies: Vec<RegoPolicy>,
}

/// A Rego v1 policy: `package orchestrator`, decision `result.allowed`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegoPolicy {
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Its file.
    #[schemars(length(min = 1))]
    pub file: String,
}

/// How rules combine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Aggregation {
    /// All must hold.
    #[default]
    And,
    /// One is enough.
    Or,
}

/// One condition: exactly one key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
#[derive(Default)]
#[serde(default)]
pub struct Rule {
    /// All of these.
    #[schemars(length(min = 1))]
    pub and: Option<Vec<Rule>>,
    /// One of these.
    #[schemars(length(min = 1))]
    pub or: Option<Vec<Rule>>,
    /// Left and right are the same text. A comparison with what is not known holds nowhere, whichever key it has: an
    /// attribute that the member which served has no source for, that a directory withheld or could not be asked
    /// for, or of a provider that did not sign the person in.
    pub equals: Option<Operands>,
    /// They are not; so also where there is nothing to compare.
    pub not_equals: Option<Operands>,
    /// Left has right as a member or, where it is a single text, as a part of that. Names of directory entries are
    /// the same in any case.
    pub contains: Option<Operands>,
    /// It has not.
    pub not_contains: Option<Operands>,
}

/// Two operands: a template, and a text or template.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Operands(#[schemars(length(min = 2, max = 2))] pub Vec<Operand>);

/// A text with attribute templates.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-maverics-template" = "attributes"))]
pub struct Operand(pub String);

/// Attributes looked up after sign-in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttrProvider {
    /// `ldap`, `activedirectory` or `local` connector.
    #[schemars(extend("x-maverics" = {"status": "ours"}, "x-maverics-name" = "connector"))]
    pub connector: String,
    /// Attribute of the signed-in person whose value is the search key.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub username_mapping: String,
}
