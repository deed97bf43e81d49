//! What is known of one provider: its discovery document and its keys. Refreshed in the background before they
//! expire, kept past their age while the provider is down, kept over a restart on the shelf, refetched when a
//! token names a key we have not seen (protocol rows RM01 to RM10).

use std::sync::{Arc, PoisonError, TryLockError};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::config::Config;
use super::copy::{Copy, Document};
use super::kept::{Cell, FRESH_SECS, Fetched, Kept};
pub use super::kept::Purpose;
use crate::ambient::{Clock, Entropy, Millis};
use crate::connector::Opening;
use crate::connector::shelf::Shelf;
use crate::health::{Reason, Unwell};
use crate::net::{Answer, Client, Fetch, NetError, Phases, freshness};
use crate::protocol::jose::KeySet;
use crate::protocol::oidc::ProviderMetadata;
use crate::protocol::oidc::discovery::{DOCUMENT_BYTES_MAX, DiscoveryError, ExpectedIssuer};
use crate::value::WebUrl;

/// Shortest time between two fetches that an unknown key id may cause.
pub const KEY_REFETCH_SECS_MIN: u64 = 60;
/// Shortest time between two copies of unchanged documents, in seconds: a copy on the shelf is at most that
/// much older than what is known.
pub const COPY_SECS_MIN: u64 = 600;
/// Longest fetch during a sign-in.
const FETCH_BUDGET: Duration = Duration::from_millis(2_500);
/// Longest fetch in the background, in which nobody waits.
const REFRESH_BUDGET: Duration = Duration::from_secs(10);
/// Bounds of the pause before a failed fetch is made once more (row RM10), in milliseconds.
const AGAIN_MILLIS: std::ops::Range<u64> = 50..250;
/// Redirects followed for the discovery document.
const REDIRECTS_MAX: u8 = 3;

/// How a document is fetched.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Longest time.
    pub budget: Duration,
    /// A question about health: on a connection of its own, and asked once, because its failure is an answer.
    pub probes: bool,
}

impl Manner {
    const SIGN_IN: Manner = Manner { budget: FETCH_BUDGET, probes: false };
    const REFRESH: Manner = Manner { budget: REFRESH_BUDGET, probes: false };

    /// Of a probe.
    pub fn probe(budget: Duration) -> Self {
        Manner { budget, probes: true }
    }
}

/// Documents of one provider.
pub struct Metadata {
    connector: String,
    url: WebUrl,
    expected: Option<ExpectedIssuer>,
    client: Client,
    clock: Clock,
    entropy: Entropy,
    runtime: Handle,
    discovery: Cell<ProviderMetadata>,
    keys: Cell<KeySet>,
    last_key_fetch: Mutex<Option<Millis>>,
    shelf: Option<Arc<Shelf>>,
    /// What the last copy was made of, and when. Held while it is written: copies take turns.
    copied: std::sync::Mutex<Option<(Millis, Bytes, Bytes)>>,
}

impl Metadata {
    /// With the copy of an earlier run, where the shelf has a good one. Reads a file.
    pub fn open(config: &Config, opening: &Opening<'_>) -> Arc<Self> {
        let mut metadata = Metadata {
            connector: config.common.name.clone(),
            url: config.oidc_well_known_url.clone(),
            expected: config.expected_issuer(),
            client: opening.client.clone(),
            clock: opening.clock.clone(),
            entropy: opening.entropy.clone(),
            runtime: opening.blocking.clone(),
            discovery: Cell::new(None),
            keys: Cell::new(None),
            last_key_fetch: Mutex::new(None),
            shelf: opening.shelf.clone(),
            copied: std::sync::Mutex::new(None),
        };
        match metadata.earlier() {
            Ok(Some((discovery, keys))) => {
                let age_secs = discovery.1.age_secs(metadata.clock.millis());
                tracing::info!(
                    event = "idp.metadata.restored",
                    connector = metadata.connector,
                    age_secs,
                    "what an earlier run fetched is known again"
                );
                metadata.discovery = Cell::new(Some(discovery));
                metadata.keys = Cell::new(Some(keys));
            }
            Ok(None) => {}
            Err(reason) => tracing::warn!(
                event = "idp.metadata.copy_ignored",
                connector = metadata.connector,
                reason,
                "the copy of the provider's metadata is not used"
            ),
        }
        Arc::new(metadata)
    }

