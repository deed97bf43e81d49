//! `samlProvider`: the SAML identity provider that applications see.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use super::schema::{of, one_of};
use crate::value::{SecretText, WebUrl};

/// SAML identity provider.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SamlProvider {
    /// Cache of pending requests.
    #[schemars(extend("x-maverics-name" = "cache"))]
    pub cache: Option<String>,
    /// Our entity id.
    pub issuer: Option<String>,
    /// Addresses, where they differ from the issuer's own.
    pub endpoints: SamlEndpoints,
    /// How responses are signed.
    pub signature: Option<Signature>,
    /// Second spelling of `endpoints.metadata`.
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "endpoints.metadata"}))]
    pub metadata_endpoint: Option<WebUrl>,
    /// Second spelling of `endpoints.singleSignOnService`.
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "endpoints.singleSignOnService"}))]
    pub single_sign_on_service_endpoint: Option<WebUrl>,
    /// Second spelling of `endpoints.singleLogoutService`.
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "endpoints.singleLogoutService"}))]
    pub single_logout_service_endpoint: Option<WebUrl>,
}

/// Addresses of the identity provider.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SamlEndpoints {
    /// Metadata; needed when the issuer is no URL.
    pub metadata: Option<WebUrl>,
    /// Single sign-on service; needed when the issuer is no URL.
    pub single_sign_on_service: Option<WebUrl>,
    /// Single logout service; needed when the issuer is no URL.
    pub single_logout_service: Option<WebUrl>,
}

/// A certificate and its private key, as texts or as files, and what is signed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend(
    "allOf" = [one_of(&["certificate", "certificateFile", "privateKey", "privateKeyFile"])],
    "dependentRequired" = {
        "certificate": ["privateKey"], "privateKey": ["certificate"],
        "certificateFile": ["privateKeyFile"], "privateKeyFile": ["certificateFile"],
    }
))]
pub struct Signature {
    /// PEM certificate.
    pub certificate: Option<SecretText>,
    /// PEM private key.
    pub private_key: Option<SecretText>,
    /// PEM certificate.
    pub certificate_file: Option<String>,
    /// PEM private key.
    pub private_key_file: Option<String>,
    /// The response is not signed.
    pub disable_signed_response: bool,
    /// The assertion is not signed.
    pub disable_signed_assertion: bool,
}

/// The block: one provider, or (second spelling) a list with exactly one.
#[derive(Debug, Clone, Deserialize)]
pub struct SamlProviderBlock(pub Value);

impl JsonSchema for SamlProviderBlock {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SamlProviderBlock".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = of::<SamlProvider>(generator);
        let listed = of::<ListedSamlProvider>(generator);
        json_schema!({
            "type": ["object", "array"],
            "allOf": [{"if": {"type": "object"}, "then": one}],
            "items": listed,
            "minItems": 1,
            "maxItems": 1,
        })
    }
}

/// A provider written as the only entry of a list.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedSamlProvider {
    /// No effect.
    #[schemars(extend("x-maverics" = {"status": "alias"}))]
    pub name: Option<String>,
    /// No effect.
    #[serde(rename = "type")]
    #[schemars(extend("x-maverics" = {"status": "alias"}))]
    pub kind: Option<String>,
    /// The provider.
    #[serde(flatten)]
    pub provider: SamlProvider,
}
