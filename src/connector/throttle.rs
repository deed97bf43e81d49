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
/// Counters, half of them for names that are typed and half for accounts that names lead to. A name falls on one by
/// a keyed hash, so nobody can fill the memory or push another name out; two names on one counter merely wait for
/// each other.
pub const COUNTERS: usize = 65_536;
/// A counter that nobody touched for this long starts anew, in seconds.
pub const FORGET_SECS: u64 = 900;

/// Failures by name.
pub(in crate::connector) struct Throttle {
    key: RandomState,
    counters: Vec<Mutex<Counter>>,
}

/// Failures in a row, of one name or of several that share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counter {
    failures: u32,
    last: Millis,
    /// Whose failures they are, by the whole of the hash.
    whose: u64,
    /// Somebody else's are among them: then nobody's success ends them, or whoever has a name on the counter of
    /// another could guess there without end.
    is_shared: bool,
}

impl Default for Throttle {
    fn default() -> Self {
        Throttle { key: RandomState::new(), counters: (0..COUNTERS).map(|_| Mutex::default()).collect() }
    }
}

impl Throttle {
    /// Which counter, and whose.
    fn place(&self, name: &str) -> (usize, u64) {
        let hash = self.key.hash_one(name.to_lowercase());
        let half = COUNTERS / 2;
        let first = if name.starts_with(ACCOUNT) { half } else { 0 };
        // The upper half of the hash, so that what tells two names on one counter apart is not what put them there.
        (first + (hash >> 32) as usize % half, hash)
    }

    fn counter(&self, at: usize) -> std::sync::MutexGuard<'_, Counter> {
        self.counters[at].lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes a turn for `name`, or says how many seconds it has to wait. Taking a turn counts as a failure
    /// until [`Turn::succeeded`], so that a hundred tries at once are not a hundred first tries. It is given back
    /// when it is dropped, unless it was spent: also when whoever took it stops waiting.
    pub(in crate::connector) fn turn(&self, name: &str, now: Millis) -> Result<Turn<'_>, u64> {
        let (at, whose) = self.place(name);
        let mut counter = self.counter(at);
        let waited = now.since(counter.last);
        if counter.failures >= FAILURES_FREE {
            let wait = wait_secs(counter.failures) * 1000;
            if waited < wait {
                return Err((wait - waited).div_ceil(1000));
            }
        }
        if counter.failures == 0 || waited >= FORGET_SECS * 1000 {
            *counter = Counter { whose, ..Counter::default() };
        }
        counter.is_shared |= counter.whose != whose;
        counter.failures = counter.failures.saturating_add(1);
        counter.last = now;
        Ok(Turn { throttle: self, at, is_spent: AtomicBool::new(false) })
    }
}

/// What the name of an account begins with, and no typed one does.
pub(in crate::connector) const ACCOUNT: char = '\0';

/// A turn that was taken.
pub(in crate::connector) struct Turn<'a> {
    throttle: &'a Throttle,
    at: usize,
    is_spent: AtomicBool,
}

impl Turn<'_> {
    /// It counts from now on: the password is on its way.
    pub(in crate::connector) fn spend(&self) {
        self.is_spent.store(true, Ordering::Relaxed);
    }

    /// The password was right: nothing is counted any more; on a counter that others share, at least this turn.
    pub(in crate::connector) fn succeeded(&self) {
        let mut counter = self.throttle.counter(self.at);
        match counter.is_shared {
            false => *counter = Counter::default(),
            true => counter.failures = counter.failures.saturating_sub(1),
        }
        drop(counter);
        self.spend();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_spent.load(Ordering::Relaxed) {
            let mut counter = self.throttle.counter(self.at);
            counter.failures = counter.failures.saturating_sub(1);
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

    fn fail(throttle: &Throttle, name: &str, now: u64) -> Result<(), u64> {
        throttle.turn(name, Millis(now)).map(|turn| turn.spend())
    }

    fn succeed(throttle: &Throttle, name: &str, now: u64) {
        let turn = throttle.turn(name, Millis(now)).expect("it need not wait");
        turn.spend();
        turn.succeeded();
    }

    #[test]
    fn five_are_free_then_it_takes_longer() {
        let throttle = Throttle::default();
        for i in 0..5 {
            assert_eq!(fail(&throttle, "Alice", i), Ok(()));
        }
        assert_eq!(fail(&throttle, "alice", 10), Err(2), "in any case of letters");
        assert_eq!(fail(&throttle, "bob", 10), Ok(()), "others do not wait");
        assert_eq!(fail(&throttle, "alice", 2_010), Ok(()));
        assert_eq!(fail(&throttle, "alice", 2_020), Err(4));
        succeed(&throttle, "alice", 6_020);
        for i in 0..5 {
            assert_eq!(fail(&throttle, "alice", 6_030 + i), Ok(()), "it begins anew");
        }
        assert_eq!(wait_secs(1000), WAIT_SECS_MAX);
    }

    #[test]
    fn a_turn_that_is_dropped_is_given_back_unless_it_was_spent() {
        let throttle = Throttle::default();
        for i in 0..50 {
            drop(throttle.turn("alice", Millis(i)).expect("an outage is nobody's guess"));
        }
        for i in 0..FAILURES_FREE {
            assert_eq!(fail(&throttle, "alice", i.into()), Ok(()));
        }
        assert!(throttle.turn("alice", Millis(60)).is_err());
    }

    #[test]
    fn a_flood_of_names_resets_nobody() {
        let throttle = Throttle::default();
        for i in 0..5 {
            assert_eq!(fail(&throttle, "alice", i), Ok(()));
        }
        for i in 0..COUNTERS * 2 {
            let _ = fail(&throttle, &format!("x{i}"), 6);
        }
        assert!(fail(&throttle, "alice", 7).is_err());
        assert_eq!(fail(&throttle, "alice", FORGET_SECS * 1000 + 10), Ok(()), "forgotten in time");
    }

    #[test]
    fn whoever_shares_a_counter_cannot_reset_it() {
        let throttle = Throttle::default();
        let (at, _) = throttle.place("alice");
        let names = (0..).map(|i| format!("mallory{i}"));
        let twin =
            names.into_iter().find(|name| throttle.place(name).0 == at).expect("there are enough names");
        for i in 0..4 {
            assert_eq!(fail(&throttle, "alice", i), Ok(()));
        }
        succeed(&throttle, &twin, 5);
        assert_eq!(throttle.counter(at).failures, 4, "her success counts for her only");
        assert_eq!(fail(&throttle, "alice", 6), Ok(()));
        assert_eq!(fail(&throttle, "alice", 7), Err(2));
        succeed(&throttle, "alice", FORGET_SECS * 1000 + 10);
        assert_eq!(*throttle.counter(at), Counter::default(), "and silence ends the sharing");
    }

    #[test]
    fn a_name_and_its_account_never_share_a_counter() {
        let throttle = Throttle::default();
        for i in 0..10_000 {
            let (name, account) = (format!("n{i}"), format!("{ACCOUNT}uid=n{i}"));
            assert!(throttle.place(&name).0 < COUNTERS / 2 && throttle.place(&account).0 >= COUNTERS / 2);
        }
    }
}
