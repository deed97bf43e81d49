//! An identity provider with its facts and its check.

use std::sync::Arc;

use crate::config::connectors::HealthCheck;
use crate::connector::IdpConfig;
use crate::connector::facts::Facts;
use crate::value::name::{ConnectorName, TlsName};

/// Place of a provider in the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdpIndex(pub usize);

/// An identity provider.
#[derive(Debug, Clone)]
pub struct Idp {
    /// Its name.
    pub name: ConnectorName,
    /// Value of `type`.
    pub type_name: String,
    /// Its configuration.
    pub config: Arc<dyn IdpConfig>,
    /// What an offline tool may know.
    pub facts: Facts,
    /// How it is watched; `None` when nobody asks.
    pub check: Option<HealthCheck>,
    /// How strongly it authenticates.
    pub assurance: Option<u8>,
    /// Client TLS profile.
    pub tls: Option<TlsName>,
    /// Pointer of its section, for labels.
    pub pointer: String,
}

impl Idp {
    /// The check it is watched with, whether or not it is watched: `probe` asks unwatched ones too.
    pub fn check_or_default(&self) -> HealthCheck {
        self.config.common().health_check.clone().unwrap_or_default()
    }
}
