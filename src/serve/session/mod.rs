//! Sessions: made only by a completed sign-in, found by an opaque cookie, ended by time.

pub mod cookie;
pub mod lifetime;
pub mod seal;
pub mod store;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};

use crate::ambient::UnixSecs;
use crate::connector::Kept;
use crate::model::rules::Attributes;

pub use store::{SessionKey, Store};

/// One signed-in browser.
#[derive(Debug)]
pub struct Session {
    /// First sign-in; the absolute lifetime counts from here.
    pub created: UnixSecs,
    /// Last request, Unix seconds.
    pub last_seen: AtomicU64,
    /// By each provider that signed the person in, each with its own time.
    pub authentications: Vec<Authentication>,
}

/// What one provider said, once.
#[derive(Debug, Clone)]
pub struct Authentication {
    /// Name of the provider.
    pub idp: String,
    /// Who vouches.
    pub issuer: String,
    /// For whom, in the provider's words; for the audit.
    pub provider_subject: String,
    /// For whom, in ours: by the name of the connector that is asked, as [`Authentication::attributes`].
    pub subjects: BTreeMap<String, String>,
    /// When the person authenticated.
    pub at: UnixSecs,
    /// How strongly.
    pub assurance: Option<u8>,
    /// Why this provider served.
    pub why: String,
    /// Attributes by the name of the connector they are read under: the provider's own, and the continuity
    /// connector's.
    pub attributes: BTreeMap<String, Map<String, Value>>,
    /// For logout and refresh at the provider.
    pub kept: Kept,
}

impl Authentication {
    /// The subject under which an app that asked `voice` knows the person.
    pub fn subject(&self, voice: &str) -> &str {
        self.subjects.get(voice).map_or("", String::as_str)
    }

    /// The subject for a log line: the continuity connector's where there is one.
    pub fn shown_subject(&self) -> &str {
        let through = self.subjects.iter().find(|(name, _)| **name != self.idp);
        through.or_else(|| self.subjects.iter().next()).map_or("", |(_, subject)| subject)
    }
}

impl Session {
    /// A session that begins with one sign-in, or goes on with one more: what providers of other sign-ins said
    /// stays. A continuity connector speaks with one voice, so an earlier sign-in through the same one goes
    /// altogether: it may have been another person, by another member.
    pub fn with(previous: Option<&Session>, new: Authentication, now: UnixSecs) -> Self {
        let replaced = |old: &Authentication| {
            let through_the_same =
                |name: &String| *name != new.idp && *name != old.idp && old.attributes.contains_key(name);
            old.idp == new.idp || new.attributes.keys().any(through_the_same)
        };
        let kept =
            previous.into_iter().flat_map(|session| &session.authentications).filter(|old| !replaced(old));
        let mut authentications: Vec<Authentication> = kept.cloned().collect();
        let created = match previous {
            Some(session) if !authentications.is_empty() => session.created,
            _ => now,
        };
        authentications.push(new);
        Session { created, last_seen: AtomicU64::new(now.0), authentications }
    }

    /// Notes a request, at most every half minute.
    pub fn touch(&self, now: UnixSecs) {
        if now.0.saturating_sub(self.last_seen.load(Ordering::Relaxed)) >= 30 {
            self.last_seen.store(now.0, Ordering::Relaxed);
        }
    }
}

impl Attributes for Session {
    fn of(&self, connector: &str) -> Option<&Map<String, Value>> {
        self.authentications.iter().rev().find_map(|a| a.attributes.get(connector))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed_in(idp: &str, through: Option<&str>, email: &str) -> Authentication {
        let said: Map<String, Value> = [("email".to_owned(), Value::from(email))].into_iter().collect();
        let names = [Some(idp), through].into_iter().flatten();
        Authentication {
            idp: idp.into(),
            issuer: idp.into(),
            provider_subject: email.into(),
            subjects: BTreeMap::new(),
            at: UnixSecs(0),
            assurance: None,
            why: "primary".into(),
            attributes: names.map(|name| (name.to_owned(), said.clone())).collect(),
            kept: Kept::new(),
        }
    }

    #[test]
    fn one_voice_through_one_continuity_connector() {
        let first = Session::with(None, signed_in("north", Some("ha"), "ada@x"), UnixSecs(10));
        let with_other = Session::with(Some(&first), signed_in("partner", None, "ada@partner"), UnixSecs(20));
        assert_eq!((with_other.authentications.len(), with_other.created), (2, UnixSecs(10)));
        let second = Session::with(Some(&with_other), signed_in("south", Some("ha"), "bob@x"), UnixSecs(30));
        assert!(second.of("north").is_none(), "nothing of the other person is left under the member's name");
        assert_eq!(second.of("ha").and_then(|a| a.get("email")), Some(&Value::from("bob@x")));
        assert!(second.of("partner").is_some());
        let alone = Session::with(Some(&first), signed_in("south", Some("ha"), "bob@x"), UnixSecs(30));
        assert_eq!(alone.created, UnixSecs(30), "a new person has a new lifetime");
    }
}
