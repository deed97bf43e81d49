//! One document of a provider as it was last fetched, and how long it may be used: fresh by its cache headers,
//! then stale while the provider does not answer (protocol rows RM02, RM03; RFC 5861 §4).

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use bytes::Bytes;

use crate::ambient::{Clock, Entropy, Millis, UnixSecs};
use crate::health::Unwell;

/// Bounds of how long a document is used without asking again, in seconds, whatever its headers say.
pub const FRESH_SECS: RangeInclusive<u64> = 300..=24 * 3600;
/// How long after that it is still used for a sign-in by code, whose tokens come over verified TLS, while the
/// provider does not answer.
pub const STALE_SECS_CODE_FLOW: u64 = 24 * 3600;
/// The same for tokens that anybody may bring: logout tokens, client assertions, bearer tokens. A key that was
/// withdrawn must not vouch for long.
pub const STALE_SECS_BEARER: u64 = 3600;
/// A background refresh comes after this part of the fresh time, in percent; chance adds up to
/// [`REFRESH_JITTER_PERCENT`], so that many nodes do not ask in step.
pub const REFRESH_PERCENT: u64 = 70;
/// See [`REFRESH_PERCENT`]. Their sum leaves at least 30 s of the shortest fresh time to a second attempt.
pub const REFRESH_JITTER_PERCENT: u64 = 20;
/// How long a failed fetch is believed when nothing is kept, in milliseconds.
pub const FAILURE_MILLIS: u64 = 5_000;
/// How long it is believed when something is: the background refresh asks again before that.
pub const FAILURE_MILLIS_KEPT: u64 = 60_000;
/// Shortest time between two tellings that a stale document is used, in milliseconds.
pub const TELL_MILLIS: u64 = 60_000;

/// What a document is used for, which decides how stale it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A sign-in by code.
    CodeFlow,
    /// A token that somebody brings.
    Bearer,
}

impl Purpose {
    /// Seconds beyond the fresh time.
    pub fn stale_secs_max(self) -> u64 {
        match self {
            Purpose::CodeFlow => STALE_SECS_CODE_FLOW,
            Purpose::Bearer => STALE_SECS_BEARER,
        }
    }
}

/// How a document was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The document, byte for byte.
    pub body: Bytes,
    /// When, by the wall clock: what a copy on disk says.
    pub at: UnixSecs,
    /// For how long it is fresh, in seconds.
    pub fresh_secs: u64,
    /// When this process got it, and how old it was then. Ages count monotonic time from here, so that a step
    /// of the wall clock makes nothing old or young (protocol row HC12).
    since: Millis,
    age_then_secs: u64,
    refresh_secs: u64,
}

impl Fetched {
    /// Just now.
    pub fn now(body: Bytes, fresh_secs: u64, clock: &Clock, entropy: &Entropy) -> Self {
        let fresh_secs = fresh_secs.clamp(*FRESH_SECS.start(), *FRESH_SECS.end());
        let jitter = entropy.below(fresh_secs * REFRESH_JITTER_PERCENT / 100);
        Fetched {
            body,
            at: clock.unix(),
            fresh_secs,
            since: clock.millis(),
            age_then_secs: 0,
            refresh_secs: fresh_secs * REFRESH_PERCENT / 100 + jitter,
        }
    }

    /// By an earlier run: due for a refresh at once, and as old as the wall clock says.
    pub fn earlier(body: Bytes, at: UnixSecs, fresh_secs: u64, clock: &Clock) -> Self {
        Fetched {
            body,
            at,
            fresh_secs: fresh_secs.clamp(*FRESH_SECS.start(), *FRESH_SECS.end()),
            since: clock.millis(),
            age_then_secs: clock.unix().since(at),
            refresh_secs: 0,
        }
    }

    /// Its age in seconds.
    pub fn age_secs(&self, now: Millis) -> u64 {
        self.age_then_secs.saturating_add(now.since(self.since) / 1000)
    }

