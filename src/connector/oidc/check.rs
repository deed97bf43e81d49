//! The checks (protocol rows HP01, HP02): discovery and keys; where asked for, also what a browser would ask.

use std::time::Duration;

use tokio::time::Instant;

use super::OidcConnector;
use super::begin;
use super::metadata::Manner;
use crate::connector::BeginRequest;
use crate::health::{Reason, Unwell, Verdict, fact};
use crate::net::{Fetch, Phases};
use crate::protocol::oidc::ProviderMetadata;

/// How much of an answer is read when only its status matters, in bytes.
const ENOUGH_BYTES: usize = 1024;

/// Both documents, each on a fresh connection, within one budget. A good answer refreshes what is kept.
pub(super) async fn probe(connector: &OidcConnector, budget: Duration) -> Verdict {
    let begun = Instant::now();
    let (phases, discovery) = connector.metadata.fetch_discovery(Manner::probe(budget)).await;
    let known = match discovery {
        Ok(known) => known,
        Err(unwell) if unwell.reason == Reason::RateLimited && connector.metadata.known().is_some() => {
            return Verdict { outcome: Ok(()), phases, facts: vec![(fact::RATE_LIMITED.into(), "true".into())] };
        }
        Err(unwell) => return Verdict { outcome: Err(unwell), phases, facts: Vec::new() },
    };
    let mut facts = vec![(fact::ISSUER.to_owned(), known.0.issuer.clone())];
    let left = budget.saturating_sub(begun.elapsed());
    let (key_phases, keys) = connector.metadata.fetch_keys(&known.0.jwks_uri, Manner::probe(left)).await;
    let phases = Phases {
        request: phases.request.map(|request| request + key_phases.request.unwrap_or_default()),
        ..phases
    };
    let keys = match keys {
        Ok(keys) => keys,
        Err(unwell) => return Verdict { outcome: Err(unwell), phases, facts },
    };
    if let Some(secs) = phases.clock_skew_secs {
        facts.push((fact::CLOCK_SKEW_SECS.to_owned(), secs.to_string()));
    }
    facts.push((fact::USABLE_KEYS.to_owned(), keys.0.len().to_string()));
    facts.push((fact::KEY_IDS.to_owned(), keys.0.key_ids().to_string()));
    facts.push((fact::KEY_ALGORITHMS.to_owned(), keys.0.algorithms().join(" ")));
    Verdict { outcome: Ok(()), phases, facts }
}

/// What a sign-in needs besides the documents (row HP02): the authorization endpoint takes a well-formed request,
/// and the token endpoint refuses an empty one. Both carry nothing from any person and sign nobody in.
pub(super) async fn deep(connector: &OidcConnector, verdict: Verdict, budget: Duration) -> Verdict {
    let begun = Instant::now();
    if !verdict.is_well() {
        return verdict;
    }
    let known = match connector.metadata.discovery().await {
        Ok(known) => known,
        Err(unwell) => return Verdict { outcome: Err(unwell), ..verdict },
    };
    let mut facts = verdict.facts;
    let left = || budget.saturating_sub(begun.elapsed());
    let outcome = match authorization(connector, left()).await {
        Ok(Some(status)) => {
            facts.push((fact::AUTHORIZATION_STATUS.into(), status.to_string()));
            token_endpoint(connector, &known.0, left()).await
        }
        Ok(None) => {
            facts.push((fact::AUTHORIZATION_STATUS.into(), "not asked: no callback is configured".into()));
            token_endpoint(connector, &known.0, left()).await
        }
        Err(unwell) => Err(unwell),
    };
    Verdict { outcome, phases: verdict.phases, facts }
}

