//! Two clocks: wall time in whole seconds for protocols, monotonic milliseconds for health and limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01T00:00:00Z, as JWT `exp` and cookies count them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, Default,
)]
#[serde(transparent)]
pub struct UnixSecs(pub u64);

impl UnixSecs {
    /// This many seconds later.
    pub fn plus(self, seconds: u64) -> Self {
        UnixSecs(self.0.saturating_add(seconds))
    }

    /// Seconds since `earlier`, zero when that is in the future.
    pub fn since(self, earlier: UnixSecs) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Monotonic milliseconds since the process (or the simulation) began. Never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// This many milliseconds later.
    pub fn plus(self, millis: u64) -> Self {
        Millis(self.0.saturating_add(millis))
    }

    /// Milliseconds since `earlier`, zero when that is in the future.
    pub fn since(self, earlier: Millis) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The system's clock, or one that a test moves by hand.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { start: Instant },
    Fixed { unix_millis: Arc<AtomicU64>, start_millis: u64, wall_step_secs: Arc<AtomicI64> },
}

impl Clock {
    /// The real time.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    pub fn system() -> Self {
        Clock(Source::System { start: Instant::now() })
    }

    /// A clock that stands at `at` until [`Clock::advance`].
    pub fn fixed(at: UnixSecs) -> Self {
        let start_millis = at.0.saturating_mul(1000);
        let unix_millis = Arc::new(AtomicU64::new(start_millis));
        Clock(Source::Fixed { unix_millis, start_millis, wall_step_secs: Arc::default() })
    }

    /// Wall time.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    pub fn unix(&self) -> UnixSecs {
        match &self.0 {
            Source::System { .. } => {
                UnixSecs(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()))
            }
            Source::Fixed { unix_millis, wall_step_secs, .. } => {
                let stepped = wall_step_secs.load(Ordering::Relaxed);
                UnixSecs((unix_millis.load(Ordering::Relaxed) / 1000).saturating_add_signed(stepped))
            }
        }
    }

    /// Monotonic time.
    pub fn millis(&self) -> Millis {
        match &self.0 {
            Source::System { start } => {
                Millis(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX))
            }
            Source::Fixed { unix_millis, start_millis, .. } => {
                Millis(unix_millis.load(Ordering::Relaxed) - start_millis)
            }
        }
    }

    /// Moves a fixed clock forward; the system's clock moves by itself.
    pub fn advance(&self, millis: u64) {
        if let Source::Fixed { unix_millis, .. } = &self.0 {
            unix_millis.fetch_add(millis, Ordering::Relaxed);
        }
    }

    /// Sets the wall time of a fixed clock forward or back, as a time server would; monotonic time goes on.
    pub fn step_wall(&self, seconds: i64) {
        if let Source::Fixed { wall_step_secs, .. } = &self.0 {
            wall_step_secs.fetch_add(seconds, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_when_told() {
        let clock = Clock::fixed(UnixSecs(1_000));
        clock.advance(2_500);
        assert_eq!((clock.unix(), clock.millis()), (UnixSecs(1_002), Millis(2_500)));
        clock.step_wall(-100);
        assert_eq!((clock.unix(), clock.millis()), (UnixSecs(902), Millis(2_500)));
    }
}