    /// Whether it is used without asking.
    pub fn is_fresh(&self, now: Millis) -> bool {
        self.age_secs(now) <= self.fresh_secs
    }

    /// Whether the background should fetch it again.
    pub fn is_due(&self, now: Millis) -> bool {
        self.age_secs(now) >= self.refresh_secs
    }

    /// Whether it may be used at all while the provider does not answer.
    pub fn is_usable(&self, purpose: Purpose, now: Millis) -> bool {
        self.age_secs(now) <= self.fresh_secs.saturating_add(purpose.stale_secs_max())
    }
}

/// A document and how it was fetched.
pub type Kept<T> = (T, Fetched);

/// The place of one document. What is not good never gets here, so bad never replaces good.
pub struct Cell<T> {
    kept: ArcSwapOption<Kept<T>>,
    /// One fetch for waiting sign-ins at a time; the others wait for its answer.
    pub fetching: tokio::sync::Mutex<()>,
    /// Counts the clearings: what was asked for before one is not kept after it.
    clearings: AtomicU64,
    failed: Mutex<Option<(Millis, Unwell)>>,
    told: Mutex<Option<Millis>>,
}

/// Permission to keep the answer of a fetch that began now.
#[derive(Debug, Clone, Copy)]
pub struct Ticket(u64);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Cell<T> {
    /// With what an earlier run left.
    pub fn new(kept: Option<Kept<T>>) -> Self {
        Cell {
            kept: ArcSwapOption::from(kept.map(Arc::new)),
            fetching: tokio::sync::Mutex::default(),
            clearings: AtomicU64::new(0),
            failed: Mutex::new(None),
            told: Mutex::new(None),
        }
    }

    /// What is kept, whatever its age.
    pub fn get(&self) -> Option<Arc<Kept<T>>> {
        self.kept.load_full()
    }

    /// What is kept, when it needs no asking.
    pub fn fresh(&self, now: Millis) -> Option<Arc<Kept<T>>> {
        self.get().filter(|kept| kept.1.is_fresh(now))
    }

    /// Whether the background should fetch it.
    pub fn is_due(&self, now: Millis) -> bool {
        self.get().is_none_or(|kept| kept.1.is_due(now))
    }

    /// Before a fetch.
    pub fn ticket(&self) -> Ticket {
        Ticket(self.clearings.load(Ordering::SeqCst))
    }

    /// Keeps a good document, unless everything was dropped since the fetch began.
    pub fn keep(&self, ticket: Ticket, value: T, fetched: Fetched) -> Option<Arc<Kept<T>>> {
        if self.ticket().0 != ticket.0 {
            return None;
        }
        let kept = Arc::new((value, fetched));
        self.kept.store(Some(kept.clone()));
        *lock(&self.failed) = None;
        Some(kept)
    }

    /// Forgets it.
    pub fn clear(&self) {
        self.clearings.fetch_add(1, Ordering::SeqCst);
        self.kept.store(None);
        *lock(&self.failed) = None;
    }

    /// A fetch failed.
    pub fn failed(&self, now: Millis, unwell: &Unwell) {
        *lock(&self.failed) = Some((now, unwell.clone()));
    }

    /// Why a fetch failed lately, so that not everybody finds that out for himself.
    pub fn failed_lately(&self, now: Millis) -> Option<Unwell> {
        let believed = if self.get().is_some() { FAILURE_MILLIS_KEPT } else { FAILURE_MILLIS };
        lock(&self.failed)
            .as_ref()
            .filter(|(at, _)| now.since(*at) < believed)
            .map(|(_, unwell)| unwell.clone())
    }

