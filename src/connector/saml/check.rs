//! The checks (protocol rows HP02, HP03): the metadata, or where it is a file, the sign-on endpoint; where asked
//! for, also what a browser would ask.

use std::time::Duration;

use tokio::time::Instant;

use super::SamlConnector;
use super::begin::authn_request;
use super::metadata::Usable;
use crate::ambient::UnixSecs;
use crate::connector::documents::keeper::Manner;
use crate::health::{Reason, Unwell, Verdict, fact};
use crate::net::{Fetch, Phases};
use crate::protocol::saml::metadata::{Binding, IdpMetadata};
use crate::protocol::saml::redirect;
use crate::value::WebUrl;

/// How much of an answer is read when only its status matters, in bytes.
const ENOUGH_BYTES: usize = 1024;

/// The metadata on a fresh connection. A good answer refreshes what is kept. A file says nothing about how the
/// provider is, so there its sign-on endpoint is asked.
pub(super) async fn probe(connector: &SamlConnector, budget: Duration) -> Verdict {
    let (phases, known) = ask(connector, budget).await;
    match known {
        Ok(Some(known)) => {
            let mut facts = facts(&known.0);
            if let Some(secs) = phases.clock_skew_secs {
                facts.push((fact::CLOCK_SKEW_SECS.to_owned(), secs.to_string()));
            }
            Verdict { outcome: Ok(()), phases, facts }
        }
        Ok(None) => {
            Verdict { outcome: Ok(()), phases, facts: vec![(fact::RATE_LIMITED.into(), "true".into())] }
        }
        Err(unwell) => Verdict { outcome: Err(unwell), phases, facts: Vec::new() },
    }
}

/// The same without what only people read.
pub(super) async fn pre_flight(connector: &SamlConnector, budget: Duration) -> Verdict {
    let (phases, known) = ask(connector, budget).await;
    Verdict { outcome: known.map(drop), phases, facts: Vec::new() }
}

/// The pre-flight, and the sign-on endpoint. Anybody can make us ask this, with an answer of his own making, so a
/// provider that fails at requests without a message is not unwell for that: only what stands before it says so.
pub(super) async fn check(connector: &SamlConnector, budget: Duration) -> Verdict {
    let begun = Instant::now();
    let verdict = pre_flight(connector, budget).await;
    // A file's pre-flight was that endpoint.
    if !verdict.is_well() || connector.metadata.is_file() {
        return verdict;
    }
    let Some(known) = connector.metadata.known() else { return verdict };
    let gone = |status: u16| (502..=504).contains(&status);
    let (_, outcome) = endpoint(connector, &known.0, budget.saturating_sub(begun.elapsed()), gone).await;
    Verdict { outcome, ..verdict }
}

/// Metadata that is good now; `None` when the provider says that we ask too often, and something is known.
async fn ask(connector: &SamlConnector, budget: Duration) -> (Phases, Result<Option<Usable>, Unwell>) {
    if connector.metadata.is_file() {
        let known = match connector.metadata.current().await {
            Ok(known) => known,
            Err(unwell) => return (Phases::default(), Err(unwell)),
        };
        let (phases, outcome) = endpoint(connector, &known.0, budget, |status| status >= 500).await;
        return (phases, outcome.map(|()| Some(known)));
    }
    let (phases, known) = connector.metadata.fetch(Manner::probe(budget)).await;
    let known = match known {
        Err(unwell) if unwell.reason == Reason::RateLimited && connector.metadata.known().is_some() => Ok(None),
        other => other.map(Some),
    };
    (phases, known)
}

