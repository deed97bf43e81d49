//! Building blocks of typed sections.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::yaml::Document;
use super::{check, codes};
use crate::diag::Diagnostic;

/// Reads one typed section from a checked tree; a fault becomes a finding at the value that has it.
/// `base` is the pointer of `value`.
pub fn read<T: for<'de> Deserialize<'de>>(
    document: &Document,
    base: &str,
    value: &Value,
    findings: &mut Vec<Diagnostic>,
) -> Option<T> {
    match serde_path_to_error::deserialize::<_, T>(value) {
        Ok(section) => Some(section),
        Err(error) => {
            let mut at = base.to_owned();
            for segment in error.path() {
                match segment {
                    serde_path_to_error::Segment::Map { key } => at = super::yaml::child(&at, key),
                    serde_path_to_error::Segment::Seq { index } => at = format!("{at}/{index}"),
                    _ => {}
                }
            }
            let words = format!("{}: {}", check::describe(&at), error.inner());
            findings.push(Diagnostic::new(&codes::BAD_VALUE, words).at(document.value(&at)));
            None
        }
    }
}

/// A label that may be written as any scalar: `1`, `"1"`, `1.3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(pub String);

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Label(match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            other => other.to_string(),
        }))
    }
}

impl JsonSchema for Label {
    fn schema_name() -> Cow<'static, str> {
        "Label".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

/// One text or a list of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            One(String),
            Many(Vec<String>),
        }
        Ok(OneOrMany(match Either::deserialize(deserializer)? {
            Either::One(text) => vec![text],
            Either::Many(list) => list,
        }))
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "array"], "items": {"type": "string", "minLength": 1}, "minItems": 1})
    }
}

/// A full address, or a path on every host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("pattern" = r"^(/[^?#\s]*|https?://[^\s?#]+)$", "examples" = ["/logout"]))]
pub struct UrlOrPath(pub String);

/// A value that is documented as free, or not read here: anything.
#[derive(Debug, Clone, Deserialize)]
pub struct Unread(pub Value);

impl JsonSchema for Unread {
    fn schema_name() -> Cow<'static, str> {
        "Unread".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}