    /// Whether it is time to tell again that a stale document is used.
    pub fn may_tell(&self, now: Millis) -> bool {
        let mut told = lock(&self.told);
        let tell = told.is_none_or(|at| now.since(at) >= TELL_MILLIS);
        if tell {
            *told = Some(now);
        }
        tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Reason;

    const HOUR: u64 = 3600;

    fn clock() -> Clock {
        Clock::fixed(UnixSecs(1_000_000_000))
    }

    #[test]
    fn fresh_then_due_then_stale_then_gone() {
        let (clock, entropy) = (clock(), Entropy::counted(1));
        for (said, fresh) in [(0, 300), (3600, 3600), (u64::MAX, 24 * HOUR)] {
            let fetched = Fetched::now(Bytes::new(), said, &clock, &entropy);
            let at = |secs: u64| clock.millis().plus(secs * 1000);
            assert_eq!(fetched.fresh_secs, fresh);
            assert!(!fetched.is_due(at(fresh * REFRESH_PERCENT / 100 - 1)));
            assert!(fetched.is_due(at(fresh * (REFRESH_PERCENT + REFRESH_JITTER_PERCENT) / 100)));
            assert!(fetched.is_fresh(at(fresh)) && !fetched.is_fresh(at(fresh + 1)));
            for (purpose, stale) in [(Purpose::CodeFlow, 24 * HOUR), (Purpose::Bearer, HOUR)] {
                assert!(fetched.is_usable(purpose, at(fresh + stale)), "{purpose:?}");
                assert!(!fetched.is_usable(purpose, at(fresh + stale + 1)), "{purpose:?}");
            }
        }
        let due: std::collections::BTreeSet<u64> =
            (0..20).map(|_| Fetched::now(Bytes::new(), 3600, &clock, &entropy).refresh_secs).collect();
        assert!(due.len() > 10, "nodes do not refresh in step: {due:?}");
    }

    #[test]
    fn what_an_earlier_run_left_is_as_old_as_it_is() {
        let clock = clock();
        let fetched = Fetched::earlier(Bytes::new(), UnixSecs(1_000_000_000 - 1000), 3600, &clock);
        assert!(fetched.is_due(clock.millis()) && fetched.is_fresh(clock.millis()));
        clock.advance(2_601_000);
        assert!(!fetched.is_fresh(clock.millis()));
    }

    #[test]
    fn a_step_of_the_wall_clock_changes_no_age() {
        let clock = clock();
        let fetched = Fetched::now(Bytes::new(), 3600, &clock, &Entropy::counted(1));
        for step in [3 * 24 * 3600, -6 * 24 * 3600] {
            clock.step_wall(step);
            assert_eq!(fetched.age_secs(clock.millis()), 0);
        }
    }

    #[test]
    fn what_was_asked_for_before_a_clearing_is_not_kept() {
        let (clock, entropy) = (clock(), Entropy::counted(1));
        let fetched = || Fetched::now(Bytes::new(), 300, &clock, &entropy);
        let cell = Cell::new(None);
        let early = cell.ticket();
        assert!(cell.keep(early, 1, fetched()).is_some());
        cell.clear();
        assert!(cell.get().is_none() && cell.keep(early, 2, fetched()).is_none() && cell.get().is_none());
        assert!(cell.keep(cell.ticket(), 3, fetched()).is_some());
    }

    #[test]
    fn failures_are_believed_for_a_while_and_tellings_are_rare() {
        let cell = Cell::new(None);
        let unwell = Unwell::new(Reason::Timeout, "late");
        cell.failed(Millis(0), &unwell);
        assert!(cell.failed_lately(Millis(FAILURE_MILLIS - 1)).is_some());
        assert!(cell.failed_lately(Millis(FAILURE_MILLIS)).is_none());
        cell.keep(cell.ticket(), (), Fetched::now(Bytes::new(), 0, &clock(), &Entropy::counted(1)));
        assert!(cell.failed_lately(Millis(1)).is_none(), "a good answer ends it");
        cell.failed(Millis(0), &unwell);
        assert!(cell.failed_lately(Millis(FAILURE_MILLIS_KEPT - 1)).is_some());
        assert!(
            cell.may_tell(Millis(7))
                && !cell.may_tell(Millis(TELL_MILLIS))
                && cell.may_tell(Millis(TELL_MILLIS + 7))
        );
    }
}
