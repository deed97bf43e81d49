//! What "well" means for a provider: one contract for asking, one vocabulary of reasons. How often to ask
//! and what follows from the answers is `continuity`'s.

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
    /// Facts learnt on the way, for `probe` and the operator: name and value, in order.
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
    /// Whether it is well.
    pub fn is_well(&self) -> bool {
        self.outcome.is_ok()
    }

    /// Not well, nothing measured.
    pub fn unwell(unwell: Unwell) -> Self {
        Verdict { outcome: Err(unwell), phases: Phases::default(), facts: Vec::new() }
    }
}
