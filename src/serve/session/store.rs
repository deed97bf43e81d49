//! The local store: bounded, least recently used out first, keyed by a hash of the id. However a session
//! leaves it, it leaves the index of providers' names as well.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, UnitWeighter};

use super::Session;
use super::index::Index;
use super::lifetime::Limits;
use crate::ambient::{Entropy, UnixSecs};
use crate::connector::LoggedOut;

/// The name a session is kept under: a hash, so that a dump of memory or a list for the operator has no
/// usable id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    pub(super) const FIRST: Self = SessionKey([0; 32]);
    pub(super) const LAST: Self = SessionKey([u8::MAX; 32]);

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
    cache: Cache<SessionKey, Arc<Session>, UnitWeighter, DefaultHashBuilder, Unlisted>,
    absolute_secs: AtomicU64,
    idle_secs: AtomicU64,
    index: Arc<Index>,
}

/// A session that makes room for another leaves the index.
#[derive(Clone)]
struct Unlisted(Arc<Index>);

impl Lifecycle<SessionKey, Arc<Session>> for Unlisted {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), key: SessionKey, session: Arc<Session>) {
        self.0.remove(&key, &session);
    }
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
        let index = Arc::new(Index::default());
        let (hasher, unlisted) = (DefaultHashBuilder::default(), Unlisted(index.clone()));
        let cache = Cache::with_options(options, UnitWeighter, hasher, unlisted);
        Store {
            cache,
            absolute_secs: AtomicU64::new(limits.absolute_secs),
            idle_secs: AtomicU64::new(limits.idle_secs),
            index,
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

    /// The session behind a cookie value, if it lives; the sweep forgets a dead one.
    pub fn find(&self, id: &str, now: UnixSecs) -> Option<(SessionKey, Arc<Session>)> {
        let key = SessionKey::of(id)?;
        let session = self.cache.get(&key)?;
        if !self.lives(&session, now) {
            return None;
        }
        session.touch(now);
        Some((key, session))
    }

    fn lives(&self, session: &Session, now: UnixSecs) -> bool {
        let last_seen = UnixSecs(session.last_seen.load(Ordering::Relaxed));
        self.limits().lives(session.created, last_seen, now)
    }

    /// When a session ends at the latest.
    pub fn until(&self, session: &Session) -> UnixSecs {
        session.created.plus(self.limits().absolute_secs)
    }

    /// Keeps a session under a new id, and returns both. The old id, if there was one, dies first: `make` gets
    /// its session only if nobody ends it meanwhile, so a sign-in never brings back what a logout takes away.
    /// `make` is asked again, without it, when that shows late.
    pub fn open(
        &self,
        replaces: Option<SessionKey>,
        entropy: &Entropy,
        mut make: impl FnMut(Option<&Session>) -> Session,
    ) -> (String, Arc<Session>) {
        let previous = replaces.and_then(|old| self.cache.remove(&old));
        let mut session = Arc::new(make(previous.as_ref().map(|(_, session)| &**session)));
        let id = entropy.token();
        if let Some(key) = SessionKey::of(&id) {
            let goes_on = previous.as_ref().map(|(old, session)| (old, &**session));
            if !self.index.add(key, &session, goes_on) {
                session = Arc::new(make(None));
                self.index.add(key, &session, None);
            }
            self.cache.insert(key, session.clone());
            // A logout announced in between has found the entry and not yet the session.
            if !self.index.holds(&key, &session) {
                self.close(&key);
            }
        }
        (id, session)
    }

    /// The sessions begun last, newest first, at most `max`. Walks through all of them: not for the paths people
    /// wait on.
    pub fn newest(&self, max: usize, now: UnixSecs) -> Vec<(SessionKey, Arc<Session>)> {
        let mut newest: BTreeMap<(std::cmp::Reverse<UnixSecs>, [u8; 32]), Arc<Session>> = BTreeMap::new();
        for (key, session) in self.cache.iter() {
            if self.lives(&session, now) {
                newest.insert((std::cmp::Reverse(session.created), key.0), session);
            }
            if newest.len() > max {
                newest.pop_last();
            }
        }
        newest.into_iter().map(|((_, key), session)| (SessionKey(key), session)).collect()
    }

    /// The session that is shown as `shown` ([`SessionKey::shown`]).
    pub fn shown(&self, shown: &str) -> Option<SessionKey> {
        self.cache.iter().find(|(key, _)| key.shown() == shown).map(|(key, _)| key)
    }

    /// Ends a session. `None` when it had ended before: of several who end one, exactly one gets it.
    pub fn close(&self, key: &SessionKey) -> Option<Arc<Session>> {
        let (_, session) = self.cache.remove(key)?;
        self.index.remove(key, &session);
        Some(session)
    }

    /// Ends the sessions that an announcement of the provider `idp` is about.
    pub fn close_announced(&self, idp: &str, announced: &LoggedOut) -> Vec<(SessionKey, Arc<Session>)> {
        let keys = self.index.take(idp, announced);
        keys.into_iter().filter_map(|key| Some((key, self.close(&key)?))).collect()
    }

    /// Ends every session that a check says no to.
    pub fn close_unless(&self, holds: impl Fn(&Session) -> bool) -> Vec<(SessionKey, Arc<Session>)> {
        let gone: Vec<_> =
            self.cache.iter().filter(|(_, session)| !holds(session)).map(|(key, _)| key).collect();
        gone.into_iter().filter_map(|key| Some((key, self.close(&key)?))).collect()
    }

    /// Forgets what has ended by time, and returns it.
    pub fn sweep(&self, now: UnixSecs) -> Vec<Arc<Session>> {
        let ended = Mutex::new(Vec::new());
        self.cache.retain(|key, session| {
            let lives = self.lives(session, now);
            if !lives {
                ended.lock().unwrap_or_else(PoisonError::into_inner).push((*key, session.clone()));
            }
            lives
        });
        let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (key, session) in &ended {
            self.index.remove(key, session);
        }
        ended.into_iter().map(|(_, session)| session).collect()
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
    use crate::connector::Once;
    use crate::serve::session::Authentication;

    fn session(now: u64) -> Session {
        Session::new("s".into(), UnixSecs(now))
    }

    /// Signed in at `idp` as a subject, in a session of the provider's.
    fn signed_in(idp: &str, subject: &str, sid: &str) -> Session {
        let mut session = session(0);
        session.authentications.push(Authentication {
            until: None,
            idp: idp.into(),
            realm: crate::connector::open::Mark::default(),
            issuer: "https://idp".into(),
            provider_subject: subject.into(),
            subjects: Default::default(),
            at: UnixSecs(0),
            why: String::new(),
            attributes: Default::default(),
            is_whole: true,
            words: 0,
            kept: [("sid".to_owned(), sid.to_owned())].into(),
        });
        session
    }

    fn announced(subject: Option<&str>, session: Option<&str>) -> LoggedOut {
        LoggedOut {
            issuer: "https://idp".into(),
            subject: subject.map(str::to_owned),
            sessions: session.map(str::to_owned).into_iter().collect(),
            announcement: Once { id: "j".into(), until: UnixSecs(1) },
            answer: None,
        }
    }

    #[test]
    fn a_new_id_replaces_the_old_one() {
        let store = Store::new(10, Limits { absolute_secs: 100, idle_secs: 0 });
        let entropy = Entropy::counted(1);
        let (first, _) = store.open(None, &entropy, |_| session(0));
        let (key, _) = store.find(&first, UnixSecs(1)).unwrap();
        let (second, _) = store.open(Some(key), &entropy, |previous| {
            assert!(previous.is_some());
            session(0)
        });
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
        let ids: Vec<String> = (0..20).map(|at| store.open(None, &entropy, |_| session(at)).0).collect();
        let newest = store.newest(5, UnixSecs(30));
        assert_eq!(newest.iter().map(|(_, s)| s.created.0).collect::<Vec<_>>(), [19, 18, 17, 16, 15]);
        let shown = newest[1].0.shown();
        assert!(!ids[18].contains(&shown) && store.shown("AAAA").is_none());
        assert!(store.shown(&shown).is_some_and(|key| store.close(&key).is_some()));
        assert!(store.find(&ids[18], UnixSecs(30)).is_none());
        assert!(
            store.newest(5, UnixSecs(118)).iter().all(|(_, s)| s.created.0 > 18),
            "the dead are not shown"
        );
    }

    #[test]
    fn a_session_that_was_ended_meanwhile_is_not_carried_on() {
        let store = Store::new(10, Limits { absolute_secs: 100, idle_secs: 0 });
        let entropy = Entropy::counted(1);
        let (first, _) = store.open(None, &entropy, |_| session(0));
        let (key, _) = store.find(&first, UnixSecs(1)).unwrap();
        assert!(store.close(&key).is_some() && store.close(&key).is_none(), "one of several ends it");
        store.open(Some(key), &entropy, |previous| {
            assert!(previous.is_none());
            session(1)
        });
    }

    /// The announcement comes when the old session has left the store and the new one is not yet there.
    #[test]
    fn an_end_announced_in_the_middle_of_a_change_of_ids_counts() {
        for by_session in [true, false] {
            let store = Store::new(10, Limits { absolute_secs: 100, idle_secs: 0 });
            let entropy = Entropy::counted(1);
            let (first, _) = store.open(None, &entropy, |_| signed_in("a", "ada", "1"));
            let (key, _) = store.find(&first, UnixSecs(1)).unwrap();
            let mut asked = Vec::new();
            let (second, session) = store.open(Some(key), &entropy, |previous| {
                asked.push(previous.is_some());
                let announced =
                    announced(Some("ada").filter(|_| !by_session), Some("1").filter(|_| by_session));
                assert!(store.close_announced("a", &announced).is_empty());
                let mut session = signed_in("b", "ada", "2");
                session.authentications.extend(previous.into_iter().flat_map(|p| p.authentications.clone()));
                session
            });
            assert_eq!((asked, session.authentications.len()), (vec![true, false], 1));
            assert!(store.find(&second, UnixSecs(1)).is_some());
            assert_eq!(store.index.len(), 2);
        }
    }

    #[test]
    fn announced_ends_find_their_sessions_and_no_others() {
        let store = Store::new(100, Limits { absolute_secs: 100, idle_secs: 0 });
        let entropy = Entropy::counted(1);
        let mut ids = Vec::new();
        for (idp, subject, sid) in
            [("a", "ada", "1"), ("a", "ada", "2"), ("a", "bob", "3"), ("b", "ada", "1"), ("a", "ada", "4")]
        {
            ids.push(store.open(None, &entropy, |_| signed_in(idp, subject, sid)).0);
        }
        let live = |store: &Store| -> Vec<bool> {
            ids.iter().map(|id| store.find(id, UnixSecs(1)).is_some()).collect()
        };
        assert_eq!(store.close_announced("a", &announced(Some("bob"), Some("1"))).len(), 1, "by session");
        assert_eq!(live(&store), [false, true, true, true, true]);
        let elsewhere = LoggedOut { issuer: "https://other".into(), ..announced(Some("ada"), None) };
        assert!(store.close_announced("a", &elsewhere).is_empty());
        assert_eq!(store.close_announced("a", &announced(Some("ada"), None)).len(), 2, "by person");
        assert_eq!(live(&store), [false, false, true, true, false]);
        assert!(store.close_announced("a", &announced(None, Some("9"))).is_empty());
        assert_eq!(store.index.len(), 4, "two entries for each of the two that are left");
        let nameless = |_: Option<&Session>| {
            let mut session = signed_in("a", "eve", "");
            session.authentications[0].kept.clear();
            session
        };
        store.open(None, &entropy, nameless);
        assert!(store.close_announced("a", &announced(Some("ada"), Some("7"))).is_empty(), "somebody else's");
        assert_eq!(
            store.close_announced("a", &announced(Some("eve"), Some("7"))).len(),
            1,
            "it may be that one"
        );
    }

    #[test]
    fn the_index_forgets_with_the_store() {
        let store = Store::new(200, Limits { absolute_secs: 100, idle_secs: 0 });
        let entropy = Entropy::counted(2);
        for i in 0..2_000 {
            store.open(None, &entropy, |_| signed_in("a", "ada", &i.to_string()));
        }
        assert_eq!(store.index.len(), 2 * store.len(), "evicted sessions are not listed");
        let held = store.len();
        assert_eq!(store.sweep(UnixSecs(100)).len(), held);
        assert!(store.is_empty() && store.index.is_empty());
    }

    #[test]
    fn holds_what_it_promises() {
        let store = Store::new(5_000, Limits { absolute_secs: 100, idle_secs: 0 });
        let entropy = Entropy::counted(2);
        let ids: Vec<String> = (0..5_000).map(|_| store.open(None, &entropy, |_| session(0)).0).collect();
        let held = ids.iter().filter(|id| store.find(id, UnixSecs(1)).is_some()).count();
        assert!(held > 4_900, "{held}");
        for _ in 0..5_000 {
            store.open(None, &entropy, |_| session(0));
        }
        assert!(store.len() <= 5_100);
        store.sweep(UnixSecs(100));
        assert!(store.is_empty());
    }
}
