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
/// Redirects followed for the discovery document.
const REDIRECTS_MAX: u8 = 3;

/// Documents of one provider, with when they were fetched.
pub(super) struct Metadata {
    url: WebUrl,
    expected: Option<ExpectedIssuer>,
    client: Client,
    clock: Clock,
    discovery: ArcSwapOption<(ProviderMetadata, UnixSecs)>,
    keys: ArcSwapOption<(KeySet, UnixSecs)>,
    /// One fetch at a time; the others wait for its answer.
    fetching: Mutex<()>,
    last_key_fetch: Mutex<Option<Millis>>,
}

impl Metadata {
    pub(super) fn new(config: &Config, client: Client, clock: Clock) -> Self {
        Metadata {
            url: config.oidc_well_known_url.clone(),
            expected: config.expected_issuer(),
            client,
            clock,
            discovery: ArcSwapOption::empty(),
            keys: ArcSwapOption::empty(),
            fetching: Mutex::new(()),
            last_key_fetch: Mutex::new(None),
        }
    }

    /// The discovery document, fetched when the kept one is old.
    pub(super) async fn discovery(&self) -> Result<Arc<(ProviderMetadata, UnixSecs)>, Unwell> {
        if let Some(kept) = self.fresh_discovery() {
            return Ok(kept);
        }
        let _turn = self.fetching.lock().await;
        if let Some(kept) = self.fresh_discovery() {
            return Ok(kept);
        }
        match self.fetch_discovery(false, Duration::from_millis(crate::net::http::CALL_MILLIS_MAX)).await.1 {
            Ok(_) => {}
            Err(unwell) => {
                let kept = self.discovery.load_full();
                return match kept.filter(|kept| self.age(kept.1) <= FRESH_SECS + STALE_SECS_MAX) {
                    Some(kept) => {
                        tracing::warn!(url = %self.url, reason = %unwell.reason, "using stale provider metadata");
                        Ok(kept)
                    }
                    None => Err(unwell),
                };
            }
        }
        self.discovery.load_full().ok_or_else(|| Unwell::new(Reason::NotJson, "no discovery document"))
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
        let budget = Duration::from_millis(crate::net::http::CALL_MILLIS_MAX);
        match self.fetch_keys(&uri, false, budget).await.1 {
            Ok(_) => self.keys.load_full().ok_or_else(|| Unwell::new(Reason::NoUsableKey, "no key set")),
            Err(unwell) => {
                let kept = self.keys.load_full();
                kept.filter(|kept| self.age(kept.1) <= FRESH_SECS + STALE_SECS_MAX).ok_or(unwell)
            }
        }
    }

    /// Newer keys, because a token names one we do not have. At most one fetch a minute; `None` when this
    /// is not the minute or nothing new came.
    pub(super) async fn keys_again(&self) -> Option<Arc<(KeySet, UnixSecs)>> {
        let mut last = self.last_key_fetch.lock().await;
        let now = self.clock.millis();
        if last.is_some_and(|at| now.since(at) < KEY_REFETCH_SECS_MIN * 1000) {
            return None;
        }
        *last = Some(now);
        let uri = self.discovery().await.ok()?.0.jwks_uri.clone();
        let budget = Duration::from_millis(crate::net::http::CALL_MILLIS_MAX);
        self.fetch_keys(&uri, false, budget).await.1.ok()?;
        self.keys.load_full()
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
        Ok(answer) => {
            let words = format!("status {}, expected 200", answer.status);
            (answer.phases.clone(), Err(Unwell::new(Reason::Status, words)))
        }
        Err(error) => (error.phases.clone(), Err(error.into())),
    }
}
