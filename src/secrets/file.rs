//! `secretfile:///path`: a YAML file with a `secrets` map, or a directory with a file for each secret.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::{Provider, ProviderError};
use crate::config::yaml;
use crate::diag::FileId;
use crate::files;
use crate::value::{Secret, SecretRef};

/// Largest secret in a directory store: a long certificate chain.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Secrets from a file or a directory.
pub enum SecretFile {
    /// The `secrets` map of one file.
    Map(Secret<SecretMap>),
    /// A file for each secret.
    Directory(PathBuf),
}

/// The parsed map; wiped as text when dropped.
#[derive(Clone, Default)]
pub struct SecretMap(Value);

impl zeroize::Zeroize for SecretMap {
    fn zeroize(&mut self) {
        fn wipe(value: &mut Value) {
            match value {
                Value::String(text) => text.zeroize(),
                Value::Object(map) => map.values_mut().for_each(wipe),
                Value::Array(list) => list.iter_mut().for_each(wipe),
                _ => {}
            }
        }
        wipe(&mut self.0);
    }
}

impl SecretFile {
    /// Opens `path`.
    pub fn open(path: &str) -> Result<Self, ProviderError> {
        let path = Path::new(path);
        if path.is_dir() {
            return Ok(SecretFile::Directory(path.to_owned()));
        }
        let bytes = files::read(path, yaml::FILE_BYTES_MAX as u64)
            .map_err(|e| ProviderError::File(format!("the secret file {}: {e}", path.display())))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| ProviderError::File(format!("the secret file {} is not UTF-8", path.display())))?;
        let (document, findings) = yaml::parse(FileId(0), &text);
        // The findings may quote the file, so none of their words leave this function.
        let root = document.filter(|_| findings.is_empty()).map(|d| d.root);
        let map = root.and_then(|mut r| r.get_mut("secrets").map(Value::take)).filter(Value::is_object);
        let map = map.ok_or_else(|| {
            ProviderError::File(format!(
                "the secret file {} must be YAML with a map named `secrets` at the top",
                path.display()
            ))
        })?;
        Ok(SecretFile::Map(Secret::new(SecretMap(map))))
    }
}

impl Provider for SecretFile {
    fn look_up(&self, reference: &SecretRef) -> Option<Secret<String>> {
        let name = reference.0.as_str();
        match self {
            SecretFile::Map(map) => {
                let map = &map.expose().0;
                let found = find(map, name).or_else(|| find(map, name.strip_prefix("secrets.")?))?;
                Some(Secret::new(found))
            }
            SecretFile::Directory(directory) => {
                let nested: PathBuf = name.split('.').collect();
                [PathBuf::from(name), nested].into_iter().find_map(|relative| {
                    let inside = relative.components().all(|c| matches!(c, Component::Normal(_)));
                    let bytes =
                        inside.then(|| files::read(&directory.join(relative), SECRET_BYTES_MAX).ok())??;
                    let mut text = String::from_utf8(bytes).ok()?;
                    if text.ends_with('\n') {
                        text.pop();
                    }
                    Some(Secret::new(text))
                })
            }
        }
    }
}

/// The whole name as one key, then its dots as nested maps.
fn find(map: &Value, name: &str) -> Option<String> {
    let nested = || name.split('.').try_fold(map, |at, key| at.get(key));
    match map.get(name).or_else(nested)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expose(store: &SecretFile, name: &str) -> Option<String> {
        store.look_up(&SecretRef(name.into())).map(|s| s.expose().clone())
    }

    #[test]
    fn three_tries_in_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "secrets:\n  vault.a: flat\n  vault: {a: nested, b: 12}\n").unwrap();
        let store = SecretFile::open(file.path().to_str().unwrap()).unwrap();
        assert_eq!(expose(&store, "vault.a").as_deref(), Some("flat"));
        assert_eq!(expose(&store, "vault.b").as_deref(), Some("12"));
        assert_eq!(expose(&store, "secrets.vault.b").as_deref(), Some("12"));
        assert_eq!(expose(&store, "vault"), None);
    }

    #[test]
    fn a_directory_does_not_reach_outside() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("store/vault")).unwrap();
        std::fs::write(dir.path().join("store/vault/a"), "x\n").unwrap();
        std::fs::write(dir.path().join("outside"), "y").unwrap();
        let store = SecretFile::open(dir.path().join("store").to_str().unwrap()).unwrap();
        assert_eq!(expose(&store, "vault.a").as_deref(), Some("x"));
        assert_eq!(expose(&store, "../outside"), None);
    }

    #[test]
    fn a_broken_file_does_not_leak_its_text() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "secrets: [hunter2\n").unwrap();
        let Err(error) = SecretFile::open(file.path().to_str().unwrap()) else { panic!("must fail") };
        assert!(!error.to_string().contains("hunter2"));
    }
}
