//! Fetching a provider's documents and keeping them: what every kind does the same way, whatever the documents say
//! (protocol rows RM02 to RM04, RM10, MD04).

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::runtime::Handle;

use super::copy::{Copy, Document};
use super::kept::{Cell, Fetched, Kept, Purpose};
use super::shelf::Shelf;
use crate::ambient::{Clock, Entropy, Millis};
use crate::connector::Opening;
use crate::health::{Reason, Unwell};
use crate::net::{Answer, Client, Fetch, NetError, Phases};

/// Shortest time between two copies of unchanged documents, in seconds: a copy on the shelf is at most that
/// much older than what is known.
pub const COPY_SECS_MIN: u64 = 600;
/// Longest fetch during a sign-in.
const FETCH_BUDGET: Duration = Duration::from_millis(2_500);
/// Longest fetch in the background, in which nobody waits.
const REFRESH_BUDGET: Duration = Duration::from_secs(10);
/// Largest document that is read by whoever fetched it, in bytes: a fraction of a millisecond.
const READ_HERE_BYTES_MAX: usize = 32 * 1024;
/// Bounds of the pause before a failed fetch is made once more (row RM10), in milliseconds.
const AGAIN_MILLIS: std::ops::Range<u64> = 50..250;

/// How a document is fetched.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Longest time.
    pub budget: Duration,
    /// A question about health: on a connection of its own, and asked once, because its failure is an answer.
    pub probes: bool,
}

impl Manner {
    /// While somebody signs in.
    pub const SIGN_IN: Manner = Manner { budget: FETCH_BUDGET, probes: false };
    /// In the background.
    pub const REFRESH: Manner = Manner { budget: REFRESH_BUDGET, probes: false };

    /// Of a probe.
    pub fn probe(budget: Duration) -> Self {
        Manner { budget, probes: true }
    }
}

