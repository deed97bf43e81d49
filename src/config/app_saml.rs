//! `type: saml`: a service provider registered with us.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::access::{AttrProvider, Authentication, Authorization};
use super::hook::Hook;
use super::provider_saml::Signature;
use super::schema::one_of;
use super::section::UrlOrPath;
use crate::value::{SecretText, WebUrl};

/// A service provider registered with us.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend(
    "x-maverics" = {"status": "later", "instead": "Service providers are not served yet; register the application as a `type: oidc` app, or put it behind a `type: proxy` app."},
    "allOf" = [one_of(&["consumerServiceURL", "consumerServiceURLs"])]
))]
pub struct SamlApp {
    /// Unique.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// `saml`.
    #[serde(rename = "type")]
    #[schemars(extend("type" = "string"))]
    pub kind: String,
    /// Entity id of the service provider, exact; unique.
    #[schemars(length(min = 1))]
    pub audience: String,
    /// Its (default) assertion consumer service.
    #[serde(rename = "consumerServiceURL")]
    pub consumer_service_url: Option<WebUrl>,
    /// Several; the first is the default.
    #[serde(rename = "consumerServiceURLs")]
    #[schemars(length(min = 1), extend("x-maverics" = {"status": "ours"}))]
    pub consumer_service_urls: Option<Vec<WebUrl>>,
    /// Its single logout service, by redirect.
    #[serde(rename = "logoutServiceURL")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub logout_service_url: Option<WebUrl>,
    /// Who signs people in.
    pub authentication: Option<Authentication>,
    /// Who may pass; everyone without it.
    pub authorization: Option<Authorization>,
    /// Attributes looked up after sign-in.
    #[serde(default)]
    pub attr_providers: Vec<AttrProvider>,
    /// Hook.
    #[serde(rename = "loadAttrsSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `attrProviders`."}))]
    pub load_attrs_se: Option<Hook>,
    /// How the person is named.
    #[serde(rename = "nameID")]
    pub name_id: Option<NameId>,
    /// Attribute name to attribute (`mail: ha.email`).
    #[serde(default)]
    pub claims_mapping: BTreeMap<String, String>,
    /// NameFormat of the attributes.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub attribute_name_format: AttributeNameFormat,
    /// How long an assertion is good, at most 1h; a duration, or whole seconds.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub duration: Option<Validity>,
    /// RelayState of a sign-in that begins here.
    #[serde(rename = "relayStateURL")]
    pub relay_state_url: Option<WebUrl>,
    /// Begins a sign-in here.
    #[serde(rename = "loginURL")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub login_url: Option<UrlOrPath>,
    /// How its requests are verified.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub request_verification: Option<RequestVerification>,
    /// Whom assertions are encrypted for.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub encryption: Option<Recipient>,
    /// Signing, where it differs from `samlProvider.signature`.
    pub signature: Option<Signature>,
    /// Hook.
    #[serde(rename = "buildClaimsSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `claimsMapping`."}))]
    pub build_claims_se: Option<Hook>,
    /// Hook.
    #[serde(rename = "buildRelayStateSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `relayStateURL`."}))]
    pub build_relay_state_se: Option<Hook>,
}

/// How the person is named.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NameId {
    /// URI of the format; transient and persistent names are generated.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub format: Option<String>,
    /// Path of the attribute that names the person; the subject without it.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub attr_mapping: Option<String>,
    /// Second spelling of `attrMapping`.
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "attrMapping"}))]
    pub attribute: Option<String>,
}

/// NameFormat of attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are those of SAML Core §8.2")]
pub enum AttributeNameFormat {
    #[default]
    Uri,
    Basic,
    Unspecified,
}

/// A duration, or whole seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Validity {
    /// Whole seconds.
    Seconds(u64),
    /// With a unit.
    Duration(crate::value::Duration),
}

impl JsonSchema for Validity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Validity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "minimum": 1, "maximum": 3600,
            "pattern": r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+$",
            "examples": ["5m"],
        })
    }
}

/// How requests are verified. Without a certificate, logout requests are refused.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestVerification {
    /// PEM certificate.
    pub certificate: Option<SecretText>,
    /// PEM certificate.
    pub certificate_file: Option<String>,
    /// false: unsigned sign-in requests are accepted; signed ones are verified still.
    #[schemars(extend("default" = true))]
    pub required: Option<bool>,
}

/// Whom assertions are encrypted for.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("allOf" = [one_of(&["certificate", "certificateFile"])]))]
pub struct Recipient {
    /// PEM certificate.
    pub certificate: Option<SecretText>,
    /// PEM certificate.
    pub certificate_file: Option<String>,
}
