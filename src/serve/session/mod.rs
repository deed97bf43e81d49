//! Sessions: made only by a completed sign-in, found by an opaque cookie, ended by time or logout.

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
    /// For whom, in ours.
    pub subject: String,
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

impl Session {
    /// A session that begins with one sign-in, or goes on with one more: what other providers said stays.
    pub fn with(previous: Option<&Session>, new: Authentication, now: UnixSecs) -> Self {
        let mut authentications: Vec<Authentication> = previous
            .map(|session| session.authentications.iter().filter(|a| a.idp != new.idp).cloned().collect())
            .unwrap_or_default();
        // A continuity connector speaks with one voice: the newest sign-in through it.
        for old in &mut authentications {
            old.attributes.retain(|name, _| *name == old.idp || !new.attributes.contains_key(name));
        }
        authentications.push(new);
        Session {
            created: previous.map_or(now, |s| s.created),
            last_seen: AtomicU64::new(now.0),
            authentications,
        }
    }

    /// The newest sign-in by one of these providers that is strong enough.
    pub fn authenticated_by(&self, names: &[&str], minimum_assurance: Option<u8>) -> Option<&Authentication> {
        self.authentications
            .iter()
            .rev()
            .filter(|a| minimum_assurance.is_none_or(|least| a.assurance.is_some_and(|have| have >= least)))
            .find(|a| names.contains(&a.idp.as_str()))
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
