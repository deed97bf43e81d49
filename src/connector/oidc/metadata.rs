//! What is known of one provider right now: its discovery document and its keys, kept past their age while
//! the provider is down, refetched when a token names a key we have not seen.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use super::config::Config;
use crate::ambient::{Clock, Millis, UnixSecs};
use crate::health::{Reason, Unwell};
use crate::net::{Answer, Client, Fetch, NetError, Phases};
use crate::protocol::jose::KeySet;
use crate::protocol::oidc::ProviderMetadata;
use crate::protocol::oidc::discovery::{DOCUMENT_BYTES_MAX, DiscoveryError, ExpectedIssuer};
use crate::value::WebUrl;

/// How long a document is used without asking again.
pub const FRESH_SECS: u64 = 300;
/// How long after that it is still used while the provider does not answer.
pub const STALE_SECS_MAX: u64 = 24 * 3600;
/// Shortest time between two fetches that an unknown key id may cause.
pub const KEY_REFETCH_SECS_MIN: u64 = 60;
/// Longest fetch during a sign-in.
const FETCH_BUDGET: Duration = Duration::from_millis(super::FETCH_MILLIS_MAX);
/// How long a failed fetch is believed, in milliseconds.
const FAILURE_MILLIS: u64 = 5_000;
/// Redirects followed for the discovery document.
const REDIRECTS_MAX: u8 = 3;

/// Documents of one provider, with when they were fetched.
pub(super) struct Metadata {
    name: String,
    url: WebUrl,
    expected: Option<ExpectedIssuer>,
    client: Client,
    clock: Clock,
    discovery: ArcSwapOption<(ProviderMetadata, UnixSecs)>,
    keys: ArcSwapOption<(KeySet, UnixSecs)>,
    /// One fetch at a time; the others wait for its answer.
    fetching: Mutex<()>,
    last_key_fetch: Mutex<Option<Millis>>,
    last_failure: std::sync::Mutex<Option<(Millis, Unwell)>>,
}

impl Metadata {
    pub(super) fn new(config: &Config, client: Client, clock: Clock) -> Self {
        Metadata {
            name: config.common.name.to_string(),
            url: config.oidc_well_known_url.clone(),
            expected: config.expected_issuer(),
            client,
            clock,
            discovery: ArcSwapOption::empty(),
            keys: ArcSwapOption::empty(),
            fetching: Mutex::new(()),
            last_key_fetch: Mutex::new(None),
            last_failure: std::sync::Mutex::new(None),
        }
    }

    /// The discovery document, fetched when the kept one is old. While the provider does not answer, the kept
    /// one goes on; the fetch that found that out is not repeated by everybody who waited for it.
    pub(super) async fn discovery(&self) -> Result<Arc<(ProviderMetadata, UnixSecs)>, Unwell> {
        if let Some(kept) = self.fresh_discovery() {
            return Ok(kept);
        }
        let _turn = self.fetching.lock().await;
        if let Some(kept) = self.fresh_discovery() {
            return Ok(kept);
        }
        let fetched = match self.failed_lately() {
            Some(unwell) => Err(unwell),
            None => self.fetch_discovery(false, FETCH_BUDGET).await.1.map(|_| ()).inspect_err(|e| self.failed(e)),
        };
        let kept = self.discovery.load_full().filter(|kept| self.age(kept.1) <= FRESH_SECS + STALE_SECS_MAX);
        match (fetched, kept) {
            (Ok(()), Some(kept)) => Ok(kept),
            (Err(unwell), Some(kept)) => {
                tracing::warn!(event = "idp.metadata.stale_used", connector = self.name, url = %self.url, reason = %unwell.reason, "using stale provider metadata");
                Ok(kept)
            }
            (Err(unwell), None) => Err(unwell),
            (Ok(()), None) => Err(Unwell::new(Reason::NotJson, "no discovery document")),
        }
    }

    fn failed(&self, unwell: &Unwell) {
        let mut last = self.last_failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *last = Some((self.clock.millis(), unwell.clone()));
    }

    fn failed_lately(&self) -> Option<Unwell> {
        let last = self.last_failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        last.as_ref().filter(|(at, _)| self.clock.millis().since(*at) < FAILURE_MILLIS).map(|(_, u)| u.clone())
    }

    /// What is known, whatever its age.
    pub(super) fn known(&self) -> Option<Arc<(ProviderMetadata, UnixSecs)>> {
        self.discovery.load_full()
    }

    /// Age of the older of the two documents that are kept, in seconds.
    pub(super) fn known_age_secs(&self) -> Option<u64> {
        let discovery = self.discovery.load().as_ref().map(|kept| self.age(kept.1));
        let keys = self.keys.load().as_ref().map(|kept| self.age(kept.1));
        discovery.max(keys)
    }

    fn fresh_discovery(&self) -> Option<Arc<(ProviderMetadata, UnixSecs)>> {
        self.discovery.load_full().filter(|kept| self.age(kept.1) <= FRESH_SECS)
    }

