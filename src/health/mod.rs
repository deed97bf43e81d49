//! What "well" means for a provider: one contract for asking, one vocabulary of reasons. How often to ask
//! and what follows from the answers is `continuity`'s.

pub mod fact;
pub mod http;
pub mod matcher;
pub mod reason;

use crate::net::Phases;
pub use reason::Reason;

/// What one question to a provider brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `Ok` when it is well; otherwise why not.
    pub outcome: Result<(), Unwell>,
    /// How long each part took.
    pub phases: Phases,
    /// Facts learnt on the way, for `probe` and the operator: name and value, in order. Names are those of
    /// [`fact`]:
    ///
    /// | name | kinds | value |
    /// | --- | --- | --- |
    /// | `issuer` | oidc, saml | the issuer, or the entity id of the metadata |
    /// | `usableKeys` | oidc, saml | how many keys we can verify with, a number |
    /// | `keyIds` | oidc | how many of them have an id, a number |
    /// | `keyAlgorithms` | oidc, saml | their kinds, blank-separated |
    /// | `clockSkewSecs` | oidc, saml | the provider's clock minus ours |
    /// | `rateLimited` | oidc, saml | `true`: "too often" was taken for a sign of life |
    /// | `authorizationStatus` | oidc, saml | what the sign-in page answered, or why it was not asked |
    /// | `metadataValidUntil` | saml | RFC 3339; absent when the metadata names no end |
    /// | `signingCertificateUntil` | saml | RFC 3339; the latest end of the signing certificates |
    /// | `signOnBindings` | saml | `POST`, `Redirect` or both, blank-separated |
    /// | `servers` | ldap | `2 of 3`: how many answered, of those configured |
    /// | `serversDown` | ldap | those that did not: `ldaps://b:636 (timeout)`, by `, `; absent without any |
    /// | `startTls` | ldap | `true` when the connection was raised to TLS |
    /// | `people` | local | entries of the file |
    ///
    /// A directory of several servers is well while one of them is: the servers that are down are a fact, not
    /// an outcome. [`Phases::request`](crate::net::Phases) of a directory is bind and search together, with the
    /// other phases and the certificate days of the server that answered. A name is given once.
    pub facts: Vec<(String, String)>,
}

/// Why a provider is not well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Unwell {
    /// Stable code, shared by log, probe, metrics and drill.
    pub reason: Reason,
    /// Words for the operator; never what the peer sent, save numbers and names we parsed.
    pub detail: String,
}

impl Unwell {
    /// A reason and its words.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Unwell { reason, detail: detail.into() }
    }
}

impl From<crate::net::NetError> for Unwell {
    fn from(error: crate::net::NetError) -> Self {
        Unwell::new(Reason::of_net(&error), error.to_string())
    }
}

impl Verdict {
    /// The value of a fact, by its name in [`fact`].
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is well.
    pub fn is_well(&self) -> bool {
        self.outcome.is_ok()
    }

    /// Not well, nothing measured.
    pub fn unwell(unwell: Unwell) -> Self {
        Verdict { outcome: Err(unwell), phases: Phases::default(), facts: Vec::new() }
    }
}
