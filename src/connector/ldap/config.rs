//! Fields of `type: ldap` and `activedirectory`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::connectors::Common;
use crate::config::schema::one_of;
use crate::config::section::OneOrMany;
use crate::value::SecretText;

/// An LDAP directory.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-maverics" = {"status": "later", "instead": "Directory members are not run yet; for a last resort on this machine use a `local` connector."}, "allOf" = [one_of(&["bindDN", "serviceAccountUsername"]), one_of(&["bindPassword", "serviceAccountPassword"])]))]
#[schemars(rename = "LdapConnector")]
pub struct Config {
    /// The envelope.
    #[serde(flatten)]
    pub common: Common,
    /// `ldap://` or `ldaps://`, one or a list.
    #[schemars(extend(
        "pattern" = r"^ldaps?://[^\s/]+/?$",
        "items" = {"type": "string", "pattern": r"^ldaps?://[^\s/]+/?$"},
        "examples" = ["ldaps://dc.example.com:636"]
    ))]
    pub url: OneOrMany,
    /// Service account.
    #[serde(rename = "bindDN")]
    pub bind_dn: Option<String>,
    /// Its password.
    pub bind_password: Option<SecretText>,
    /// Second spelling of `bindDN`.
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "bindDN"}))]
    pub service_account_username: Option<String>,
    /// Second spelling of `bindPassword`.
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "bindPassword"}))]
    pub service_account_password: Option<SecretText>,
    /// Search base.
    #[serde(rename = "baseDN")]
    pub base_dn: String,
    /// Attribute of the user search.
    pub username_search_key: Option<String>,
    /// Attribute of the user's RDN, for a bind without search.
    #[serde(rename = "userRDNKey")]
    pub user_rdn_key: Option<String>,
    /// How deep the user search goes.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub authentication_search_scope: Option<Scope>,
    /// Between the values of a list when one text is needed.
    pub attribute_delimiter: Option<String>,
    /// Name under which it is seen to attribute in the directory.
    #[serde(default)]
    pub attribute_mapping: BTreeMap<String, String>,
    /// Where the sign-in form posts.
    #[serde(rename = "loginURL")]
    pub login_url: Option<String>,
}

/// How deep a search goes.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of RFC 4511 §4.5.1.2")]
pub enum Scope {
    BaseObject,
    SingleLevel,
    WholeSubtree,
}