/// The documents of one provider that are known now, by name; `None` for those that are not.
pub type Known = Vec<(&'static str, Option<Fetched>)>;

/// Keeps the documents of one provider.
pub struct Keeper {
    connector: String,
    /// Where the first of them is: a copy from elsewhere is not this provider's.
    address: String,
    client: Client,
    clock: Clock,
    entropy: Entropy,
    runtime: Handle,
    shelf: Option<Arc<Shelf>>,
    /// What the last copy was made of, and when. Held while it is written: copies take turns.
    copied: Mutex<Option<(Millis, Vec<Bytes>)>>,
}

impl Keeper {
    /// Of a connector whose first document is at an address.
    pub fn new(connector: &str, address: &str, opening: &Opening<'_>) -> Self {
        Keeper {
            connector: connector.to_owned(),
            address: address.to_owned(),
            client: opening.client.clone(),
            clock: opening.clock.clone(),
            entropy: opening.entropy.clone(),
            runtime: opening.blocking.clone(),
            shelf: opening.shelf.clone(),
            copied: Mutex::new(None),
        }
    }

    /// Whose documents these are, for the log.
    pub fn connector(&self) -> &str {
        &self.connector
    }

    /// Time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Now.
    pub fn now(&self) -> Millis {
        self.clock.millis()
    }

    /// What an earlier run left on the shelf, if `read` finds it as good as if it had just come from the
    /// provider; `read` also gives its age in seconds. Reads a file.
    pub fn earlier<T>(&self, read: impl FnOnce(&Copy) -> Result<(T, u64), String>) -> Option<T> {
        let shelf = self.shelf.as_ref()?;
        let content = shelf.get(&self.connector).map_err(|e| e.to_string()).transpose()?;
        let copy = content.and_then(|content| Copy::read(&content, &self.address));
        match copy.and_then(|copy| read(&copy)) {
            Ok((known, age_secs)) => {
                tracing::info!(
                    event = "idp.metadata.restored",
                    connector = self.connector,
                    age_secs,
                    "what an earlier run fetched is known again"
                );
                Some(known)
            }
            Err(reason) => {
                tracing::warn!(
                    event = "idp.metadata.copy_ignored",
                    connector = self.connector,
                    reason,
                    "the copy of the provider's metadata is not used"
                );
                None
            }
        }
    }

    /// A document that may be used now: fresh, fetched (by one of those who wait), or stale. While the provider
    /// does not answer, the kept one goes on; the fetch that found that out is not repeated by everybody who
    /// waited for it.
    pub async fn current<T>(
        &self,
        cell: &Cell<T>,
        purpose: Purpose,
        document: &'static str,
        fetch: impl Future<Output = Result<(), Unwell>> + Send,
    ) -> Result<Arc<Kept<T>>, Unwell> {
        let now = || self.clock.millis();
        if let Some(kept) = cell.fresh(now()) {
            return Ok(kept);
        }
        let unwell = match cell.failed_lately(now()) {
            Some(unwell) => unwell,
            None => {
                let _turn = cell.fetching.lock().await;
                if let Some(kept) = cell.fresh(now()) {
                    return Ok(kept);
                }
                let fetched = match cell.failed_lately(now()) {
                    Some(unwell) => Err(unwell),
                    None => fetch.await.inspect_err(|unwell| cell.failed(now(), unwell)),
                };
                match (fetched, cell.get()) {
                    (Ok(()), Some(kept)) => return Ok(kept),
                    (Ok(()), None) => Unwell::new(Reason::NotJson, "the document was dropped meanwhile"),
                    (Err(unwell), _) => unwell,
                }
            }
        };
        let Some(kept) = cell.get().filter(|kept| kept.1.is_usable(purpose, now())) else {
            return Err(unwell);
        };
        if cell.may_tell(now()) {
            tracing::warn!(
                event = "idp.metadata.stale_used",
                connector = self.connector,
                document,
                age_secs = kept.1.age_secs(now()),
                reason = unwell.reason.code(),
                detail = unwell.detail,
                "the provider does not answer: using what it said before"
            );
        }
        Ok(kept)
    }

    /// Fetches a document and keeps it when `read` finds it good; a bad one never replaces a good one. `fresh` says
    /// for how many seconds it needs no asking. A large document is read where nobody else waits.
    pub async fn fetch<T: Send + 'static>(
        &self,
        cell: &Cell<T>,
        fetch: Fetch,
        manner: Manner,
        read: impl FnOnce(&[u8]) -> Result<T, Unwell> + Send + 'static,
        fresh: impl Fn(&T, &HeaderMap) -> u64,
    ) -> (Phases, Result<Arc<Kept<T>>, Unwell>) {
        let fetch = fetch.within(manner.budget);
        let fetch = if manner.probes {
            fetch.fresh()
        } else {
            let millis = AGAIN_MILLIS.start + self.entropy.below(AGAIN_MILLIS.end - AGAIN_MILLIS.start);
            fetch.once_more_after(Duration::from_millis(millis))
        };
        let ticket = cell.ticket();
        let (phases, answer) = settle(self.client.fetch(fetch).await);
        let good = match answer {
            Ok(answer) if answer.body.len() > READ_HERE_BYTES_MAX => {
                let body = answer.body.clone();
                let read = self.runtime.spawn_blocking(move || read(&body)).await;
                read.unwrap_or_else(|_| {
                    Err(Unwell::new(Reason::ProbeCrashed, "reading the document broke off"))
                })
                .map(|value| (value, answer))
            }
            Ok(answer) => read(&answer.body).map(|value| (value, answer)),
            Err(unwell) => Err(unwell),
        };
        let kept = good.and_then(|(value, answer)| {
            let fresh_secs = fresh(&value, &answer.headers);
            let fetched = Fetched::now(answer.body, fresh_secs, &self.clock, &self.entropy);
            let kept = cell.keep(ticket, value, fetched);
            kept.ok_or_else(|| Unwell::new(Reason::NotJson, "the document was dropped meanwhile"))
        });
        // Who holds a copy learns from any failure that waiting is in vain.
        if let Err(unwell) = &kept
            && cell.get().is_some()
        {
            cell.failed(self.now(), unwell);
        }
        (phases, kept)
    }

    /// Has what is known put on the shelf, off the path of whoever fetched it. `write` calls [`Keeper::write_copy`].
    pub fn copy(&self, known: &Known, write: impl FnOnce() + Send + 'static) {
        if self.shelf.is_some() && self.is_worth_a_copy(known) {
            self.runtime.spawn_blocking(write);
        }
    }

    fn is_worth_a_copy(&self, known: &Known) -> bool {
        if known.iter().any(|(_, document)| document.is_none()) {
            // Halves come at start; all gone is a removal.
            return known.iter().all(|(_, document)| document.is_none());
        }
        let bodies = known.iter().flat_map(|(_, document)| document).map(|fetched| &fetched.body);
        match self.copied.try_lock() {
            Ok(copied) => copied.as_ref().is_none_or(|(at, had)| {
                let long_ago = self.now().since(*at) >= COPY_SECS_MIN * 1000;
                long_ago || !had.iter().eq(bodies)
            }),
            // One is being written, perhaps without this.
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Poisoned(_)) => true,
        }
    }

    /// Writes what is known when its turn comes, so that the last turn leaves the latest: `known` is asked then.
    pub fn write_copy(&self, known: impl FnOnce() -> Known) {
        let Some(shelf) = &self.shelf else { return };
        let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        let known: Option<Vec<(&str, Fetched)>> =
            known().into_iter().map(|(name, document)| Some((name, document?))).collect();
        let written = match known {
            Some(known) => {
                let documents =
                    known.iter().map(|(name, fetched)| ((*name).to_owned(), Document::of(fetched))).collect();
                let copy = Copy { url: self.address.clone(), documents };
                *copied = Some((self.now(), known.into_iter().map(|(_, fetched)| fetched.body).collect()));
                let content = serde_json::to_vec(&copy).map_err(std::io::Error::other);
                content.and_then(|content| shelf.put(&self.connector, &content))
            }
            // A half comes at the start, when there is nothing to remove, and after what is known was dropped.
            None => {
                *copied = None;
                shelf.remove(&self.connector)
            }
        };
        if let Err(error) = written {
            tracing::warn!(
                event = "idp.metadata.copy_failed",
                connector = self.connector,
                reason = %error,
                "the provider's metadata could not be kept over a restart"
            );
        }
    }
}

/// An answer with status 200, or why not.
fn settle(result: Result<Answer, NetError>) -> (Phases, Result<Answer, Unwell>) {
    match result {
        Ok(answer) if answer.status == 200 => (answer.phases.clone(), Ok(answer)),
        Ok(answer) if answer.status == 429 => {
            (answer.phases.clone(), Err(Unwell::new(Reason::RateLimited, "we ask too often (status 429)")))
        }
        Ok(answer) => {
            let words = format!("status {}, expected 200", answer.status);
            (answer.phases.clone(), Err(Unwell::new(Reason::Status, words)))
        }
        Err(error) => (error.phases.clone(), Err(error.into())),
    }
}
