//! `type: oidc` and its vendor names: sign-in by authorization code, with state, nonce and PKCE.

pub mod begin;
pub mod check;
pub mod complete;
pub mod config;
mod logout;
mod metadata;

use std::sync::Arc;

use super::{
    Answer, Begin, BeginRequest, CompleteRequest, Connector, Entry, Fault, Identity, Kept, Kind, LoggedOut,
    LogoutRequest, Opening,
};
use crate::ambient::{Clock, Entropy};
use crate::config::{schema, section};
use crate::health::http::CustomEndpoint;
use crate::health::Verdict;
use crate::net::Client;
use crate::protocol::oauth::Params;
use crate::value::Secret;

use config::Config;
use metadata::Metadata;

/// Longest call in the middle of a sign-in, in milliseconds: a code for tokens, or UserInfo.
pub const CALL_MILLIS_MAX: u64 = crate::net::http::CALL_MILLIS_MAX;
/// Longest fetch of a document during a sign-in, in milliseconds.
pub const FETCH_MILLIS_MAX: u64 = 2_500;

/// The line for the table.
pub static KIND: Kind = Kind { type_names: config::TYPE_NAMES, schema: branches, read };

fn branches(generator: &mut schemars::SchemaGenerator) -> Vec<super::Branch> {
    let shape = schema::of::<Config>(generator);
    let mut branches: Vec<super::Branch> = Vec::new();
    for name in config::TYPE_NAMES {
        if *name == "azure" {
            // `azure` with `authType: saml` is the SAML kind's.
            branches.push((vec![("type", name), ("authType", "!saml")], shape.clone()));
        } else {
            branches.push((vec![("type", name)], shape.clone()));
        }
    }
    branches
}

fn read(section: &mut super::Section<'_>) -> Option<Entry> {
    let before = section.findings.len();
    let config: Config = section::read(section.document, section.pointer, section.value, section.findings)?;
    config.check(section);
    (section.findings[before..].iter().all(|f| f.level < crate::diag::Level::Error))
        .then(|| Entry::Idp(Arc::new(config)))
}

/// An opened OpenID provider.
pub struct OidcConnector {
    config: Arc<Config>,
    client_secret: Option<Secret<String>>,
    client: Client,
    custom: Option<CustomEndpoint>,
    metadata: Arc<Metadata>,
    clock: Clock,
    entropy: Entropy,
}

impl OidcConnector {
    pub(super) fn open(config: Arc<Config>, opening: &Opening<'_>) -> Result<Arc<dyn Connector>, String> {
        let open = |text| opening.keyring.open(text).ok_or_else(|| "a secret was not unlocked".to_owned());
        let client_secret = config.oauth_client_secret.as_ref().map(open).transpose()?;
        let custom = match config.common.health_check.as_ref().and_then(|c| c.custom_endpoint.as_ref()) {
            Some(custom) => Some(super::custom_endpoint(custom, opening)?),
            None => None,
        };
        Ok(Arc::new(OidcConnector {
            metadata: Metadata::open(&config, opening),
            client_secret,
            client: opening.client.clone(),
            custom,
            clock: opening.clock.clone(),
            entropy: opening.entropy.clone(),
            config,
        }))
    }
}

impl Connector for OidcConnector {
    fn probe(&self, budget: std::time::Duration) -> Answer<'_, Verdict> {
        Box::pin(async move {
            let begun = tokio::time::Instant::now();
            let verdict = match &self.custom {
                Some(custom) => custom.ask(budget).await,
                None => check::probe(self, budget).await,
            };
            match self.config.common.health_check.as_ref().and_then(|check| check.deep_probe.as_ref()) {
                Some(deep) if deep.enabled => {
                    check::deep(self, verdict, budget.saturating_sub(begun.elapsed())).await
                }
                _ => verdict,
            }
        })
    }

    fn pre_flight(&self, budget: std::time::Duration) -> Answer<'_, Verdict> {
        Box::pin(async move {
            match &self.custom {
                Some(custom) => custom.ask(budget).await,
                None => check::pre_flight(self, budget).await,
            }
        })
    }

    fn check(&self, budget: std::time::Duration) -> Answer<'_, Verdict> {
        Box::pin(async move {
            match &self.custom {
                Some(custom) => {
                    let verdict = custom.ask(budget).await;
                    if verdict.is_well() { check::check(self, budget).await } else { verdict }
                }
                None => check::check(self, budget).await,
            }
        })
    }

    fn documents_age_secs(&self) -> Option<u64> {
        self.metadata.known_age_secs()
    }

    fn keep_fresh(&self) -> Answer<'_, ()> {
        Box::pin(self.metadata.keep_fresh())
    }

    fn drop_cache(&self) {
        self.metadata.drop_all();
    }

    fn begin<'a>(&'a self, request: &'a BeginRequest) -> Answer<'a, Result<Begin, Fault>> {
        Box::pin(begin::begin(self, request))
    }

    fn complete<'a>(&'a self, request: CompleteRequest<'a>) -> Answer<'a, Result<Identity, Fault>> {
        Box::pin(complete::complete(self, request))
    }

    fn logout_begin<'a>(&'a self, request: LogoutRequest<'a>) -> Answer<'a, Result<Begin, Fault>> {
        Box::pin(logout::begin(self, request))
    }

    fn logout_complete<'a>(&'a self, params: &'a Params, kept: &'a Kept) -> Answer<'a, Result<(), Fault>> {
        Box::pin(std::future::ready(logout::complete(params, kept)))
    }

    fn logout_received<'a>(&'a self, params: &'a Params) -> Answer<'a, Result<LoggedOut, Fault>> {
        Box::pin(logout::received(self, params))
    }

    fn answered_state<'p>(&self, params: &'p Params) -> Option<&'p str> {
        params.get("state").filter(|_| params.count("state") == 1)
    }
}
