//! The proof that secrets were opened.

use std::collections::BTreeMap;

use super::Provider;
use crate::value::{Secret, SecretRef, SecretText};

/// Every secret a deployment refers to. Whoever needs one asks here; there is no other way.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    secrets: BTreeMap<SecretRef, Secret<String>>,
}

/// References that no store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(pub Vec<SecretRef>);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "the secret store does not have {}", names.join(", "))
    }
}

/// Opens every reference, or lists all that are missing.
pub fn unlock<'a>(
    references: impl IntoIterator<Item = &'a SecretRef>,
    provider: Option<&dyn Provider>,
) -> Result<Keyring, Missing> {
    let mut keyring = Keyring::default();
    let mut missing = Vec::new();
    for reference in references {
        match provider.and_then(|p| p.look_up(reference)) {
            Some(secret) => {
                keyring.secrets.insert(reference.clone(), secret);
            }
            None => missing.push(reference.clone()),
        }
    }
    missing.sort();
    missing.dedup();
    if missing.is_empty() { Ok(keyring) } else { Err(Missing(missing)) }
}

impl Keyring {
    /// The secret a text stands for. `None` only for a reference that was not part of [`unlock`].
    pub fn open(&self, text: &SecretText) -> Option<Secret<String>> {
        match text {
            SecretText::Inline(secret) => Some(secret.clone()),
            SecretText::Reference(reference) => self.secrets.get(reference).cloned(),
        }
    }
}
