//! Slowing down guesses: five failures in a row make one name wait, longer each time, and nothing locks
//! for good. Counted for names that do not exist as well, so that waiting tells nobody who exists.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::ambient::Millis;

/// Failures in a row before a name has to wait.
pub const FAILURES_FREE: u32 = 5;
/// First wait, in seconds; doubles with each further failure.
pub const WAIT_SECS_FIRST: u64 = 2;
/// Longest wait, in seconds.
pub const WAIT_SECS_MAX: u64 = 60;
/// Names remembered; when full, the ones whose wait is over are forgotten first.
pub const NAMES_MAX: usize = 10_000;

/// Failures by name.
#[derive(Default)]
pub(super) struct Throttle {
    names: Mutex<HashMap<String, (u32, Millis)>>,
}

impl Throttle {
    /// Takes a turn for `name`, or says how many seconds it has to wait. Taking a turn counts as a failure
    /// until [`Throttle::succeeded`], so that a hundred tries at once are not a hundred first tries.
    pub(super) fn take_turn(&self, name: &str, now: Millis) -> Result<(), u64> {
        let mut names = self.names.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let name = name.to_lowercase();
        if let Some((failures, last)) = names.get(&name)
            && *failures >= FAILURES_FREE
        {
            let wait = wait_secs(*failures) * 1000;
            let waited = now.since(*last);
            if waited < wait {
                return Err((wait - waited).div_ceil(1000));
            }
        }
        if names.len() >= NAMES_MAX && !names.contains_key(&name) {
            names.retain(|_, (failures, last)| now.since(*last) < wait_secs(*failures) * 1000);
            if names.len() >= NAMES_MAX {
                names.clear();
            }
        }
        let entry = names.entry(name).or_insert((0, now));
        *entry = (entry.0.saturating_add(1), now);
        Ok(())
    }

    /// The password was right.
    pub(super) fn succeeded(&self, name: &str) {
        self.names.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&name.to_lowercase());
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
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for i in 0..NAMES_MAX * 2 {
            let _ = throttle.take_turn(&i.to_string(), Millis(0));
        }
        assert!(throttle.names.lock().unwrap().len() <= NAMES_MAX);
    }
}