    fn age(&self, at: UnixSecs) -> u64 {
        self.clock.unix().since(at)
    }

    /// Fetches the discovery document and keeps it when it is good; a bad one never replaces a good one.
    pub(super) async fn fetch_discovery(
        &self,
        fresh_connection: bool,
        budget: Duration,
    ) -> (Phases, Result<ProviderMetadata, Unwell>) {
        let mut fetch = Fetch::get(self.url.clone())
            .within(budget)
            .body_max(DOCUMENT_BYTES_MAX)
            .redirects(REDIRECTS_MAX)
            .header(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
        if fresh_connection {
            fetch = fetch.fresh();
        }
        let (phases, answer) = settle(self.client.fetch(fetch).await);
        let metadata = answer.and_then(|answer| {
            let expected = self.expected.as_ref().ok_or_else(|| {
                Unwell::new(Reason::IssuerMismatch, "the configuration does not say which issuer to expect")
            })?;
            ProviderMetadata::parse(&answer.body, expected).map_err(|error| {
                let reason = match &error {
                    DiscoveryError::NotJson => Reason::NotJson,
                    DiscoveryError::Issuer { .. } => Reason::IssuerMismatch,
                    DiscoveryError::Endpoint(_) => Reason::EndpointMissing,
                };
                Unwell::new(reason, error.to_string())
            })
        });
        if let Ok(metadata) = &metadata {
            self.discovery.store(Some(Arc::new((metadata.clone(), self.clock.unix()))));
        }
        (phases, metadata)
    }

    /// The keys, fetched when the kept ones are old.
    pub(super) async fn keys(&self) -> Result<Arc<(KeySet, UnixSecs)>, Unwell> {
        let fresh = || self.keys.load_full().filter(|kept| self.age(kept.1) <= FRESH_SECS);
        if let Some(kept) = fresh() {
            return Ok(kept);
        }
        let uri = self.discovery().await?.0.jwks_uri.clone();
        let _turn = self.fetching.lock().await;
        if let Some(kept) = fresh() {
            return Ok(kept);
        }
        let fetched = match self.failed_lately() {
            Some(unwell) => Err(unwell),
            None => self.fetch_keys(&uri, false, FETCH_BUDGET).await.1.map(|_| ()).inspect_err(|e| self.failed(e)),
        };
        let kept = self.keys.load_full().filter(|kept| self.age(kept.1) <= FRESH_SECS + STALE_SECS_MAX);
        match fetched {
            Ok(()) => kept.ok_or_else(|| Unwell::new(Reason::NoUsableKey, "no key set")),
            Err(unwell) => kept.ok_or(unwell),
        }
    }

    /// Newer keys than those of `seen`, because a token names one we did not have then. At most one fetch a
    /// minute; whoever waited for it has its answer. `None` when nothing newer came.
    pub(super) async fn keys_after(&self, seen: &Arc<(KeySet, UnixSecs)>) -> Option<Arc<(KeySet, UnixSecs)>> {
        let mut last = self.last_key_fetch.lock().await;
        let newer = || self.keys.load_full().filter(|kept| !Arc::ptr_eq(kept, seen));
        if let Some(newer) = newer() {
            return Some(newer);
        }
        let now = self.clock.millis();
        if last.is_some_and(|at| now.since(at) < KEY_REFETCH_SECS_MIN * 1000) {
            return None;
        }
        *last = Some(now);
        tracing::info!(event = "idp.jwks.unknown_kid", connector = self.name, url = %self.url, "a token names an unknown key; fetching the keys");
        let uri = self.discovery().await.ok()?.0.jwks_uri.clone();
        self.fetch_keys(&uri, false, FETCH_BUDGET).await.1.ok()?;
        newer()
    }

    /// Fetches the key set and keeps it when it has a usable key.
    pub(super) async fn fetch_keys(
        &self,
        uri: &WebUrl,
        fresh_connection: bool,
        budget: Duration,
    ) -> (Phases, Result<usize, Unwell>) {
        let mut fetch = Fetch::get(uri.clone()).within(budget).body_max(DOCUMENT_BYTES_MAX);
        if fresh_connection {
            fetch = fetch.fresh();
        }
        let (phases, answer) = settle(self.client.fetch(fetch).await);
        let keys = answer.and_then(|answer| {
            let document = crate::protocol::strict_json::object(&answer.body)
                .ok_or_else(|| Unwell::new(Reason::NotJson, "the key set is not a JSON object"))?;
            let keys = KeySet::parse(&document.into()).map_err(|e| Unwell::new(Reason::NotJson, e))?;
            if keys.is_empty() {
                return Err(Unwell::new(Reason::NoUsableKey, "the key set has no key we can verify with"));
            }
            Ok(keys)
        });
        let count = keys.map(|keys| {
            let count = keys.len();
            self.keys.store(Some(Arc::new((keys, self.clock.unix()))));
            count
        });
        (phases, count)
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
