//! What is known of one provider: its discovery document and its keys. Refreshed in the background before they
//! expire, kept past their age while the provider is down, kept over a restart on the shelf, refetched when a
//! token names a key we have not seen (protocol rows RM01 to RM10).

use std::sync::Arc;

use tokio::sync::Mutex;

use super::config::Config;
use crate::ambient::Millis;
use crate::connector::Opening;
use crate::connector::documents::copy::Copy;
use crate::connector::documents::kept::{Cell, FRESH_SECS, Kept};
pub use crate::connector::documents::kept::Purpose;
use crate::connector::documents::keeper::{Keeper, Known};
pub use crate::connector::documents::keeper::Manner;
use crate::health::{Reason, Unwell};
use crate::net::{Fetch, Phases, freshness};
use crate::protocol::jose::KeySet;
use crate::protocol::oidc::ProviderMetadata;
use crate::protocol::oidc::discovery::{DOCUMENT_BYTES_MAX, DiscoveryError, ExpectedIssuer};
use crate::value::WebUrl;

/// Shortest time between two fetches that an unknown key id may cause.
pub const KEY_REFETCH_SECS_MIN: u64 = 60;
/// Redirects followed for the discovery document.
const REDIRECTS_MAX: u8 = 3;

/// Documents of one provider.
pub struct Metadata {
    keeper: Keeper,
    url: WebUrl,
    expected: Option<ExpectedIssuer>,
    discovery: Cell<ProviderMetadata>,
    keys: Cell<KeySet>,
    /// By purpose: what anybody may post must not use up the turn that sign-ins need.
    last_key_fetch: [Mutex<Option<Millis>>; 2],
}

impl Metadata {
    /// With the copy of an earlier run, where the shelf has a good one. Reads a file.
    pub fn open(config: &Config, opening: &Opening<'_>) -> Arc<Self> {
        let url = config.oidc_well_known_url.clone();
        let mut metadata = Metadata {
            keeper: Keeper::new(&config.common.name, url.as_str(), opening),
            url,
            expected: config.expected_issuer(),
            discovery: Cell::new(None),
            keys: Cell::new(None),
            last_key_fetch: Default::default(),
        };
        if let Some((discovery, keys)) = metadata.keeper.earlier(|copy| metadata.earlier(copy)) {
            metadata.discovery = Cell::new(Some(discovery));
            metadata.keys = Cell::new(Some(keys));
        }
        Arc::new(metadata)
    }

    /// Both documents of a copy, checked as if they had just come from the provider.
    fn earlier(&self, copy: &Copy) -> Result<((Kept<ProviderMetadata>, Kept<KeySet>), u64), String> {
        let clock = self.keeper.clock();
        let (discovery, keys) = (copy.document("discovery", clock)?, copy.document("keys", clock)?);
        let metadata = self.read_discovery(&discovery.body).map_err(|unwell| unwell.to_string())?;
        let set = read_keys(&keys.body).map_err(|unwell| unwell.to_string())?;
        let age_secs = discovery.age_secs(clock.millis());
        Ok((((metadata, discovery), (set, keys)), age_secs))
    }

    /// The discovery document.
    pub async fn discovery(self: &Arc<Self>) -> Result<Arc<Kept<ProviderMetadata>>, Unwell> {
        let fetch = async { self.fetch_discovery(Manner::SIGN_IN).await.1.map(drop) };
        self.keeper.current(&self.discovery, Purpose::CodeFlow, "discovery", fetch).await
    }

    /// The keys, for a purpose.
    pub async fn keys(self: &Arc<Self>, purpose: Purpose) -> Result<Arc<Kept<KeySet>>, Unwell> {
        let fetch = async {
            let uri = self.discovery().await?.0.jwks_uri.clone();
            self.fetch_keys(&uri, Manner::SIGN_IN).await.1.map(drop)
        };
        self.keeper.current(&self.keys, purpose, "keys", fetch).await
    }

    /// What is known, whatever its age.
    pub fn known(&self) -> Option<Arc<Kept<ProviderMetadata>>> {
        self.discovery.get()
    }

