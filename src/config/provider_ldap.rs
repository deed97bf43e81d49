//! `ldapProvider`: the directory that applications see.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::hook::Hook;
use super::section::OneOrMany;

/// LDAP provider.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LdapProvider {
    /// Listeners, one or a list: `ldap://host:port`, `ldaps://host:port`.
    #[schemars(extend(
        "pattern" = r"^ldaps?://[^\s/]*$",
        "items" = {"type": "string", "pattern": r"^ldaps?://[^\s/]*$"},
        "examples" = ["ldaps://0.0.0.0:636"]
    ))]
    pub uri: OneOrMany,
    /// Server TLS profile; with `ldap` it enables StartTLS.
    #[schemars(extend("x-maverics-name" = "tls"))]
    pub tls: Option<String>,
    /// Naming context.
    #[serde(rename = "baseDN")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub base_dn: Option<String>,
    /// Who checks a bind.
    #[serde(default)]
    pub authentication: LdapAuthentication,
    /// How searches are answered.
    #[serde(default)]
    pub search: LdapSearch,
}

/// Who checks a bind.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LdapAuthentication {
    /// Directory connectors in order; the first available one serves.
    #[schemars(extend("x-maverics" = {"status": "ours"}, "x-maverics-name" = "connector"))]
    pub idps: Option<Vec<String>>,
    /// Ways to bind.
    pub methods: LdapMethods,
}

/// Ways to bind.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LdapMethods {
    /// Name and password.
    pub simple: LdapSimple,
    /// NTLM.
    pub ntlm: Option<LdapNtlm>,
}

/// Binding with name and password.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LdapSimple {
    /// Credentials made by `upstreamLogin`, tried first.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub one_time_credential: Option<CredentialCache>,
    /// Hook.
    #[serde(rename = "authenticateSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `ldapProvider.authentication.idps`."}))]
    pub authenticate_se: Option<Hook>,
}

/// Where one-time credentials are kept.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialCache {
    /// The cache.
    #[schemars(extend("x-maverics" = {"status": "ours"}, "x-maverics-name" = "cache"))]
    pub cache: String,
}

/// Binding with NTLM.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LdapNtlm {
    /// Hook.
    #[serde(rename = "getHashedCredentialsSE")]
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub get_hashed_credentials_se: Option<Hook>,
}

/// How searches are answered.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LdapSearch {
    /// RDN attribute of entries that come from no directory; `uid` without it.
    #[serde(rename = "userRDNKey")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub user_rdn_key: Option<String>,
    /// LDAP name to the path of the attribute.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub attribute_mapping: BTreeMap<String, String>,
    /// Entries of one search; 1000 without it.
    #[schemars(range(min = 1), extend("x-maverics" = {"status": "ours"}))]
    pub size_limit: Option<u64>,
    /// Hook.
    #[serde(rename = "searchSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `ldapProvider.authentication.idps`."}))]
    pub search_se: Option<Hook>,
}
