//! Feature flags: `features: {experimental.clusters: enabled}`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The flags we know; others are an info finding.
pub const KNOWN: &[&str] = &["experimental.clusters"];

/// Whether a flag is on in a configuration that may still have faults.
pub fn is_on(root: &Value, name: &str) -> bool {
    let flag = root.get("features").and_then(|features| features.get(name));
    flag.is_some_and(|flag| Flag::deserialize(flag).is_ok_and(|flag| flag.0))
}

/// On for `true`, `"true"` and `"enabled"` in any case; off otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Flag(match Value::deserialize(deserializer)? {
            Value::Bool(on) => on,
            Value::String(text) => matches!(text.to_ascii_lowercase().as_str(), "true" | "enabled"),
            _ => false,
        }))
    }
}

impl JsonSchema for Flag {
    fn schema_name() -> Cow<'static, str> {
        "Flag".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["boolean", "string"]})
    }
}