    /// Both documents of the shelf, checked as if they had just come from the provider.
    fn earlier(&self) -> Result<Option<(Kept<ProviderMetadata>, Kept<KeySet>)>, String> {
        let Some(shelf) = &self.shelf else { return Ok(None) };
        let Some(content) = shelf.get(&self.connector).map_err(|e| e.to_string())? else { return Ok(None) };
        let copy = Copy::read(&content, self.url.as_str())?;
        let (discovery, keys) = (copy.discovery.fetched(&self.clock)?, copy.keys.fetched(&self.clock)?);
        let metadata = self.read_discovery(&discovery.body).map_err(|unwell| unwell.to_string())?;
        let set = read_keys(&keys.body).map_err(|unwell| unwell.to_string())?;
        Ok(Some(((metadata, discovery), (set, keys))))
    }

    /// The discovery document. While the provider does not answer, the kept one goes on; the fetch that found
    /// that out is not repeated by everybody who waited for it.
    pub async fn discovery(self: &Arc<Self>) -> Result<Arc<Kept<ProviderMetadata>>, Unwell> {
        let fetch = async { self.fetch_discovery(Manner::SIGN_IN).await.1.map(drop) };
        self.current(&self.discovery, Purpose::CodeFlow, "discovery", fetch).await
    }

    /// The keys, for a purpose.
    pub async fn keys(self: &Arc<Self>, purpose: Purpose) -> Result<Arc<Kept<KeySet>>, Unwell> {
        let fetch = async {
            let uri = self.discovery().await?.0.jwks_uri.clone();
            self.fetch_keys(&uri, Manner::SIGN_IN).await.1.map(drop)
        };
        self.current(&self.keys, purpose, "keys", fetch).await
    }

