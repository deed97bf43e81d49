//! Slowing down guesses, for every kind that asks for a password: five failures in a row make one name wait, longer
//! each time, and nothing locks for good. Counted for names that do not exist as well, so that waiting tells nobody who exists.

use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ambient::Millis;

/// Failures in a row before a name has to wait.
pub const FAILURES_FREE: u32 = 5;
/// First wait, in seconds; doubles with each further failure.
pub const WAIT_SECS_FIRST: u64 = 2;
/// Longest wait, in seconds.
pub const WAIT_SECS_MAX: u64 = 60;
/// Counters. A name falls on one by a keyed hash, so nobody can fill the memory or push another name out; two
/// names on one counter merely wait for each other.
pub const COUNTERS: usize = 16_384;
/// A counter that nobody touched for this long starts anew, in seconds.
pub const FORGET_SECS: u64 = 900;

/// Failures by name.
pub(in crate::connector) struct Throttle {
    key: RandomState,
    counters: Vec<Mutex<(u32, Millis)>>,
}

impl Default for Throttle {
    fn default() -> Self {
        let counters = (0..COUNTERS).map(|_| Mutex::new((0, Millis(0)))).collect();
        Throttle { key: RandomState::new(), counters }
    }
}

impl Throttle {
    fn counter(&self, name: &str) -> std::sync::MutexGuard<'_, (u32, Millis)> {
        let index = self.key.hash_one(name.to_lowercase()) as usize % COUNTERS;
        self.counters[index].lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes a turn for `name`, or says how many seconds it has to wait. Taking a turn counts as a failure
    /// until [`Throttle::succeeded`], so that a hundred tries at once are not a hundred first tries.
    pub(in crate::connector) fn take_turn(&self, name: &str, now: Millis) -> Result<(), u64> {
        let mut counter = self.counter(name);
        let (failures, last) = *counter;
        let waited = now.since(last);
        if failures >= FAILURES_FREE {
            let wait = wait_secs(failures) * 1000;
            if waited < wait {
                return Err((wait - waited).div_ceil(1000));
            }
        }
        let failures = if waited >= FORGET_SECS * 1000 { 0 } else { failures };
        *counter = (failures.saturating_add(1), now);
        Ok(())
    }

    /// The turn came to nothing through no fault of the person's: it does not count.
    pub(in crate::connector) fn give_back(&self, name: &str) {
        let mut counter = self.counter(name);
        counter.0 = counter.0.saturating_sub(1);
    }

    /// [`Throttle::take_turn`], as a turn that is given back when it is dropped, unless it was spent: also when
    /// whoever took it stops waiting.
    pub(in crate::connector) fn turn(&self, name: &str, now: Millis) -> Result<Turn<'_>, u64> {
        self.take_turn(name, now)?;
        Ok(Turn { throttle: self, name: name.to_owned(), is_spent: AtomicBool::new(false) })
    }

    /// The password was right.
    pub(in crate::connector) fn succeeded(&self, name: &str) {
        *self.counter(name) = (0, Millis(0));
    }
}

/// A turn that was taken.
pub(in crate::connector) struct Turn<'a> {
    throttle: &'a Throttle,
    name: String,
    is_spent: AtomicBool,
}

impl Turn<'_> {
    /// It counts from now on: the password is on its way.
    pub(in crate::connector) fn spend(&self) {
        self.is_spent.store(true, Ordering::Relaxed);
    }

    /// The password was right.
    pub(in crate::connector) fn succeeded(&self) {
        self.spend();
        self.throttle.succeeded(&self.name);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_spent.load(Ordering::Relaxed) {
            self.throttle.give_back(&self.name);
        }
    }
}

fn wait_secs(failures: u32) -> u64 {
    let doublings = failures.saturating_sub(FAILURES_FREE).min(16);
    (WAIT_SECS_FIRST << doublings).min(WAIT_SECS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_are_free_then_it_takes_longer() {
        let throttle = Throttle::default();
        for i in 0..5 {
            assert_eq!(throttle.take_turn("Alice", Millis(i)), Ok(()));
        }
        assert_eq!(throttle.take_turn("alice", Millis(10)), Err(2), "in any case of letters");
        assert_eq!(throttle.take_turn("bob", Millis(10)), Ok(()), "others do not wait");
        assert_eq!(throttle.take_turn("alice", Millis(2_010)), Ok(()));
        assert_eq!(throttle.take_turn("alice", Millis(2_020)), Err(4));
        assert_eq!(throttle.take_turn("alice", Millis(6_020)), Ok(()), "never for good");
        throttle.succeeded("alice");
        assert_eq!(throttle.take_turn("alice", Millis(6_030)), Ok(()));
        assert_eq!(wait_secs(1000), WAIT_SECS_MAX);
    }

    #[test]
    fn an_outage_is_nobodys_guess() {
        let throttle = Throttle::default();
        for i in 0..50 {
            assert_eq!(throttle.take_turn("alice", Millis(i)), Ok(()));
            throttle.give_back("alice");
        }
    }

    #[test]
    fn a_turn_that_is_dropped_is_given_back_unless_it_was_spent() {
        let throttle = Throttle::default();
        for i in 0..50 {
            drop(throttle.turn("alice", Millis(i)).expect("nothing was spent"));
        }
        for i in 0..FAILURES_FREE {
            throttle.turn("alice", Millis(i.into())).expect("a free one").spend();
        }
        assert!(throttle.turn("alice", Millis(60)).is_err());
        let turn = throttle.turn("alice", Millis(9_000)).expect("it waited");
        turn.succeeded();
        drop(turn);
        assert_eq!(*throttle.counter("alice"), (0, Millis(0)));
    }

    #[test]
    fn a_flood_of_names_resets_nobody() {
        let throttle = Throttle::default();
        for i in 0..5 {
            assert_eq!(throttle.take_turn("alice", Millis(i)), Ok(()));
        }
        for i in 0..COUNTERS * 2 {
            let _ = throttle.take_turn(&format!("x{i}"), Millis(6));
        }
        assert!(throttle.take_turn("alice", Millis(7)).is_err());
        assert_eq!(throttle.take_turn("alice", Millis(FORGET_SECS * 1000 + 10)), Ok(()), "forgotten in time");
    }
}
