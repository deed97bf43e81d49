//! The whole file, typed. Connectors and apps stay values here: their shape depends on their `type`, and
//! the table of kinds reads them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::caches::Cache;
use super::clusters::Cluster;
use super::features::Flag;
use super::health::{Admin, Health};
use super::hook::{Api, ServiceExtension};
use super::http::Http;
use super::logger::Logger;
use super::logout::SingleLogout;
use super::provider_ldap::LdapProvider;
use super::provider_mcp::McpProvider;
use super::provider_saml::SamlProviderBlock;
use super::providers::OidcProvider;
use super::section::Label;
use super::session::Session;
use super::telemetry::Telemetry;
use super::tls::Profile;

/// A configuration file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct File {
    /// Label of this configuration.
    pub version: Option<Label>,
    /// Feature flags; names are literal keys, dots included.
    pub features: BTreeMap<String, Flag>,
    /// The listener.
    pub http: Http,
    /// TLS profiles by name.
    #[schemars(extend("propertyNames" = {"pattern": "^[A-Za-z0-9_.-]+$"}))]
    pub tls: BTreeMap<String, Profile>,
    /// Sessions.
    pub session: Session,
    /// Caches by name.
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "`local_default`, in memory, always exists."}))]
    pub caches: Option<Vec<Cache>>,
    /// Clusters.
    #[schemars(extend("x-maverics" = {"status": "later", "feature": "experimental.clusters", "instead": "Use sticky sessions (`maverics lb-gen`)."}))]
    pub clusters: Option<Vec<Cluster>>,
    /// How the log looks.
    pub logger: Logger,
    /// Metrics and traces.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub telemetry: Option<Telemetry>,
    /// The status endpoint.
    pub health: Health,
    /// The admin listener.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub admin: Option<Admin>,
    /// Identity providers, and continuity over them.
    pub connectors: Vec<Value>,
    /// Applications.
    pub apps: Vec<Value>,
    /// OpenID provider.
    pub oidc_provider: Option<OidcProvider>,
    /// SAML provider.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub saml_provider: Option<SamlProviderBlock>,
    /// LDAP provider.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub ldap_provider: Option<LdapProvider>,
    /// AI identity gateway.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub mcp_provider: Option<McpProvider>,
    /// Single logout.
    pub single_logout: Option<SingleLogout>,
    /// Go APIs.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub apis: Option<Vec<Api>>,
    /// Go service extensions.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub service_extensions: Option<Vec<ServiceExtension>>,
}