    /// Age of the older of the two documents that are kept, in seconds.
    pub fn known_age_secs(&self) -> Option<u64> {
        let now = self.keeper.now();
        let discovery = self.discovery.get().map(|kept| kept.1.age_secs(now));
        let keys = self.keys.get().map(|kept| kept.1.age_secs(now));
        discovery.max(keys)
    }

    /// Fetches what will soon be too old, so that no sign-in waits for it. Called at regular times.
    pub async fn keep_fresh(self: &Arc<Self>) {
        if self.discovery.is_due(self.keeper.now()) {
            let _turn = self.discovery.fetching.lock().await;
            let _ = self.fetch_discovery(Manner::REFRESH).await;
        }
        let Some(known) = self.known().filter(|_| self.keys.is_due(self.keeper.now())) else { return };
        let _turn = self.keys.fetching.lock().await;
        let _ = self.fetch_keys(&known.0.jwks_uri, Manner::REFRESH).await;
    }

    /// Forgets both documents, also on the shelf: the next sign-in asks the provider (row RM06).
    pub fn drop_all(self: &Arc<Self>) {
        self.discovery.clear();
        self.keys.clear();
        // At once and not in its turn: what was withdrawn must not be on the disk when this is answered.
        self.keeper.write_copy(|| self.documents());
    }

    /// Fetches the discovery document and keeps it when it is good; a bad one never replaces a good one.
    pub async fn fetch_discovery(
        self: &Arc<Self>,
        manner: Manner,
    ) -> (Phases, Result<Arc<Kept<ProviderMetadata>>, Unwell>) {
        let fetch = Fetch::get(self.url.clone()).redirects(REDIRECTS_MAX);
        let metadata = self.clone();
        self.fetch(&self.discovery, fetch, manner, move |body| metadata.read_discovery(body)).await
    }

    /// Fetches the key set and keeps it when it has a usable key.
    pub async fn fetch_keys(
        self: &Arc<Self>,
        uri: &WebUrl,
        manner: Manner,
    ) -> (Phases, Result<Arc<Kept<KeySet>>, Unwell>) {
        self.fetch(&self.keys, Fetch::get(uri.clone()), manner, read_keys).await
    }

