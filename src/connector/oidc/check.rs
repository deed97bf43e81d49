//! The default check (protocol row HP01): the discovery document, and a key set we could verify with.

use std::time::Duration;

use tokio::time::Instant;

use super::OidcConnector;
use crate::health::{Reason, Unwell, Verdict};
use crate::net::Fetch;

/// Both documents, each on a fresh connection, within one budget. A good answer refreshes what is kept.
pub(super) async fn probe(connector: &OidcConnector, budget: Duration) -> Verdict {
    let begun = Instant::now();
    let (phases, discovery) = connector.metadata.fetch_discovery(true, budget).await;
    let metadata = match discovery {
        Ok(metadata) => metadata,
        Err(unwell) if unwell.reason == Reason::RateLimited && connector.metadata.known().is_some() => {
            return Verdict { outcome: Ok(()), phases, facts: vec![("rateLimited".into(), "true".into())] };
        }
        Err(unwell) => return Verdict { outcome: Err(unwell), phases, facts: Vec::new() },
    };
    let mut facts = vec![("issuer".to_owned(), metadata.issuer.clone())];
    let left = budget.saturating_sub(begun.elapsed());
    let (key_phases, keys) = connector.metadata.fetch_keys(&metadata.jwks_uri, true, left).await;
    let outcome = keys.map(|usable| facts.push(("usableKeys".to_owned(), usable.to_string())));
    let phases = crate::net::Phases {
        request: phases.request.map(|request| request + key_phases.request.unwrap_or_default()),
        ..phases
    };
    Verdict { outcome, phases, facts }
}

/// The first request of the probe alone: what a browser sent there now would need. "You ask too often" is a
/// sign of life where we know the document already: it must not send people to a weaker provider.
pub(super) async fn pre_flight(connector: &OidcConnector, budget: Duration) -> Verdict {
    let (phases, discovery) = connector.metadata.fetch_discovery(true, budget).await;
    let outcome = match discovery {
        Err(unwell) if unwell.reason == Reason::RateLimited && connector.metadata.known().is_some() => Ok(()),
        other => other.map(|_| ()),
    };
    Verdict { outcome, phases, facts: Vec::new() }
}

/// The pre-flight, and an empty POST to the token endpoint: an endpoint that lives refuses it with a 4xx.
pub(super) async fn check(connector: &OidcConnector, budget: Duration) -> Verdict {
    let begun = Instant::now();
    let verdict = pre_flight(connector, budget).await;
    let (true, Some(known)) = (verdict.is_well(), connector.metadata.known()) else { return verdict };
    let left = budget.saturating_sub(begun.elapsed());
    let fetch = Fetch::post_form(known.0.token_endpoint.clone(), &[])
        .fresh()
        .within(left)
        // Only the status matters.
        .body_max(1024)
        .cut_long_body();
    let outcome = match connector.client.fetch(fetch).await {
        Ok(answer) if answer.status < 500 => Ok(()),
        Ok(answer) => {
            Err(Unwell::new(Reason::Status, format!("the token endpoint answers {} to an empty request", answer.status)))
        }
        Err(error) => Err(error.into()),
    };
    Verdict { outcome, ..verdict }
}
