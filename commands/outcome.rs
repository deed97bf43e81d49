//! How a command ended, and its exit code. Only `main.rs` turns one into the other.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to complain about.
    Clean,
    /// Findings at or above the fail level.
    Findings,
    /// The command line makes no sense.
    Usage,
    /// Could not check or start: an unreadable file, a missing secret, an occupied port.
    CouldNotRun,
    /// Some app has no healthy provider left.
    Outage,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        ExitCode::from(match outcome {
            Outcome::Clean => 0,
            Outcome::Findings => 1,
            Outcome::Usage => 2,
            Outcome::CouldNotRun => 3,
            Outcome::Outage => 4,
        })
    }
}
