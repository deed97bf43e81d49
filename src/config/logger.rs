//! `logger`.

use schemars::JsonSchema;
use serde::Deserialize;

/// How the log looks.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Logger {
    /// Least level that is written.
    pub level: LogLevel,
    /// JSON lines instead of logfmt.
    pub json_output: bool,
    /// Adds an identifier derived from the session id, never the id.
    #[serde(rename = "logSessionID")]
    pub log_session_id: bool,
    /// A name (`RFC3339`, `Kitchen`, `StampMilli`, in any case) or a Go layout.
    pub time_format: String,
    /// Order of fields.
    pub field_ordering: FieldOrdering,
}

impl Default for Logger {
    fn default() -> Self {
        Logger {
            level: LogLevel::default(),
            json_output: false,
            log_session_id: false,
            time_format: "RFC3339".into(),
            field_ordering: FieldOrdering::default(),
        }
    }
}

/// Least level that is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

/// Order of fields.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldOrdering {
    /// ts, level, service and msg first, the rest by name; off: as written.
    pub enabled: bool,
}

impl Default for FieldOrdering {
    fn default() -> Self {
        FieldOrdering { enabled: true }
    }
}
