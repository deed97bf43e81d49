//! Idle and absolute limits, as a pure decision.

use crate::ambient::UnixSecs;
use crate::config::session::Lifetime;

/// Limits of sessions, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Since sign-in.
    pub absolute_secs: u64,
    /// Since the last request; 0 is off.
    pub idle_secs: u64,
}

impl Limits {
    /// Of the configuration.
    pub fn of(lifetime: &Lifetime) -> Self {
        let idle = lifetime.idle_timeout;
        Limits {
            absolute_secs: lifetime.max_timeout.as_secs(),
            idle_secs: if idle.is_zero() { 0 } else { idle.as_secs().max(1) },
        }
    }

    /// Whether a session still lives.
    pub fn lives(&self, created: UnixSecs, last_seen: UnixSecs, now: UnixSecs) -> bool {
        now.since(created) < self.absolute_secs
            && (self.idle_secs == 0 || now.since(last_seen) < self.idle_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_end_a_session() {
        let limits = Limits { absolute_secs: 100, idle_secs: 10 };
        let lives = |created, seen, now| limits.lives(UnixSecs(created), UnixSecs(seen), UnixSecs(now));
        assert!(lives(0, 95, 99) && !lives(0, 95, 100) && !lives(0, 80, 90) && lives(0, 81, 90));
        let no_idle = Limits { absolute_secs: 100, idle_secs: 0 };
        assert!(no_idle.lives(UnixSecs(0), UnixSecs(0), UnixSecs(99)));
    }
}
