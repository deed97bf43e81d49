//! Sessions: made only by a completed sign-in, found by an opaque cookie, ended by time or by a logout.

pub mod cookie;
pub mod counting;
pub mod index;
pub mod lifetime;
pub mod lookups;
pub mod seal;
pub mod store;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::ambient::UnixSecs;
use crate::connector::Kept;
use crate::connector::open::Mark;

pub use counting::Counting;
pub use store::{SessionKey, Store};

/// One signed-in browser.
#[derive(Debug)]
pub struct Session {
    /// What tokens and relying parties know the session by: it stays when the id in the cookie changes. 43
    /// base64url characters, never shown as they are.
    pub sid: String,
    /// First sign-in; the absolute lifetime counts from here.
    pub created: UnixSecs,
    /// Last request, Unix seconds.
    pub last_seen: AtomicU64,
    /// By each provider that signed the person in, each with its own time.
    pub authentications: Vec<Authentication>,
    /// Relying parties that were told of the person: client id to subject.
    clients: Mutex<BTreeMap<String, String>>,
    /// What providers were asked about the person after the sign-in.
    pub looked_up: lookups::LookedUp,
}

/// What one provider said, once.
#[derive(Debug, Clone)]
pub struct Authentication {
    /// Name of the provider.
    pub idp: String,
    /// Whose people they are there ([`crate::connector::open::Opened::realm`]).
    pub realm: Mark,
    /// Who vouches.
    pub issuer: String,
    /// For whom, in the provider's words; for the audit.
    pub provider_subject: String,
    /// For whom, in ours: by the name of the connector that is asked, as [`Authentication::attributes`].
    pub subjects: BTreeMap<String, String>,
    /// When the person authenticated.
    pub at: UnixSecs,
    /// Until when the provider vouches for the person, if it said so; later the sign-in does not count.
    pub until: Option<UnixSecs>,
    /// Why this provider served.
    pub why: String,
    /// Attributes by the name of the connector they are read under: the provider's own, and the continuity
    /// connector's.
    pub attributes: BTreeMap<String, Map<String, Value>>,
    /// Whether the provider's own are all that it says of the person; a part of them may have been out of reach.
    pub is_whole: bool,
    /// By which rules those of the continuity connector were made ([`crate::model::Continuity::words`]).
    pub words: u64,
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
    /// A session without any sign-in yet.
    pub fn new(sid: String, now: UnixSecs) -> Self {
        Session {
            sid,
            created: now,
            last_seen: AtomicU64::new(now.0),
            authentications: Vec::new(),
            clients: Mutex::default(),
            looked_up: lookups::LookedUp::default(),
        }
    }

    /// A session that begins with one sign-in, or goes on with one more: what providers of other sign-ins said
    /// stays. A continuity connector speaks with one voice, so an earlier sign-in through the same one goes
    /// altogether: it may have been another person, by another member. `sid` is for a session that begins, be it
    /// because another person takes over.
    pub fn with(previous: Option<&Session>, new: Authentication, sid: String, now: UnixSecs) -> Self {
        let replaced = |old: &Authentication| {
            let through_the_same =
                |name: &String| *name != new.idp && *name != old.idp && old.attributes.contains_key(name);
            old.idp == new.idp || new.attributes.keys().any(through_the_same)
        };
        let same_person = |old: &Authentication| {
            old.subjects.iter().any(|(voice, subject)| new.subjects.get(voice) == Some(subject))
        };
        let before = previous.map(|session| session.authentications.as_slice()).unwrap_or_default();
        // Where another person takes a place, it is another session to everybody who was told of the first.
        let goes_on = before.iter().all(|old| !replaced(old) || same_person(old));
        let mut session = Session::new(sid, now);
        session.authentications = before.iter().filter(|old| !replaced(old)).cloned().collect();
        if let Some(previous) = previous.filter(|_| goes_on) {
            session.sid.clone_from(&previous.sid);
            session.clients = Mutex::new(previous.clients());
        }
        // Sign-ins that stay keep their age, whoever comes beside them: nobody renews one by signing in elsewhere.
        if let Some(previous) = previous.filter(|_| !session.authentications.is_empty()) {
            session.created = previous.created;
        }
        session.authentications.push(new);
        session
    }

    /// Notes that a relying party is told of the person, under this subject.
    pub fn told(&self, client_id: &str, subject: &str) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(client_id.to_owned(), subject.to_owned());
    }

    /// Relying parties that were told, with the subject each of them knows.
    pub fn clients(&self) -> BTreeMap<String, String> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a request, at most every half minute.
    pub fn touch(&self, now: UnixSecs) {
        if now.0.saturating_sub(self.last_seen.load(Ordering::Relaxed)) >= 30 {
            self.last_seen.store(now.0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed_in(idp: &str, through: Option<&str>, email: &str) -> Authentication {
        let said: Map<String, Value> = [("email".to_owned(), Value::from(email))].into_iter().collect();
        let names = [Some(idp), through].into_iter().flatten();
        Authentication {
            until: None,
            idp: idp.into(),
            realm: Mark::default(),
            issuer: idp.into(),
            provider_subject: email.into(),
            subjects: names.clone().map(|name| (name.to_owned(), format!("{name}|{email}"))).collect(),
            at: UnixSecs(0),
            why: "primary".into(),
            attributes: names.map(|name| (name.to_owned(), said.clone())).collect(),
            is_whole: true,
            words: 0,
            kept: Kept::new(),
        }
    }

    #[test]
    fn one_voice_through_one_continuity_connector() {
        let with = |previous: Option<&Session>, new: Authentication, sid: &str, now| {
            Session::with(previous, new, sid.into(), UnixSecs(now))
        };
        let said = |session: &Session, name: &str| {
            session.authentications.iter().rev().find_map(|a| a.attributes.get(name)?.get("email").cloned())
        };
        let first = with(None, signed_in("north", Some("ha"), "ada@x"), "1", 10);
        first.told("rp", "ada");
        let with_other = with(Some(&first), signed_in("partner", None, "ada@partner"), "2", 20);
        assert_eq!((with_other.authentications.len(), with_other.created), (2, UnixSecs(10)));
        assert_eq!((with_other.sid.as_str(), with_other.clients().len()), ("1", 1), "the session goes on");
        let second = with(Some(&with_other), signed_in("south", Some("ha"), "bob@x"), "3", 30);
        assert!(
            said(&second, "north").is_none(),
            "nothing of the other person is left under the member's name"
        );
        assert_eq!(said(&second, "ha"), Some(Value::from("bob@x")));
        assert!(said(&second, "partner").is_some());
        let alone = with(Some(&first), signed_in("south", Some("ha"), "bob@x"), "4", 30);
        assert_eq!(alone.created, UnixSecs(30), "a new person has a new lifetime");
        assert_eq!((alone.sid.as_str(), alone.clients().len()), ("4", 0), "and a session of his own");
        let again = with(Some(&first), signed_in("south", Some("ha"), "ada@x"), "5", 30);
        assert_eq!((again.sid.as_str(), again.created), ("1", UnixSecs(30)), "the same person goes on");
    }
}
