//! Answers that a provider posts. A post from another site comes without cookies of the `SameSite=Lax` kind, which
//! ours are over plain http: it is kept, and fetched by a GET of ours, which has them (protocol row SP04).

use crate::protocol::oauth::Params;
use crate::serve::cache::Key;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::session::cookie;
use crate::serve::state::State;

/// Most posted answers that wait.
pub const HELD_MAX: usize = 128;
/// Largest of them, in bytes: as large as what arrives with its cookies.
pub const HELD_BYTES_MAX: usize = 512 * 1024;
/// How long one waits for the request that fetches it, in seconds.
pub const HELD_SECS: u64 = 60;

/// Keeps a posted answer and sends the browser to fetch it. `None` when it would find no more than now: over
/// https our cookies come with every post, and so they did when some came with this one.
pub fn hold(state: &State, context: &Context, params: &Params) -> Option<Response> {
    if state.cookies.secure || !cookie::pending_held(&context.parts.headers).is_empty() {
        return None;
    }
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params.pairs()).finish();
    if text.len() > HELD_BYTES_MAX {
        return None;
    }
    let handle = state.entropy.token();
    state.held.put(Key::of("held", &handle), text.into_bytes(), state.now().plus(HELD_SECS));
    Some(answer::redirect(&format!("{}?held={handle}", context.path)))
}

/// The posted answer that a GET fetches, once.
pub fn fetch(state: &State, query: &Params) -> Option<Params> {
    let bytes = state.held.take(&Key::of("held", query.get("held")?), state.now())?;
    Params::parse(std::str::from_utf8(&bytes).ok()?).ok()
}
