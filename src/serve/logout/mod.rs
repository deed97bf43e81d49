//! The end of a session, by the person, a relying party, or a provider.
//!
//! ```text
//! logout address ──► asked by the person? ──► our session ends ──► each provider of it, in turn ──► the end page,
//! endSession     ──► a valid hint?       ──┘   │  tokens end         pre-flight, then the browser    or where
//!                      no: a page asks         │  relying parties    goes there and comes back       people go on
//! announced by a provider ─────────────────────┘  are told           down: the page says so
//! ```
//!
//! Our session ends before the browser is sent anywhere, so nobody stays signed in here because somebody else is
//! down.

pub mod asked;
pub mod chain;
pub mod page;
pub mod received;
pub mod relay;

use crate::ambient::UnixSecs;
use crate::serve::app::oidc::Provider;
use crate::serve::app::oidc::grant::Person;
use crate::serve::cache::{Key, Memory};
use crate::serve::session::{Session, SessionKey};
use crate::serve::state::State;
use crate::serve::telemetry::Event;

/// Most ended sessions that are remembered for as long as their tokens might live.
pub const ENDED_MAX: usize = 200_000;

/// What logouts need beside the sessions.
pub struct Logouts {
    /// Logouts whose browser is at a provider, by their state.
    pub under_way: Memory,
    /// Announcements seen. Only verified ones get here, so the providers fill it and nobody else.
    pub announced: Memory,
    /// Sessions that ended, while tokens of theirs may live. Apart from the tokens: who asks for many of those
    /// must not push out that a session ended.
    ended: Memory,
    /// Tells relying parties.
    pub relay: relay::Relay,
}

impl Logouts {
    /// With nothing under way.
    pub fn new(relay: relay::Relay) -> Self {
        Logouts {
            under_way: Memory::with_room(chain::UNDER_WAY_MAX),
            announced: Memory::with_room(received::ANNOUNCEMENTS_MAX),
            ended: Memory::with_room(ENDED_MAX),
            relay,
        }
    }

    /// Forgets what has expired.
    pub fn sweep(&self, now: UnixSecs) {
        self.under_way.sweep(now);
        self.announced.sweep(now);
        self.ended.sweep(now);
    }
}

/// Ends a session: its tokens end with it, and its relying parties are told. `None` when it had ended before.
pub fn end(state: &State, key: &SessionKey, why: &'static str) -> Option<std::sync::Arc<Session>> {
    let session = state.sessions.close(key)?;
    ended(state, key, &session, why);
    Some(session)
}

/// What follows when a session has left the store by more than its time.
pub fn ended(state: &State, key: &SessionKey, session: &Session, why: &'static str) {
    end_tokens(state, session);
    Event::SessionEnded { session: &key.shown(), reason: why }.log();
    state.logouts.relay.tell(state, session);
}

/// Ends the tokens of a session that is gone, where they end with it.
pub fn end_tokens(state: &State, session: &Session) {
    let Some(provider) = state.oidc.as_ref().filter(|provider| provider.correlate_session) else { return };
    // As long as any of them may live, also one that was given under a former configuration.
    let until =
        state.now().plus(provider.longest_token_secs(&state.deployment)).max(state.sessions.until(session));
    state.logouts.ended.put(Key::of("ended-session", &session.sid), *b"", until);
}

/// Whether what a code or an access token stands for ended with its session. A session that only made room for
/// others has not ended: what it gave lives on.
pub fn is_over(state: &State, provider: &Provider, person: &Person) -> bool {
    provider.correlate_session
        && (state.now() >= person.session_until
            || state.logouts.ended.get(&Key::of("ended-session", &person.session), state.now()).is_some())
}
