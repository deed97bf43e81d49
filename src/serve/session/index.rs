//! From what a provider calls a session, or a person, to our sessions: an announced logout names nothing else.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Authentication, Session, SessionKey};
use crate::connector::LoggedOut;

/// A hash of provider, issuer, and its session id or its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name([u8; 32]);

impl Name {
    fn of(kind: &str, idp: &str, issuer: &str, value: &str) -> Self {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in [kind, idp, issuer, value] {
            // With its length, so that no two lists of parts read the same.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut name = [0; 32];
        name.copy_from_slice(context.finish().as_ref());
        Name(name)
    }

    fn of_subject(idp: &str, issuer: &str, subject: &str) -> Self {
        Self::of("subject", idp, issuer, subject)
    }

    fn of_session(idp: &str, issuer: &str, session: &str) -> Self {
        Self::of("session", idp, issuer, session)
    }

    /// The sessions of a person that the provider gave no name.
    fn of_nameless(idp: &str, issuer: &str, subject: &str) -> Self {
        Self::of("nameless", idp, issuer, subject)
    }
}

/// Sessions by what providers call them. The store adds a session when it opens and removes it however it ends,
/// so there are two entries for each sign-in of a session that is held.
#[derive(Debug, Default)]
pub struct Index {
    entries: Mutex<BTreeSet<(Name, SessionKey)>>,
}

impl Index {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<(Name, SessionKey)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a session, in the place of another where it goes on from that one. `false`, and nothing listed, when the
    /// other's end was announced meanwhile.
    pub(super) fn add(
        &self,
        key: SessionKey,
        session: &Session,
        previous: Option<(&SessionKey, &Session)>,
    ) -> bool {
        let mut entries = self.lock();
        if let Some((old, previous)) = previous {
            // All of them go, whether or not one is missing.
            let missing = names(previous).filter(|name| !entries.remove(&(*name, *old))).count();
            if missing > 0 {
                return false;
            }
        }
        entries.extend(names(session).map(|name| (name, key)));
        true
    }

    pub(super) fn remove(&self, key: &SessionKey, session: &Session) {
        let mut entries = self.lock();
        for name in names(session) {
            entries.remove(&(name, *key));
        }
    }

    /// Whether a session is listed. One without any sign-in never is, and nobody can announce its end.
    pub(super) fn holds(&self, key: &SessionKey, session: &Session) -> bool {
        let entries = self.lock();
        names(session).all(|name| entries.contains(&(name, *key)))
    }

    /// The sessions that an announcement of the provider `idp` is about; they are listed no longer. A session id
    /// means those sessions, a subject alone all sessions of the person; a subject with session ids also those whose
    /// id was never told, since they may be the ones.
    pub(super) fn take(&self, idp: &str, announced: &LoggedOut) -> Vec<SessionKey> {
        let issuer = &announced.issuer;
        let names: Vec<Name> = match (&announced.sessions[..], &announced.subject) {
            ([], Some(subject)) => vec![Name::of_subject(idp, issuer, subject)],
            (sessions, subject) => {
                let nameless = subject.iter().map(|subject| Name::of_nameless(idp, issuer, subject));
                sessions.iter().map(|s| Name::of_session(idp, issuer, s)).chain(nameless).collect()
            }
        };
        let mut entries = self.lock();
        let (first, last) = (SessionKey::FIRST, SessionKey::LAST);
        let mut taken = Vec::new();
        for name in names {
            let range = (Bound::Included((name, first)), Bound::Included((name, last)));
            let keys: Vec<SessionKey> = entries.range(range).map(|(_, key)| *key).collect();
            for key in keys {
                entries.remove(&(name, key));
                taken.push(key);
            }
        }
        taken
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

fn names(session: &Session) -> impl Iterator<Item = Name> {
    session.authentications.iter().flat_map(
        |Authentication { idp, issuer, provider_subject, kept, .. }| {
            let by_session = match kept.get("sid") {
                Some(sid) => Name::of_session(idp, issuer, sid),
                None => Name::of_nameless(idp, issuer, provider_subject),
            };
            [Name::of_subject(idp, issuer, provider_subject), by_session]
        },
    )
}
