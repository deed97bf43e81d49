//! The default check (protocol row HP01): the discovery document, and a key set we could verify with.

use std::time::Duration;

use tokio::time::Instant;

use super::OidcConnector;
use crate::health::Verdict;

/// Both documents, each on a fresh connection, within one budget. A good answer refreshes what is kept.
pub(super) async fn probe(connector: &OidcConnector, budget: Duration) -> Verdict {
    let begun = Instant::now();
    let (phases, discovery) = connector.metadata.fetch_discovery(true, budget).await;
    let metadata = match discovery {
        Ok(metadata) => metadata,
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

/// The first request of the probe alone: what a browser sent there now would need.
pub(super) async fn pre_flight(connector: &OidcConnector, budget: Duration) -> Verdict {
    let (phases, discovery) = connector.metadata.fetch_discovery(true, budget).await;
    Verdict { outcome: discovery.map(|_| ()), phases, facts: Vec::new() }
}