    async fn fetch<T: Send + 'static>(
        self: &Arc<Self>,
        cell: &Cell<T>,
        fetch: Fetch,
        manner: Manner,
        read: impl FnOnce(&[u8]) -> Result<T, Unwell> + Send + 'static,
    ) -> (Phases, Result<Arc<Kept<T>>, Unwell>) {
        let fetch = fetch
            .body_max(DOCUMENT_BYTES_MAX)
            .header(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
        let fresh = |_: &T, headers: &http::HeaderMap| freshness::fresh_secs(headers, FRESH_SECS);
        let (phases, kept) = self.keeper.fetch(cell, fetch, manner, read, fresh).await;
        if kept.is_ok() {
            let metadata = self.clone();
            self.keeper.copy(&self.documents(), move || metadata.keeper.write_copy(|| metadata.documents()));
        }
        (phases, kept)
    }

    fn documents(&self) -> Known {
        vec![
            ("discovery", self.discovery.get().map(|kept| kept.1.clone())),
            ("keys", self.keys.get().map(|kept| kept.1.clone())),
        ]
    }

    /// Newer keys than those of `seen`, because a token names one we did not have then. At most one fetch a
    /// minute; whoever waited for it has its answer. `None` when nothing newer came.
    pub async fn keys_after(
        self: &Arc<Self>,
        purpose: Purpose,
        seen: &Arc<Kept<KeySet>>,
    ) -> Option<Arc<Kept<KeySet>>> {
        let mut last = self.last_key_fetch[purpose as usize].lock().await;
        let newer = || self.keys.get().filter(|kept| !Arc::ptr_eq(kept, seen));
        if let Some(newer) = newer() {
            return Some(newer);
        }
        let now = self.keeper.now();
        if last.is_some_and(|at| now.since(at) < KEY_REFETCH_SECS_MIN * 1000) {
            return None;
        }
        *last = Some(now);
        tracing::info!(
            event = "idp.jwks.unknown_kid",
            connector = self.keeper.connector(),
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use crate::connector::documents::kept::{REFRESH_JITTER_PERCENT, REFRESH_PERCENT, STALE_SECS_BEARER, STALE_SECS_CODE_FLOW};
    use super::*;
    use crate::ambient::{Clock, Entropy, UnixSecs};
    use crate::connector::documents::shelf::Shelf;
    use crate::net::Client;
    use crate::protocol::jose::SigningKey;
    use crate::protocol::jose::token::Alg;
    use crate::secrets::Keyring;
    use crate::value::Secret;
    use crate::value::url::PlainHttp;

    const FRESH: u64 = 600;

    /// Status and body of each path, and how often it was asked. Whatever is not there is refused.
    #[derive(Default)]
    struct Script {
        answers: HashMap<&'static str, Vec<(u16, String)>>,
        asked: HashMap<String, usize>,
    }

    struct Provider {
        issuer: String,
        script: Arc<std::sync::Mutex<Script>>,
        clock: Clock,
        shelf: Option<Arc<Shelf>>,
    }

    impl Provider {
        async fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let issuer = format!("http://{}", listener.local_addr().unwrap());
            let script = Arc::new(std::sync::Mutex::new(Script::default()));
            let answering = script.clone();
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let mut head = vec![0; 4096];
                    let read = stream.read(&mut head).await.unwrap_or_default();
                    let line = String::from_utf8_lossy(&head[..read]).into_owned();
                    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                    let (status, body) = {
                        let mut script = answering.lock().unwrap();
                        *script.asked.entry(path.clone()).or_default() += 1;
                        match script.answers.get_mut(path.as_str()) {
                            Some(answers) if answers.len() > 1 => answers.remove(0),
                            Some(answers) => answers[0].clone(),
                            None => (404, String::new()),
                        }
                    };
                    let length = body.len();
                    let answer = format!("HTTP/1.1 {status} X\r\nCache-Control: max-age={FRESH}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
            let provider = Provider { issuer, script, clock: Clock::fixed(UnixSecs(1_800_000_000)), shelf: None };
            provider.well(&[&SigningKey::generate_es256()]);
            provider
        }

        fn discovery(&self) -> Value {
            let issuer = &self.issuer;
            json!({"issuer": issuer, "authorization_endpoint": format!("{issuer}/a"),
                   "token_endpoint": format!("{issuer}/t"), "jwks_uri": format!("{issuer}/keys")})
        }

        fn well(&self, keys: &[&SigningKey]) {
            let keys: Vec<Value> = keys.iter().map(|key| key.public_jwk()).collect();
            self.says(WELL_KNOWN, &[(200, self.discovery().to_string())]);
            self.says(KEYS, &[(200, json!({"keys": keys}).to_string())]);
        }

        /// Answers in turn; the last is repeated.
        fn says(&self, path: &'static str, answers: &[(u16, String)]) {
            self.script.lock().unwrap().answers.insert(path, answers.to_vec());
        }

        fn fails(&self) {
            self.says(WELL_KNOWN, &[(500, String::new())]);
            self.says(KEYS, &[(500, String::new())]);
        }

        fn asked(&self, path: &str) -> usize {
            self.script.lock().unwrap().asked.get(path).copied().unwrap_or_default()
        }

        fn open(&self) -> Arc<Metadata> {
            let config = json!({"name": "okta", "type": "oidc", "oauthClientID": "x",
                                "oidcWellKnownURL": format!("{}{WELL_KNOWN}", self.issuer)});
            let config: Config = serde_json::from_value(config).unwrap();
            let tls = crate::net::tls::client_config(&Default::default(), &[]).unwrap();
            let runtime = tokio::runtime::Handle::current();
            let client = Client::new(runtime.clone(), tls, PlainHttp::default(), self.clock.clone());
            let opening = Opening {
                keyring: &Keyring::default(),
                client: client.clone(),
                custom_client: client,
                tls: None,
                plain: PlainHttp::default(),
                clock: self.clock.clone(),
                entropy: Entropy::counted(5),
                blocking: runtime,
                shelf: self.shelf.clone(),
            };
            Metadata::open(&config, &opening)
        }

        fn secs(&self, secs: u64) {
            self.clock.advance(secs * 1000);
        }
    }

    const WELL_KNOWN: &str = "/.well-known/openid-configuration";
    const KEYS: &str = "/keys";

    #[tokio::test]
    async fn used_while_fresh_refreshed_before_it_is_not() {
        let provider = Provider::start().await;
        let metadata = provider.open();
        let both = || async { (metadata.discovery().await.unwrap(), metadata.keys(Purpose::CodeFlow).await.unwrap()) };
        both().await;
        provider.secs(FRESH * REFRESH_PERCENT / 100 - 1);
        metadata.keep_fresh().await;
        both().await;
        assert_eq!((provider.asked(WELL_KNOWN), provider.asked(KEYS)), (1, 1), "fresh, and not due");
        provider.secs(FRESH * REFRESH_JITTER_PERCENT / 100 + 1);
        metadata.keep_fresh().await;
        assert_eq!((provider.asked(WELL_KNOWN), provider.asked(KEYS)), (2, 2), "refreshed by nobody's sign-in");
        provider.secs(FRESH / 2);
        both().await;
        assert_eq!((provider.asked(WELL_KNOWN), provider.asked(KEYS)), (2, 2), "fresh for as long again");
        provider.secs(FRESH);
        both().await;
        assert_eq!((provider.asked(WELL_KNOWN), provider.asked(KEYS)), (3, 3), "without a refresh, the sign-in asks");
    }

    #[tokio::test]
    async fn stale_while_the_provider_is_down_and_no_longer_than_that() {
        let provider = Provider::start().await;
        let metadata = provider.open();
        metadata.keys(Purpose::Bearer).await.unwrap();
        provider.fails();
        provider.secs(FRESH + 1);
        for purpose in [Purpose::CodeFlow, Purpose::Bearer] {
            assert!(metadata.keys(purpose).await.is_ok() && metadata.discovery().await.is_ok());
        }
        let asked = provider.asked(KEYS);
        for _ in 0..20 {
            metadata.keys(Purpose::CodeFlow).await.unwrap();
        }
        assert_eq!(provider.asked(KEYS), asked, "what is found out once is believed by those who come next");
        provider.secs(STALE_SECS_BEARER);
        assert!(metadata.keys(Purpose::Bearer).await.is_err(), "an hour for what anybody may bring");
        assert!(metadata.keys(Purpose::CodeFlow).await.is_ok());
        provider.secs(STALE_SECS_CODE_FLOW);
        assert!(metadata.keys(Purpose::CodeFlow).await.is_err() && metadata.discovery().await.is_err());
        provider.well(&[&SigningKey::generate_es256()]);
        metadata.keep_fresh().await;
        assert!(metadata.keys(Purpose::Bearer).await.is_ok(), "and back");
    }

    #[tokio::test]
    async fn bad_never_replaces_good() {
        let provider = Provider::start().await;
        let metadata = provider.open();
        let (good, keys) = (metadata.discovery().await.unwrap(), metadata.keys(Purpose::CodeFlow).await.unwrap());
        let with = |name: &str, value: &str| {
            let mut document = provider.discovery();
            document[name] = json!(value);
            (200, document.to_string())
        };
        for bad in [
            (200, "<html>".to_owned()),
            (200, "[]".into()),
            (404, provider.discovery().to_string()),
            (429, String::new()),
            (302, String::new()),
            with("issuer", "https://evil.example.com"),
            with("token_endpoint", "http://evil.example.com/t"),
            with("jwks_uri", "ftp://x"),
            (200, format!("{{\"issuer\": \"{}\", \"x\": \"{}\"}}", provider.issuer, "x".repeat(DOCUMENT_BYTES_MAX))),
        ] {
            provider.says(WELL_KNOWN, std::slice::from_ref(&bad));
            let probed = metadata.fetch_discovery(Manner::probe(Duration::from_secs(5))).await.1;
            assert!(probed.is_err(), "{bad:?}");
            assert!(Arc::ptr_eq(&good, &metadata.known().unwrap()), "{bad:?}");
        }
        for bad in ["{}", "{\"keys\": []}", "{\"keys\": 7}", "[]", "", "{\"keys\": [{\"kty\": \"oct\", \"k\": \"AA\"}]}"] {
            provider.says(KEYS, &[(200, bad.into())]);
            assert!(metadata.fetch_keys(&good.0.jwks_uri, Manner::REFRESH).await.1.is_err(), "{bad}");
            assert!(Arc::ptr_eq(&keys, &metadata.keys(Purpose::CodeFlow).await.unwrap()), "{bad}");
        }
    }

    #[tokio::test]
    async fn an_unknown_key_is_fetched_once_and_then_once_a_minute() {
        let provider = Provider::start().await;
        let (old, new) = (SigningKey::generate_es256(), SigningKey::generate_es256());
        provider.well(&[&old]);
        let metadata = provider.open();
        let seen = metadata.keys(Purpose::CodeFlow).await.unwrap();
        provider.well(&[&new]);
        let flood = (0..50).map(|_| {
            let (metadata, seen) = (metadata.clone(), seen.clone());
            tokio::spawn(async move { metadata.keys_after(Purpose::CodeFlow, &seen).await })
        });
        for login in flood.collect::<Vec<_>>() {
            let newer = login.await.unwrap().expect("newer keys");
            assert!(newer.0.find(Some(new.kid()), Alg::ES256).is_ok());
            assert!(newer.0.find(Some(old.kid()), Alg::ES256).is_err(), "a withdrawn key verifies nothing");
        }
        assert_eq!(provider.asked(KEYS), 2, "one fetch for all");
        let seen = metadata.keys(Purpose::CodeFlow).await.unwrap();
        for _ in 0..50 {
            assert!(metadata.keys_after(Purpose::CodeFlow, &seen).await.is_none());
        }
        assert_eq!(provider.asked(KEYS), 2, "none within the minute");
        provider.secs(KEY_REFETCH_SECS_MIN);
        assert!(metadata.keys_after(Purpose::CodeFlow, &seen).await.is_some());
        assert_eq!(provider.asked(KEYS), 3);
        provider.secs(KEY_REFETCH_SECS_MIN);
        provider.fails();
        let seen = metadata.keys(Purpose::CodeFlow).await.unwrap();
        assert!(metadata.keys_after(Purpose::CodeFlow, &seen).await.is_none());
        assert!(Arc::ptr_eq(&seen, &metadata.keys(Purpose::CodeFlow).await.unwrap()), "a failure keeps the old keys");
    }

    #[tokio::test]
    async fn a_sign_in_asks_once_more_and_a_probe_does_not() {
        let provider = Provider::start().await;
        let good = provider.discovery().to_string();
        provider.says(WELL_KNOWN, &[(503, String::new()), (200, good.clone())]);
        let metadata = provider.open();
        metadata.discovery().await.unwrap();
        assert_eq!(provider.asked(WELL_KNOWN), 2);
        provider.says(WELL_KNOWN, &[(503, String::new()), (200, good)]);
        assert!(metadata.fetch_discovery(Manner::probe(Duration::from_secs(5))).await.1.is_err());
        assert_eq!(provider.asked(WELL_KNOWN), 3);
    }

    #[tokio::test]
    async fn a_copy_survives_and_goes_when_an_operator_says_so() {
        let scratch = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(scratch.path(), &Secret::new("a".repeat(64)), &[]).unwrap();
        let provider = Provider { shelf: Some(Arc::new(shelf)), ..Provider::start().await };
        let metadata = provider.open();
        metadata.keys(Purpose::CodeFlow).await.unwrap();
        metadata.keeper.write_copy(|| metadata.documents());
        provider.fails();
        let again = provider.open();
        assert!(again.keys(Purpose::CodeFlow).await.is_ok() && again.discovery().await.is_ok());
        provider.secs(FRESH + 1);
        assert!(again.keys(Purpose::Bearer).await.is_ok(), "stale");
        again.drop_all();
        again.keeper.write_copy(|| again.documents());
        provider.secs(10);
        assert!(again.known().is_none() && again.keys(Purpose::CodeFlow).await.is_err());
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "nor does a restart bring it back");
        assert!(provider.open().known().is_none());
    }
}
