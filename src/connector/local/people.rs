//! The people of a `local` connector: read from a file, read again when the file changes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use argon2::password_hash::phc::PasswordHash;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::yaml;
use crate::diag::FileId;
use crate::files;
use crate::health::{Reason, Unwell};

/// Most people in one file: this is a last resort, not a directory.
pub const PEOPLE_MAX: usize = 10_000;
/// Least memory of a password hash, in KiB (OWASP's floor for argon2id).
pub const MEMORY_KIB_MIN: u32 = 19_456;
/// Least passes of a password hash.
pub const PASSES_MIN: u32 = 2;

/// The file and what it last said.
pub(super) struct People {
    path: PathBuf,
    kept: Mutex<Kept>,
}

struct Kept {
    roster: Arc<Roster>,
    stamp: Option<(SystemTime, u64)>,
}

/// Everybody, by lower-case name.
pub(super) struct Roster {
    by_name: HashMap<String, Person>,
}

/// One person.
pub(super) struct Person {
    /// As written.
    pub(super) username: String,
    /// PHC string.
    pub(super) password_hash: String,
    /// May not sign in.
    pub(super) disabled: bool,
    attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    users: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    username: String,
    password_hash: String,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    attributes: Map<String, Value>,
}

impl People {
    pub(super) fn open(path: &str) -> Result<Self, String> {
        let path = PathBuf::from(path);
        let stamp = files::stamp(&path).ok();
        let roster = Roster::read(&path)?;
        Ok(People { path, kept: Mutex::new(Kept { roster: Arc::new(roster), stamp }) })
    }

    /// The people now. A changed file that cannot be read leaves the old people in place and is reported to
    /// the log; a file that is gone is an unwell provider.
    pub(super) fn current(&self) -> Result<Arc<Roster>, Unwell> {
        let stamp = files::stamp(&self.path)
            .map_err(|e| Unwell::new(Reason::FileUnreadable, format!("{}: {e}", self.path.display())))?;
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.stamp != Some(stamp) {
            match Roster::read(&self.path) {
                Ok(roster) => kept.roster = Arc::new(roster),
                Err(words) => tracing::error!(event = "local.users.unreadable", error = words, "the users file changed and cannot be used; keeping the old"),
            }
            kept.stamp = Some(stamp);
        }
        Ok(kept.roster.clone())
    }
}

impl Roster {
    fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let bytes = files::read(path, files::FILE_BYTES_MAX).map_err(|e| format!("the users file {shown}: {e}"))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("the users file {shown} is not UTF-8"))?;
        let (document, findings) = yaml::parse(FileId(0), &text);
        if let Some(finding) = findings.first() {
            return Err(format!("the users file {shown}: {}", finding.message));
        }
        let root = document.map(|d| d.root).unwrap_or_default();
        let file: File =
            serde_path_to_error::deserialize(root).map_err(|e| format!("the users file {shown}: {e}"))?;
        if file.users.len() > PEOPLE_MAX {
            return Err(format!("the users file {shown} has more than {PEOPLE_MAX} people"));
        }
        let mut by_name = HashMap::new();
        for entry in file.users {
            check_hash(&entry.password_hash)
                .map_err(|e| format!("the users file {shown}: the password hash of `{}` {e}", entry.username))?;
            let person = Person {
                password_hash: entry.password_hash,
                disabled: entry.disabled,
                attributes: entry.attributes,
                username: entry.username,
            };
            let name = person.username.to_lowercase();
            if name.is_empty() || by_name.insert(name, person).is_some() {
                return Err(format!("the users file {shown} has an empty user name, or one twice"));
            }
        }
        Ok(Roster { by_name })
    }

    pub(super) fn find(&self, username: &str) -> Option<&Person> {
        self.by_name.get(&username.to_lowercase())
    }

    /// Who has exactly this name, but for the case of ASCII letters. Whoever proves a password may be found by
    /// letters that merely fold alike; whom a look-up is about must not hang on it.
    pub(super) fn find_exactly(&self, username: &str) -> Option<&Person> {
        self.find(username).filter(|person| person.username.eq_ignore_ascii_case(username))
    }

    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }
}

impl Person {
    pub(super) fn attributes(&self) -> Map<String, Value> {
        let mut attributes = self.attributes.clone();
        attributes.insert("username".into(), self.username.clone().into());
        attributes
    }
}

fn check_hash(text: &str) -> Result<(), String> {
    let hash = PasswordHash::new(text).map_err(|_| "is not a PHC string".to_owned())?;
    if hash.algorithm.as_str() != "argon2id" {
        return Err("is not argon2id".into());
    }
    let least = |name: &str, least: u32| {
        let have = hash.params.get_decimal(name).unwrap_or(0);
        if have >= least { Ok(()) } else { Err(format!("has {name}={have}; at least {least} is accepted")) }
    };
    least("m", MEMORY_KIB_MIN)?;
    least("t", PASSES_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$DGBoo5cvT4mmIjk2dYmUlbQ4aGXqTDCZ3a7bUCgAWTI";

    fn read(text: &str) -> Result<Roster, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Roster::read(file.path())
    }

    #[test]
    fn people_are_found_without_case() {
        let roster =
            read(&format!("users:\n- {{username: Alice, passwordHash: '{HASH}', attributes: {{email: a@x}}}}\n"))
                .unwrap();
        let alice = roster.find("aLICE").unwrap();
        assert_eq!(alice.attributes()["username"], "Alice");
        assert!(roster.find("bob").is_none());
        let kate = read(&format!("users:\n- {{username: kate, passwordHash: '{HASH}'}}\n")).unwrap();
        assert!(kate.find("\u{212A}ate").is_some(), "the Kelvin sign folds to k");
        assert!(kate.find_exactly("\u{212A}ate").is_none() && kate.find_exactly("KATE").is_some());
    }

    #[test]
    fn weak_hashes_and_twins_are_refused() {
        let weak = HASH.replace("m=19456", "m=4096");
        for (text, want) in [
            (format!("users:\n- {{username: a, passwordHash: '{weak}'}}\n"), "at least 19456"),
            ("users:\n- {username: a, passwordHash: $2b$10$abc}\n".into(), "PHC"),
            ("users:\n- {username: a, passwordHash: plain}\n".into(), "PHC"),
            (
                format!("users:\n- {{username: a, passwordHash: '{HASH}'}}\n- {{username: A, passwordHash: '{HASH}'}}\n"),
                "twice",
            ),
            ("people: []\n".into(), "users"),
        ] {
            let error = read(&text).err().unwrap();
            assert!(error.contains(want), "{text}: {error}");
            assert!(!error.contains("c29tZXNhbHQ"), "no hash in an error");
        }
    }
}
