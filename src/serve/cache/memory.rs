//! `local_default`: bounded, in the memory of this node.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::Key;
use crate::ambient::UnixSecs;

/// Values held; the oldest leave first.
pub const VALUES_MAX: usize = 200_000;
const SHARDS: usize = 16;

/// The cache.
pub struct Memory {
    shards: Vec<Mutex<Shard>>,
    per_shard: usize,
}

#[derive(Default)]
struct Shard {
    values: HashMap<Key, (Arc<[u8]>, UnixSecs)>,
    order: VecDeque<Key>,
}

impl Default for Memory {
    fn default() -> Self {
        Memory::with_room(VALUES_MAX)
    }
}

impl Memory {
    /// Room for this many values.
    pub fn with_room(values: usize) -> Self {
        Memory {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            per_shard: (values / SHARDS).max(1),
        }
    }

    fn shard(&self, key: &Key) -> std::sync::MutexGuard<'_, Shard> {
        let index = usize::from(key.0[0]) % SHARDS;
        self.shards[index].lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The value, if it has not expired.
    pub fn get(&self, key: &Key, now: UnixSecs) -> Option<Arc<[u8]>> {
        let shard = self.shard(key);
        shard.values.get(key).filter(|(_, until)| *until > now).map(|(value, _)| value.clone())
    }

    /// Sets a value until `until`.
    pub fn put(&self, key: Key, value: impl Into<Arc<[u8]>>, until: UnixSecs) {
        let room = self.per_shard;
        self.shard(&key).insert(key, value.into(), until, room);
    }

    /// Sets a value unless there is one. Says whether it was set.
    pub fn put_if_absent(
        &self,
        key: Key,
        value: impl Into<Arc<[u8]>>,
        until: UnixSecs,
        now: UnixSecs,
    ) -> bool {
        let mut shard = self.shard(&key);
        if shard.values.get(&key).is_some_and(|(_, until)| *until > now) {
            return false;
        }
        shard.insert(key, value.into(), until, self.per_shard);
        true
    }

    /// The value, removed by the same operation.
    pub fn take(&self, key: &Key, now: UnixSecs) -> Option<Arc<[u8]>> {
        let mut shard = self.shard(key);
        shard.values.remove(key).filter(|(_, until)| *until > now).map(|(value, _)| value)
    }

    /// Forgets what has expired.
    pub fn sweep(&self, now: UnixSecs) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            shard.values.retain(|_, (_, until)| *until > now);
            let Shard { values, order } = &mut *shard;
            order.retain(|key| values.contains_key(key));
        }
    }
}

impl Shard {
    fn insert(&mut self, key: Key, value: Arc<[u8]>, until: UnixSecs, room: usize) {
        if self.values.insert(key.clone(), (value, until)).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > room {
            if let Some(oldest) = self.order.pop_front() {
                self.values.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_once_and_gone_when_expired() {
        let cache = Memory::default();
        let key = || Key::of("code", "x");
        cache.put(key(), *b"v", UnixSecs(10));
        assert!(cache.get(&key(), UnixSecs(9)).is_some());
        assert!(cache.get(&key(), UnixSecs(10)).is_none());
        assert!(cache.take(&key(), UnixSecs(9)).is_some());
        assert!(cache.take(&key(), UnixSecs(9)).is_none());
        assert!(cache.put_if_absent(key(), *b"v", UnixSecs(20), UnixSecs(9)));
        assert!(!cache.put_if_absent(key(), *b"v", UnixSecs(20), UnixSecs(9)));
        assert!(cache.put_if_absent(key(), *b"v", UnixSecs(30), UnixSecs(20)), "expired counts as absent");
    }

    #[test]
    fn one_winner_among_many() {
        let cache = Memory::default();
        cache.put(Key::of("code", "x"), *b"v", UnixSecs(10));
        let winners: usize = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| usize::from(cache.take(&Key::of("code", "x"), UnixSecs(1)).is_some()))
                })
                .collect();
            handles.into_iter().map(|h| h.join().unwrap_or_default()).sum()
        });
        assert_eq!(winners, 1);
    }

    #[test]
    fn bounded_and_swept() {
        let cache = Memory::default();
        for i in 0..VALUES_MAX + 5_000 {
            cache.put(Key::of("t", &i.to_string()), *b"v", UnixSecs(10));
        }
        let held =
            |cache: &Memory| cache.shards.iter().map(|s| s.lock().unwrap().values.len()).sum::<usize>();
        assert!(held(&cache) <= VALUES_MAX);
        cache.sweep(UnixSecs(10));
        assert_eq!(held(&cache), 0);
    }
}