    /// A document that may be used now: fresh, fetched (by one of those who wait), or stale.
    async fn current<T>(
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
        let Some(kept) = cell.get().filter(|kept| kept.1.is_usable(purpose, now())) else { return Err(unwell) };
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

    /// What is known, whatever its age.
    pub fn known(&self) -> Option<Arc<Kept<ProviderMetadata>>> {
        self.discovery.get()
    }

    /// Fetches what will soon be too old, so that no sign-in waits for it. Called at regular times.
    pub async fn keep_fresh(self: &Arc<Self>) {
        if self.discovery.is_due(self.clock.millis()) {
            let _turn = self.discovery.fetching.lock().await;
            let _ = self.fetch_discovery(Manner::REFRESH).await;
        }
        let Some(known) = self.known().filter(|_| self.keys.is_due(self.clock.millis())) else { return };
        let _turn = self.keys.fetching.lock().await;
        let _ = self.fetch_keys(&known.0.jwks_uri, Manner::REFRESH).await;
    }

    /// Forgets both documents, also on the shelf: the next sign-in asks the provider (row RM06).
    pub fn drop_all(self: &Arc<Self>) {
        self.discovery.clear();
        self.keys.clear();
        self.copy();
    }

    /// Fetches the discovery document and keeps it when it is good; a bad one never replaces a good one.
    pub async fn fetch_discovery(
        self: &Arc<Self>,
        manner: Manner,
    ) -> (Phases, Result<Arc<Kept<ProviderMetadata>>, Unwell>) {
        let fetch = Fetch::get(self.url.clone()).redirects(REDIRECTS_MAX);
        self.fetch(&self.discovery, fetch, manner, |body| self.read_discovery(body)).await
    }

    /// Fetches the key set and keeps it when it has a usable key.
    pub async fn fetch_keys(
        self: &Arc<Self>,
        uri: &WebUrl,
        manner: Manner,
    ) -> (Phases, Result<Arc<Kept<KeySet>>, Unwell>) {
        self.fetch(&self.keys, Fetch::get(uri.clone()), manner, read_keys).await
    }

    async fn fetch<T>(
        self: &Arc<Self>,
        cell: &Cell<T>,
        fetch: Fetch,
        manner: Manner,
        read: impl Fn(&[u8]) -> Result<T, Unwell>,
    ) -> (Phases, Result<Arc<Kept<T>>, Unwell>) {
        let fetch = fetch
            .within(manner.budget)
            .body_max(DOCUMENT_BYTES_MAX)
            .header(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
        let fetch = if manner.probes {
            fetch.fresh()
        } else {
            let millis = AGAIN_MILLIS.start + self.entropy.below(AGAIN_MILLIS.end - AGAIN_MILLIS.start);
            fetch.once_more_after(Duration::from_millis(millis))
        };
        let ticket = cell.ticket();
        let (phases, answer) = settle(self.client.fetch(fetch).await);
        let good = answer.and_then(|answer| Ok((read(&answer.body)?, answer)));
        let kept = good.and_then(|(value, answer)| {
            let fresh_secs = freshness::fresh_secs(&answer.headers, FRESH_SECS);
            let fetched = Fetched::now(answer.body, fresh_secs, &self.clock, &self.entropy);
            let kept = cell.keep(ticket, value, fetched);
            kept.ok_or_else(|| Unwell::new(Reason::NotJson, "the document was dropped meanwhile"))
        });
        match &kept {
            Ok(_) => self.copy(),
            // Who holds a copy learns from any failure that waiting is in vain.
            Err(unwell) if cell.get().is_some() => cell.failed(self.clock.millis(), unwell),
            Err(_) => {}
        }
        (phases, kept)
    }

    /// Newer keys than those of `seen`, because a token names one we did not have then. At most one fetch a
    /// minute; whoever waited for it has its answer. `None` when nothing newer came.
    pub async fn keys_after(self: &Arc<Self>, seen: &Arc<Kept<KeySet>>) -> Option<Arc<Kept<KeySet>>> {
        let mut last = self.last_key_fetch.lock().await;
        let newer = || self.keys.get().filter(|kept| !Arc::ptr_eq(kept, seen));
        if let Some(newer) = newer() {
            return Some(newer);
        }
        let now = self.clock.millis();
        if last.is_some_and(|at| now.since(at) < KEY_REFETCH_SECS_MIN * 1000) {
            return None;
        }
        *last = Some(now);
        tracing::info!(
            event = "idp.jwks.unknown_kid",
            connector = self.connector,
            "a token names an unknown key; fetching the keys"
        );
        let uri = self.discovery().await.ok()?.0.jwks_uri.clone();
        self.fetch_keys(&uri, Manner::SIGN_IN).await.1.ok()
    }

    fn read_discovery(&self, body: &[u8]) -> Result<ProviderMetadata, Unwell> {
        let expected = self.expected.as_ref().ok_or_else(|| {
            Unwell::new(Reason::IssuerMismatch, "the configuration does not say which issuer to expect")
        })?;
        ProviderMetadata::parse(body, expected).map_err(|error| {
            let reason = match &error {
                DiscoveryError::NotJson => Reason::NotJson,
                DiscoveryError::Issuer { .. } => Reason::IssuerMismatch,
                DiscoveryError::Endpoint(_) => Reason::EndpointMissing,
            };
            Unwell::new(reason, error.to_string())
        })
    }

    /// Has what is known put on the shelf, off the path of whoever fetched it.
    fn copy(self: &Arc<Self>) {
        if self.shelf.is_none() || !self.is_worth_a_copy() {
            return;
        }
        let metadata = self.clone();
        self.runtime.spawn_blocking(move || metadata.write_copy());
    }

    fn is_worth_a_copy(&self) -> bool {
        let (discovery, keys) = match (self.discovery.get(), self.keys.get()) {
            (Some(discovery), Some(keys)) => (discovery, keys),
            // Halves come at start; both gone is a removal.
            (discovery, keys) => return discovery.is_none() && keys.is_none(),
        };
        match self.copied.try_lock() {
            Ok(copied) => copied.as_ref().is_none_or(|(at, had_discovery, had_keys)| {
                let long_ago = self.clock.millis().since(*at) >= COPY_SECS_MIN * 1000;
                long_ago || *had_discovery != discovery.1.body || *had_keys != keys.1.body
            }),
            // One is being written, perhaps without this.
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Poisoned(_)) => true,
        }
    }

    /// Writes what is known when its turn comes, so that the last turn leaves the latest.
    fn write_copy(&self) {
        let Some(shelf) = &self.shelf else { return };
        let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match (self.discovery.get(), self.keys.get()) {
            (Some(discovery), Some(keys)) => {
                let copy = Copy {
                    url: self.url.as_str().to_owned(),
                    discovery: Document::of(&discovery.1),
                    keys: Document::of(&keys.1),
                };
                *copied = Some((self.clock.millis(), discovery.1.body.clone(), keys.1.body.clone()));
                let content = serde_json::to_vec(&copy).map_err(std::io::Error::other);
                content.and_then(|content| shelf.put(&self.connector, &content))
            }
            (None, None) => {
                *copied = None;
                shelf.remove(&self.connector)
            }
            _ => Ok(()),
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

/// The key set of a document.
fn read_keys(body: &[u8]) -> Result<KeySet, Unwell> {
    let document = crate::protocol::strict_json::object(body)
        .ok_or_else(|| Unwell::new(Reason::NotJson, "the key set is not a JSON object"))?;
    let keys = KeySet::parse(&document.into()).map_err(|e| Unwell::new(Reason::NotJson, e))?;
    if keys.is_empty() {
        return Err(Unwell::new(Reason::NoUsableKey, "the key set has no key we can verify with"));
    }
    Ok(keys)
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