/// Asks as a browser would, and goes nowhere: a page or a redirect is well, an error sent to us is not. `None`
/// when there is no callback to name.
async fn authorization(connector: &OidcConnector, budget: Duration) -> Result<Option<u16>, Unwell> {
    if connector.config.callback_urls().is_empty() {
        return Ok(None);
    }
    let request = BeginRequest {
        state: connector.entropy.token(),
        origin: String::new(),
        force_login: false,
        max_age: None,
    };
    let url = match begin::address(connector, &request).await {
        Ok((url, _)) => url,
        Err(crate::connector::Fault::Unwell(unwell)) => return Err(unwell),
        Err(fault) => return Err(Unwell::new(Reason::EndpointMissing, fault.to_string())),
    };
    let url = crate::value::WebUrl::parse(url.as_str())
        .map_err(|_| Unwell::new(Reason::EndpointMissing, "the authorization endpoint is not an address"))?;
    let fetch = Fetch::get(url).fresh().within(budget).body_max(ENOUGH_BYTES).cut_long_body();
    let answer = connector.client.fetch(fetch).await?;
    let status = answer.status;
    if !(200..400).contains(&status) {
        let words = format!("the authorization endpoint answers {status} to a well-formed request");
        return Err(Unwell::new(Reason::Status, words));
    }
    let location = answer.headers.get(http::header::LOCATION).and_then(|l| l.to_str().ok()).unwrap_or_default();
    match error_in(location) {
        Some(error) => Err(Unwell::new(
            Reason::AuthorizationRefused,
            format!("the authorization endpoint answers `{error}` to a well-formed request"),
        )),
        None => Ok(Some(status)),
    }
}

/// The `error` of an authorization answer (RFC 6749 §4.1.2.1), in the query or the fragment of an address.
fn error_in(location: &str) -> Option<String> {
    let (rest, fragment) = location.split_once('#').unwrap_or((location, ""));
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    [query, fragment].into_iter().find_map(|part| {
        let (_, error) =
            url::form_urlencoded::parse(part.as_bytes()).find(|(name, _)| name == "error")?;
        Some(error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect())
    })
}

/// The first request of the probe alone: what a browser sent there now would need. "You ask too often" is a
/// sign of life where we know the document already: it must not send people to a weaker provider.
pub(super) async fn pre_flight(connector: &OidcConnector, budget: Duration) -> Verdict {
    let (phases, discovery) = connector.metadata.fetch_discovery(Manner::probe(budget)).await;
    let outcome = match discovery {
        Err(unwell) if unwell.reason == Reason::RateLimited && connector.metadata.known().is_some() => Ok(()),
        other => other.map(drop),
    };
    Verdict { outcome, phases, facts: Vec::new() }
}

/// The pre-flight, and an empty POST to the token endpoint.
pub(super) async fn check(connector: &OidcConnector, budget: Duration) -> Verdict {
    let begun = Instant::now();
    let verdict = pre_flight(connector, budget).await;
    let (true, Some(known)) = (verdict.is_well(), connector.metadata.known()) else { return verdict };
    let outcome = token_endpoint(connector, &known.0, budget.saturating_sub(begun.elapsed())).await;
    Verdict { outcome, ..verdict }
}

/// An endpoint that lives refuses an empty request; 4xx is what one does.
async fn token_endpoint(
    connector: &OidcConnector,
    metadata: &ProviderMetadata,
    budget: Duration,
) -> Result<(), Unwell> {
    let fetch = Fetch::post_form(metadata.token_endpoint.clone(), &[])
        .fresh()
        .within(budget)
        // Only the status matters.
        .body_max(ENOUGH_BYTES)
        .cut_long_body();
    let answer = connector.client.fetch(fetch).await?;
    if answer.status < 500 {
        return Ok(());
    }
    Err(Unwell::new(Reason::Status, format!("the token endpoint answers {} to an empty request", answer.status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_found_where_they_are_sent() {
        for (location, want) in [
            ("", None),
            ("https://idp/login?next=error", None),
            ("https://idp/login?error_hint=x", None),
            ("https://us/cb?error=invalid_client&state=x", Some("invalid_client")),
            ("https://us/cb?state=x&error=%3Cscript%3E", Some("script")),
            ("https://us/cb#error=server_error", Some("server_error")),
            ("/login?a#b", None),
        ] {
            assert_eq!(error_in(location).as_deref(), want, "{location}");
        }
    }
}
