//! `$hook`: Go service extensions, which we know and do not run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::schema::one_of;
use super::section::Unread;

/// A Go service extension.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("allOf" = [one_of(&["file", "code"])]))]
pub struct Hook {
    /// Function to call.
    pub func_name: String,
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

/// An address of ours that Go code answers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Api {
    /// Its name.
    pub name: String,
    /// The code.
    #[serde(rename = "serveSE")]
    pub serve_se: Hook,
}

/// A file of Go code that hooks can name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceExtension {
    /// Its name.
    pub name: String,
    /// The file.
    pub file: String,
}
