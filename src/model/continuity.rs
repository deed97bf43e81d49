//! A continuity connector, linked.

use super::attributes::AttributeRule;
use super::idp::IdpIndex;
use crate::connector::continuity::config::{LastResort, PreFlight};
use crate::value::NonEmpty;
use crate::value::name::ConnectorName;

/// Failover over members.
#[derive(Debug, Clone)]
pub struct Continuity {
    /// Its name.
    pub name: ConnectorName,
    /// In order; the first is the primary.
    pub members: NonEmpty<IdpIndex>,
    /// Asking a member before a browser is sent to it.
    pub pre_flight: PreFlight,
    /// When all are down.
    pub last_resort: LastResort,
    /// Whether a flapping member is calmed.
    pub damped: bool,
    /// One set of names; `None`: the member's own pass through.
    pub attributes: Option<Vec<AttributeRule>>,
    /// What changes when these do: people who signed in before were read by other rules.
    pub words: u64,
    /// Who a person is, across members.
    pub identity: Option<Identity>,
    /// Pointer of its section, for labels.
    pub pointer: String,
}

/// Who a person is, across members.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Name of an attribute of the common set.
    pub attribute: String,
    /// Members whose e-mail counts without `email_verified: true`.
    pub trusted_email: Vec<IdpIndex>,
    /// E-mail domains a member may assert; any for members not listed.
    pub allowed_domains: Vec<(IdpIndex, Vec<String>)>,
}
