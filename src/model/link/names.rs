//! Names that entries have and refer to.

use std::collections::BTreeMap;

use crate::model::ProviderRef;

/// What a connector name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A linked provider or continuity connector.
    Known(ProviderRef),
    /// An entry that exists and has faults of its own, or is not run here.
    Broken,
}

/// The connectors by name.
#[derive(Debug, Default)]
pub struct Names {
    /// By name.
    pub by_name: BTreeMap<String, Named>,
    /// Some entry has no readable name, so "no such connector" cannot be said.
    pub unsure: bool,
}

impl Names {
    /// All names.
    pub fn all(&self) -> impl Iterator<Item = &str> + Clone {
        self.by_name.keys().map(String::as_str)
    }
}
