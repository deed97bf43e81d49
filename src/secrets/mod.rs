//! References to values: one secret store, opened once at start and again at reload.

pub mod env;
pub mod file;
pub mod keyring;
pub mod sealing;

pub use keyring::{Keyring, Missing};

use crate::value::{Secret, SecretRef};

/// Something that has secrets by name.
pub trait Provider: Send + Sync {
    /// The value behind a reference, or `None` when this store does not have it.
    fn look_up(&self, reference: &SecretRef) -> Option<Secret<String>>;
}

/// A store that cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// A scheme we know and do not run yet, or do not know.
    #[error("the secret provider `{0}://` is not supported here; use secretfile:// or env://")]
    Unsupported(String),
    /// Not a URL of the form we read.
    #[error("the secret provider URL is malformed: {0}")]
    Malformed(String),
    /// The file cannot be used.
    #[error("{0}")]
    File(String),
}

/// Opens the store a URL names: `secretfile:///path`, `env://` or `env://PREFIX`. `env` is the environment.
/// Errors never repeat the URL's query, where tokens stand.
pub fn open(
    url: &str,
    env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Result<Box<dyn Provider>, ProviderError> {
    let (scheme, rest) =
        url.split_once("://").ok_or_else(|| ProviderError::Malformed("there is no `://`".to_owned()))?;
    match scheme {
        "secretfile" => Ok(Box::new(file::SecretFile::open(rest)?)),
        "env" => Ok(Box::new(env::EnvSecrets::new(rest, env))),
        other => Err(ProviderError::Unsupported(other.to_owned())),
    }
}
