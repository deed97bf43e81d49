//! `$hook`: Go service extensions, which we know and do not run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::section::Unread;

/// A Go service extension.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// Function to call.
    pub func_name: Option<String>,
    /// File it is in.
    pub file: Option<String>,
    /// Its code.
    pub code: Option<String>,
    /// Handed to it.
    pub metadata: Option<BTreeMap<String, Unread>>,
    /// Where its packages are.
    pub go_path: Option<Unread>,
    /// Packages it may use.
    pub allowed_protected_packages: Option<Unread>,
}
