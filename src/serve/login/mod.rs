//! Between "sent away" and "came back".
//!
//! ```text
//! begin ──► (plan, pre-flight) ──► sealed into a cookie ──► browser at the provider
//!                                                              │
//!   signed in ◄── attributes ◄── complete ◄── callback ◄───────┘
//!                     │              └── provider unwell? ask it ourselves, then the same or the next one
//!                     └── session under a new id, back to where the person wanted to go
//! ```

pub mod begin;
pub mod callback;
pub mod circles;
pub mod finish;
pub mod held;
pub mod lookups;
pub mod password;
pub mod pending;
pub mod unsolicited;

pub use begin::{Start, begin};
pub use pending::{Pending, Return};

use std::time::Duration;

use super::edge::{Response, answer};
use super::state::State;

/// Gives an answer of ours the time that endpoints of ours have (`http.endpointTimeoutSeconds`), then 503.
pub async fn within_limit(state: &State, answering: impl Future<Output = Response> + Unpin) -> Response {
    let limit = Duration::from_secs(state.deployment.http.endpoint_timeout_seconds);
    if limit.is_zero() {
        return answering.await;
    }
    match tokio::time::timeout(limit, answering).await {
        Ok(response) => response,
        Err(_) => answer::with_retry_after(answer::plain(http::StatusCode::SERVICE_UNAVAILABLE), 5),
    }
}
