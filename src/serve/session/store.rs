//! The local store: bounded, least recently used out first, keyed by a hash of the id.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, OptionsBuilder, UnitWeighter};

use super::Session;
use super::lifetime::Limits;
use crate::ambient::{Entropy, UnixSecs};

/// The name a session is kept under: a hash, so that a dump of memory or a list for the operator has no
/// usable id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// Of a cookie value; `None` for anything that cannot be one of ours.
    pub fn of(id: &str) -> Option<Self> {
        if id.len() != 43 {
            return None;
        }
        let mut bytes = [0; 33];
        let n = URL_SAFE_NO_PAD.decode_slice(id, &mut bytes).ok()?;
        let mut key = [0; 32];
        key.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes[..n]).as_ref());
        Some(SessionKey(key))
    }

    /// First half of the hash, for logs and pages.
    pub fn shown(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0[..12])
    }
}

/// Two percent more: the cache divides its room over shards and would begin to evict early.
fn room(capacity: usize) -> usize {
    capacity + capacity.div_ceil(50)
}

/// The sessions of this node.
pub struct Store {
    cache: Cache<SessionKey, Arc<Session>>,
    absolute_secs: AtomicU64,
    idle_secs: AtomicU64,
}

impl Store {
    /// For `capacity` sessions.
    pub fn new(capacity: usize, limits: Limits) -> Self {
        let room = room(capacity);
        let options = OptionsBuilder::new()
            .shards(4)
            .estimated_items_capacity(room)
            .weight_capacity(room as u64)
            .build()
            .expect("both capacities are given");
        let cache =
            Cache::with_options(options, UnitWeighter, DefaultHashBuilder::default(), Default::default());
        Store {
            cache,
            absolute_secs: AtomicU64::new(limits.absolute_secs),
            idle_secs: AtomicU64::new(limits.idle_secs),
        }
    }

    /// Another capacity and other limits, from now on, for the sessions there are as well.
    pub fn resize(&self, capacity: usize, limits: Limits) {
        self.cache.set_capacity(room(capacity) as u64);
        self.absolute_secs.store(limits.absolute_secs, Ordering::Relaxed);
        self.idle_secs.store(limits.idle_secs, Ordering::Relaxed);
    }

    fn limits(&self) -> Limits {
        Limits {
            absolute_secs: self.absolute_secs.load(Ordering::Relaxed),
            idle_secs: self.idle_secs.load(Ordering::Relaxed),
        }
    }

    /// The session behind a cookie value, if it lives; a dead one is forgotten.
    pub fn find(&self, id: &str, now: UnixSecs) -> Option<(SessionKey, Arc<Session>)> {
        let key = SessionKey::of(id)?;
        let session = self.cache.get(&key)?;
        let last_seen = UnixSecs(session.last_seen.load(Ordering::Relaxed));
        if !self.limits().lives(session.created, last_seen, now) {
            self.cache.remove(&key);
            return None;
        }
        session.touch(now);
        Some((key, session))
    }

    /// Keeps a session under a new id, and returns the id. The old id, if there was one, dies at once.
    pub fn open(&self, session: Session, replaces: Option<SessionKey>, entropy: &Entropy) -> String {
        let id = entropy.token();
        if let Some(key) = SessionKey::of(&id) {
            self.cache.insert(key, Arc::new(session));
        }
        if let Some(old) = replaces {
            self.cache.remove(&old);
        }
        id
    }

    /// The sessions begun last, newest first, at most `max`. Walks through all of them: not for the paths people
    /// wait on.
    pub fn newest(&self, max: usize, now: UnixSecs) -> Vec<(SessionKey, Arc<Session>)> {
        let mut newest: BTreeMap<(std::cmp::Reverse<UnixSecs>, [u8; 32]), Arc<Session>> = BTreeMap::new();
        let limits = self.limits();
        for (key, session) in self.cache.iter() {
            let last_seen = UnixSecs(session.last_seen.load(Ordering::Relaxed));
            if limits.lives(session.created, last_seen, now) {
                newest.insert((std::cmp::Reverse(session.created), key.0), session);
            }
            if newest.len() > max {
                newest.pop_last();
            }
        }
        newest.into_iter().map(|((_, key), session)| (SessionKey(key), session)).collect()
    }

    /// Ends the session that is shown as `shown` ([`SessionKey::shown`]).
    pub fn close_shown(&self, shown: &str) -> Option<Arc<Session>> {
        let (key, _) = self.cache.iter().find(|(key, _)| key.shown() == shown)?;
        self.close(&key)
    }

    /// Ends a session.
    pub fn close(&self, key: &SessionKey) -> Option<Arc<Session>> {
        self.cache.remove(key).map(|(_, session)| session)
    }

    /// Forgets what has ended.
    pub fn sweep(&self, now: UnixSecs) {
        let limits = self.limits();
        self.cache.retain(|_, session| {
            limits.lives(session.created, UnixSecs(session.last_seen.load(Ordering::Relaxed)), now)
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.cache.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cache.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(now: u64) -> Session {
        Session { created: UnixSecs(now), last_seen: AtomicU64::new(now), authentications: Vec::new() }
    }

    #[test]
    fn a_new_id_replaces_the_old_one() {
        let store = Store::new(10, Limits { absolute_secs: 100, idle_secs: 0 });
        let entropy = Entropy::counted(1);
        let first = store.open(session(0), None, &entropy);
        let (key, _) = store.find(&first, UnixSecs(1)).unwrap();
        let second = store.open(session(0), Some(key), &entropy);
        assert!(store.find(&first, UnixSecs(1)).is_none() && store.find(&second, UnixSecs(1)).is_some());
        assert!(store.find(&second, UnixSecs(100)).is_none(), "absolute lifetime");
        for bad in ["", "short", &"x".repeat(44), &"=".repeat(43)] {
            assert!(store.find(bad, UnixSecs(1)).is_none());
        }
    }

    #[test]
    fn an_operator_sees_the_newest_and_ends_one_by_its_hash() {
        let store = Store::new(100, Limits { absolute_secs: 100, idle_secs: 0 });
        let entropy = Entropy::counted(3);
        let ids: Vec<String> = (0..20).map(|at| store.open(session(at), None, &entropy)).collect();
        let newest = store.newest(5, UnixSecs(30));
        assert_eq!(newest.iter().map(|(_, s)| s.created.0).collect::<Vec<_>>(), [19, 18, 17, 16, 15]);
        let shown = newest[1].0.shown();
        assert!(!ids[18].contains(&shown) && store.close_shown("AAAA").is_none());
        assert!(store.close_shown(&shown).is_some() && store.find(&ids[18], UnixSecs(30)).is_none());
        assert!(
            store.newest(5, UnixSecs(118)).iter().all(|(_, s)| s.created.0 > 18),
            "the dead are not shown"
        );
    }

    #[test]
    fn holds_what_it_promises() {
        let store = Store::new(5_000, Limits { absolute_secs: 100, idle_secs: 0 });
        let entropy = Entropy::counted(2);
        let ids: Vec<String> = (0..5_000).map(|_| store.open(session(0), None, &entropy)).collect();
        let held = ids.iter().filter(|id| store.find(id, UnixSecs(1)).is_some()).count();
        assert!(held > 4_900, "{held}");
        for _ in 0..5_000 {
            store.open(session(0), None, &entropy);
        }
        assert!(store.len() <= 5_100);
        store.sweep(UnixSecs(100));
        assert!(store.is_empty());
    }
}
