//! Relying parties are told that a session ended (OpenID Connect Back-Channel Logout §2.5). Nobody waits for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::net::{Client, Fetch};
use crate::protocol::oidc::logout_token::{TYP, claims};
use crate::serve::app::oidc::grant::sid_for;
use crate::serve::session::Session;
use crate::serve::state::State;
use crate::serve::telemetry::Event;
use crate::value::WebUrl;

/// Calls to one relying party under way at once: one that hangs takes nobody else's place.
pub const CALLS_MAX: usize = 8;
/// Calls to one relying party that wait or are under way; what is beyond is not told, and the log says so.
pub const WAITING_MAX: usize = 500;
/// Budget of one call, in milliseconds.
pub const CALL_MILLIS_MAX: u64 = 5_000;
/// Until the one repetition of a call that failed, in milliseconds.
pub const AGAIN_MILLIS: u64 = 1_000;
/// Most of an answer that is read, in bytes: only its status matters.
const ANSWER_BYTES_MAX: usize = 1_024;

/// Tells relying parties, a bounded number at a time.
pub struct Relay {
    client: Client,
    runtime: Handle,
    lines: Mutex<HashMap<String, Arc<Line>>>,
}

/// Those who wait for one relying party.
struct Line {
    calls: Semaphore,
    waiting: AtomicUsize,
}

/// A place among those that wait, given back however the call ends.
struct Place(Arc<Line>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Relay {
    /// `client` makes the calls, on `runtime`.
    pub fn new(client: Client, runtime: Handle) -> Self {
        Relay { client, runtime, lines: Mutex::default() }
    }

    /// The line of a client. There are as many as clients were configured in the life of the server.
    fn line(&self, client: &str) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Line { calls: Semaphore::new(CALLS_MAX), waiting: AtomicUsize::new(0) });
        lines.entry(client.to_owned()).or_insert_with(new).clone()
    }

    /// Tells every relying party of a session that has an address for it.
    pub fn tell(&self, state: &State, session: &Session) {
        let Some(provider) = &state.oidc else { return };
        for (client_id, subject) in session.clients() {
            let Some((_, app)) = provider.client(&state.deployment, &client_id) else { continue };
            let (Some(url), Some(signer)) = (&app.backchannel_logout, provider.signer()) else { continue };
            let line = self.line(&client_id);
            if line.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
                line.waiting.fetch_sub(1, Ordering::Relaxed);
                not_told(&client_id, "too many calls are waiting");
                continue;
            }
            let place = Place(line);
            let sid = sid_for(&session.sid, &client_id);
            let (client, url, signer) = (self.client.clone(), url.clone(), signer.clone());
            let (issuer, jti, clock) = (provider.issuer.clone(), state.entropy.token(), state.clock.clone());
            self.runtime.spawn(async move {
                let Ok(_permit) = place.0.calls.acquire().await else { return };
                // When its turn has come: a token that waited would be too old.
                let claims = claims(&issuer, &client_id, &subject, &sid, &jti, clock.unix());
                let Some(token) = signer.sign(&json!({"typ": TYP}), &claims) else {
                    return not_told(&client_id, "the token could not be signed");
                };
                let result = match call(&client, &url, &token).await {
                    Ok(()) => Ok(()),
                    Err(_) => {
                        tokio::time::sleep(Duration::from_millis(AGAIN_MILLIS)).await;
                        call(&client, &url, &token).await
                    }
                };
                match result {
                    Ok(()) => Event::RelyingPartyTold { client: &client_id }.log(),
                    Err(reason) => not_told(&client_id, &reason),
                }
            });
        }
    }
}

fn not_told(client: &str, detail: &str) {
    Event::RelyingPartyNotTold { client, detail }.log();
}

async fn call(client: &Client, url: &WebUrl, token: &str) -> Result<(), String> {
    let fetch = Fetch::post_form(url.clone(), &[("logout_token", token)])
        .within(Duration::from_millis(CALL_MILLIS_MAX))
        .body_max(ANSWER_BYTES_MAX)
        .cut_long_body();
    match client.fetch(fetch).await {
        Ok(answer) if matches!(answer.status, 200 | 204) => Ok(()),
        Ok(answer) => Err(format!("status {}", answer.status)),
        Err(error) => Err(error.to_string()),
    }
}
