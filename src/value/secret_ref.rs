//! `<vault.primary-secret>`: a reference to a secret, not its value.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::Secret;

/// The name inside the angle brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretRef(pub String);

impl SecretRef {
    /// Reads a whole value. `None` when it is not a reference: only a text that is nothing but
    /// `<name>`, blanks around it aside, counts.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim().strip_prefix('<')?.strip_suffix('>')?;
        (!name.is_empty() && !name.contains(['<', '>'])).then(|| SecretRef(name.to_owned()))
    }

    /// Whether the name has only the characters references have (letters, digits, `. - _ : /`, blanks).
    pub fn is_well_formed(&self) -> bool {
        self.0.chars().all(|c| c.is_alphanumeric() || ". -_:/".contains(c))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

/// What stands where a secret belongs: a reference, or (linted) the secret itself.
#[derive(Debug, Clone)]
pub enum SecretText {
    /// To be looked up by `secrets::unlock`.
    Reference(SecretRef),
    /// Written into the file.
    Inline(Secret<String>),
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match SecretRef::parse(&text) {
            Some(reference) => SecretText::Reference(reference),
            None => SecretText::Inline(Secret::new(text)),
        })
    }
}

impl JsonSchema for SecretText {
    fn schema_name() -> Cow<'static, str> {
        "SecretText".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "x-maverics-secret": true,
            "examples": ["<vault.some-secret>"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_values_are_references() {
        assert_eq!(SecretRef::parse(" <vault.x> "), Some(SecretRef("vault.x".into())));
        for text in ["<>", "a <b>", "<a> <b>", "<a", "plain", "<a<b>>"] {
            assert_eq!(SecretRef::parse(text), None, "{text}");
        }
    }
}
