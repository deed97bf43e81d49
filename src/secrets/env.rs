//! `env://PREFIX`: `<vault.primary-secret>` is the variable `PREFIX` + `VAULT_PRIMARY_SECRET`.

use super::Provider;
use crate::value::{Secret, SecretRef};

/// The environment, as a function.
type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Secrets from environment variables.
pub struct EnvSecrets {
    prefix: String,
    env: Box<Environment>,
}

impl EnvSecrets {
    /// `env` is the environment as a function.
    pub fn new(prefix: &str, env: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        EnvSecrets { prefix: prefix.to_owned(), env: Box::new(env) }
    }
}

impl Provider for EnvSecrets {
    fn look_up(&self, reference: &SecretRef) -> Option<Secret<String>> {
        let upper =
            reference.0.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
        let name: String = self.prefix.chars().chain(upper).collect();
        (self.env)(&name).map(Secret::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_variables() {
        let store =
            EnvSecrets::new("MV_", |name| (name == "MV_VAULT_PRIMARY_SECRET").then(|| "s".to_owned()));
        assert!(store.look_up(&SecretRef("vault.primary-secret".into())).is_some());
        assert!(store.look_up(&SecretRef("vault.other".into())).is_none());
    }
}