/// The sign-on endpoint without a message: it is there, unless its status says otherwise.
async fn endpoint(
    connector: &SamlConnector,
    metadata: &IdpMetadata,
    budget: Duration,
    gone: impl Fn(u16) -> bool,
) -> (Phases, Result<(), Unwell>) {
    let location = metadata.sso(Binding::Redirect).or_else(|| metadata.sso(Binding::Post));
    let url = location.and_then(|endpoint| WebUrl::parse(&endpoint.location).ok());
    let Some(url) = url else {
        let unwell = Unwell::new(Reason::EndpointMissing, "the metadata has no sign-on endpoint");
        return (Phases::default(), Err(unwell));
    };
    let fetch = Fetch::get(url).fresh().within(budget).body_max(ENOUGH_BYTES).cut_long_body();
    match connector.client.fetch(fetch).await {
        Ok(answer) if !gone(answer.status) => (answer.phases, Ok(())),
        Ok(answer) => {
            let words = format!("the sign-on endpoint answers {}", answer.status);
            (answer.phases, Err(Unwell::new(Reason::Status, words)))
        }
        Err(error) => (error.phases.clone(), Err(error.into())),
    }
}

/// Asks as a browser would, and goes nowhere (row HP02). Only where the provider takes requests by address: a
/// posted one may be counted as an attempt of somebody.
pub(super) async fn deep(connector: &SamlConnector, verdict: Verdict, budget: Duration) -> Verdict {
    if !verdict.is_well() {
        return verdict;
    }
    let asked = sign_on(connector, budget).await;
    let mut facts = verdict.facts;
    let outcome = match asked {
        Ok(Some(status)) => {
            facts.push((fact::AUTHORIZATION_STATUS.into(), status.to_string()));
            Ok(())
        }
        Ok(None) => {
            let words = "not asked: the provider takes no requests by HTTP-Redirect";
            facts.push((fact::AUTHORIZATION_STATUS.into(), words.into()));
            Ok(())
        }
        Err(unwell) => Err(unwell),
    };
    Verdict { outcome, phases: verdict.phases, facts }
}

async fn sign_on(connector: &SamlConnector, budget: Duration) -> Result<Option<u16>, Unwell> {
    let known = connector.metadata.current().await?;
    let Some(endpoint) = known.0.sso(Binding::Redirect) else { return Ok(None) };
    let missing = |words: String| Unwell::new(Reason::EndpointMissing, words);
    let request =
        authn_request(connector, &known.0, endpoint, false).map_err(|fault| missing(fault.to_string()))?;
    let url = redirect::encode(&request, &endpoint.location, Some(&connector.entropy.token()), connector.key());
    let url = url.map_err(|fault| missing(fault.to_string()))?;
    let url = WebUrl::parse(&url).map_err(|_| missing("the sign-on endpoint is not an address".into()))?;
    let fetch = Fetch::get(url).fresh().within(budget).body_max(ENOUGH_BYTES).cut_long_body();
    let status = connector.client.fetch(fetch).await?.status;
    if (200..400).contains(&status) {
        return Ok(Some(status));
    }
    let words = format!("the sign-on endpoint answers {status} to a well-formed request");
    Err(Unwell::new(Reason::AuthorizationRefused, words))
}

fn facts(metadata: &IdpMetadata) -> Vec<(String, String)> {
    let keys = metadata.signing_keys();
    let mut kinds: Vec<String> = keys.iter().map(|key| key.kind().to_string()).collect();
    kinds.dedup();
    let bindings: Vec<&str> = [(Binding::Post, "POST"), (Binding::Redirect, "Redirect")]
        .into_iter()
        .filter(|(binding, _)| metadata.sso(*binding).is_some())
        .map(|(_, word)| word)
        .collect();
    let mut facts = vec![
        (fact::ISSUER, metadata.entity_id().to_owned()),
        (fact::USABLE_KEYS, keys.len().to_string()),
        (fact::KEY_ALGORITHMS, kinds.join(" ")),
        (fact::SIGN_ON_BINDINGS, bindings.join(" ")),
    ];
    facts.extend(metadata.valid_until().map(|until| (fact::METADATA_VALID_UNTIL, shown(until))));
    let latest = keys.iter().map(|key| key.not_after()).max();
    facts.extend(latest.map(|until| (fact::SIGNING_CERTIFICATE_UNTIL, shown(until))));
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// RFC 3339.
fn shown(at: UnixSecs) -> String {
    crate::protocol::saml::time::format(at)
}
