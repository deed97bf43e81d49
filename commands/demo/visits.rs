//! Who signed in the browsers that look at the page, and why: noted when a browser first comes back signed in,
//! while the log still knows.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use maverics::ambient::{Clock, Entropy, UnixSecs};
use maverics::serve::session::cookie;

use super::journal::Journal;

/// The page's own cookie; the orchestrator keeps its cookie to itself.
pub const COOKIE: &str = "maverics_demo_visit";
/// Most browsers remembered.
pub const VISITS_MAX: usize = 1_000;

/// One signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    id: String,
    /// Who signed the person in.
    pub provider: String,
    /// Whom.
    pub username: String,
    /// When.
    pub since: UnixSecs,
    /// The orchestrator's reason code for this provider.
    pub why: String,
    /// Providers before it in the order, and why they were passed over.
    pub passed_over: Vec<(String, String)>,
}

/// Those that were seen.
#[derive(Default)]
pub struct Visits(Mutex<VecDeque<Visit>>);

impl Visits {
    /// The visit of a signed-in browser; the cookie is to be set when it is a new one.
    pub fn of(
        &self,
        headers: &HeaderMap,
        signed_in: (&str, &str),
        order: &[&str],
        journal: &Journal,
        chance: (&Entropy, &Clock),
    ) -> (Visit, Option<String>) {
        let (provider, username) = signed_in;
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = cookie::values(headers, COOKIE).find_map(|id| visits.iter().find(|v| v.id == id));
        if let Some(visit) = known.filter(|v| v.provider == provider && v.username == username) {
            return (visit.clone(), None);
        }
        let visit = noted(provider, username, order, journal, chance);
        if visits.len() == VISITS_MAX {
            visits.pop_front();
        }
        visits.push_back(visit.clone());
        let line = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax", visit.id);
        (visit, Some(line))
    }

    /// Forgets the visit of a browser that signs out.
    pub fn forget(&self, headers: &HeaderMap) {
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in cookie::values(headers, COOKIE) {
            visits.retain(|visit| visit.id != id);
        }
    }
}

/// Removes the cookie.
pub fn gone() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
}

fn noted(
    provider: &str,
    username: &str,
    order: &[&str],
    journal: &Journal,
    (entropy, clock): (&Entropy, &Clock),
) -> Visit {
    let at_provider = |event: &'static str| {
        let end = format!("|{username}");
        journal.newest(move |e| {
            let fits = event != "login.completed" || e.get("subject").ends_with(&end);
            e.event == event && e.get("connector") == provider && fits
        })
    };
    let why = at_provider("continuity.selected").map(|e| e.get("reason").to_owned()).unwrap_or_default();
    let before = order.iter().take_while(|name| **name != provider);
    let passed_over = before.filter_map(|name| {
        let unwell = journal.newest(|e| {
            let counts = matches!(e.event.as_str(), "health.suspected" | "health.preflight.failed")
                || (e.event == "health.state.changed" && e.get("to") == "unhealthy");
            counts && e.get("connector") == *name
        })?;
        Some(((*name).to_owned(), unwell.get("reason").to_owned()))
    });
    Visit {
        id: entropy.token(),
        provider: provider.to_owned(),
        username: username.to_owned(),
        since: at_provider("login.completed").map_or_else(|| clock.unix(), |e| e.at),
        passed_over: if why == "primary" { Vec::new() } else { passed_over.collect() },
        why,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::COOKIE as HEADER;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn why_and_since_are_kept_until_somebody_else_signs_in() {
        let clock = Clock::fixed(UnixSecs(100));
        let (journal, entropy, visits) =
            (Journal::new(clock.clone()), Entropy::counted(1), Visits::default());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(journal.clone()), || {
            tracing::warn!(event = "health.suspected", connector = "north", reason = "timeout");
            tracing::debug!(event = "continuity.selected", connector = "south", reason = "failover");
            tracing::info!(event = "login.completed", connector = "south", subject = "people|ada");
        });
        clock.advance(5_000);
        let mut headers = HeaderMap::new();
        let see = |headers: &HeaderMap, provider| {
            visits.of(headers, (provider, "ada"), &["north", "south"], &journal, (&entropy, &clock))
        };
        let (visit, cookie) = see(&headers, "south");
        assert_eq!((visit.why.as_str(), visit.since), ("failover", UnixSecs(100)));
        assert_eq!(visit.passed_over, [("north".to_owned(), "timeout".to_owned())]);
        let pair = cookie.unwrap().split(';').next().unwrap().to_owned();
        headers.insert(HEADER, HeaderValue::try_from(pair).unwrap());
        assert_eq!(see(&headers, "south"), (visit, None));
        assert!(see(&headers, "north").1.is_some(), "another provider is another visit");
        visits.forget(&headers);
        assert!(see(&headers, "south").1.is_some());
    }
}
