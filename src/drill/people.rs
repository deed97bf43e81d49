//! People under way, and where each of them is.

use super::weather::Answer;
use crate::continuity::{Login, Why};
use crate::health::Reason;

/// A person at a stage. Of another stage it is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) person: usize,
    pub(super) stage: u32,
}

/// Everybody under way.
#[derive(Default)]
pub(super) struct People {
    pub(super) all: Vec<Person>,
    pub(super) free: Vec<usize>,
}

impl People {
    pub(super) fn under_way(&self) -> u64 {
        (self.all.len() - self.free.len()) as u64
    }
}

/// Somebody who signs in.
pub(super) struct Person {
    /// Of the login, for draws.
    pub(super) number: u64,
    /// Tries, for draws.
    pub(super) attempt: u32,
    pub(super) came: u64,
    pub(super) minimum: Option<u8>,
    /// Time that was the person's own, in milliseconds.
    pub(super) own: u64,
    /// Whether the one more try was used.
    pub(super) reloaded: bool,
    pub(super) stranded: bool,
    pub(super) restarted: bool,
    pub(super) login: Login,
    pub(super) retries: u8,
    /// Place in the node's order of the arrival that pre-flights must be younger than.
    pub(super) arrived: u64,
    /// Counts stages, so that what was planned for an earlier one is void.
    pub(super) count: u32,
    pub(super) stage: Stage,
}

/// Where somebody is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stage {
    /// In, or gone.
    Over,
    /// Waits for the answer to a pre-flight.
    Asking { member: usize, since: u64 },
    /// Steps back after a pre-flight that failed.
    SteppingBack { member: usize },
    /// The address to send the browser to is not known yet.
    Fetching { member: usize, why: Why, answer: Answer },
    /// The page loads.
    Loading { member: usize },
    /// The person types.
    Typing { member: usize },
    /// The page takes what was typed, and sends the browser back.
    Submitting { member: usize },
    /// We ask the provider for what the browser brought.
    Completing { member: usize, ends: u64, answer: Answer, doubt: Doubt },
    /// It failed; we ask ourselves.
    Checking { member: usize, reason: Reason, since: u64, arrived: u64, well: Option<bool> },
    /// Will open the app again.
    Away { fresh: bool },
}

/// While the provider takes its time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Doubt {
    Patient { until: u64 },
    Asking { since: u64, arrived: u64 },
    Leaving { at: u64 },
    Done,
}
