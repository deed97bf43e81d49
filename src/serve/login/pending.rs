//! A pending sign-in: sealed into a cookie of its own, so that any node can finish it. This node remembers
//! only which ones are spent.

use serde::{Deserialize, Serialize};

use crate::ambient::UnixSecs;
use crate::connector::Kept;
use crate::protocol::oidc::request::AuthnRequest;
use crate::serve::cache::Key;
use crate::serve::session::cookie;
use crate::serve::session::seal::Sealer;
use crate::serve::state::State;

/// How long a person has, in seconds: long enough for a second factor on a phone.
pub const PENDING_SECS: u64 = 600;
/// Most pending sign-ins of one browser; the oldest cookies go first.
pub const PENDING_MAX: usize = 20;
/// Most bytes of all of them: with the session's and the application's cookies they stay below what is read
/// of one request.
pub const PENDING_BYTES_MAX: usize = 12 * 1024;
/// Most bytes of the sealed cookie value; browsers keep 4096 bytes with name and attributes.
pub const SEALED_BYTES_MAX: usize = 3_800;

/// Most ended sign-ins that are remembered, so that none ends twice.
pub const SPENT_MAX: usize = 200_000;

/// Where the person wanted to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Return {
    /// A page of a proxied app.
    Page {
        /// Origin, as the browser used it.
        origin: String,
        /// Path and query.
        target: String,
        /// Location of the policy that asked, to find its `idps` again.
        location: String,
    },
    /// An authorization request of a relying party.
    Authorize(Box<AuthnRequest>),
}

/// A sign-in that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// 43 base64url characters; also `state`.
    pub id: String,
    /// App that asked.
    pub app: String,
    /// Provider the browser was sent to.
    pub idp: String,
    /// Why that one.
    pub why: String,
    /// Providers tried in vain.
    pub tried: Vec<String>,
    /// Tries at this provider beyond the first.
    pub retries: u8,
    /// What the connector wants back.
    pub kept: Kept,
    /// Where the person wanted to go.
    pub back: Return,
    /// The person must authenticate after this instant.
    pub fresh_after: Option<UnixSecs>,
    /// Absolute end.
    pub until: UnixSecs,
}

const PURPOSE: &str = "pending sign-in";

impl Pending {
    /// As a cookie value; `None` when it does not fit into a cookie.
    pub fn seal(&self, sealer: &Sealer) -> Option<String> {
        let plain = serde_json::to_vec(self).ok()?;
        sealer.seal(PURPOSE, &plain).filter(|sealed| sealed.len() <= SEALED_BYTES_MAX)
    }

    /// The pending sign-in of a `state`, from the cookies of a request. `None` when there is none, it is not
    /// ours, or its time is over.
    pub fn open(state: &State, headers: &http::HeaderMap, id: &str) -> Option<Self> {
        Self::unseal(&state.sealer, headers, id, state.now())
    }

    /// The same, with only what it takes: it is a function of cookies, key and time.
    pub fn unseal(sealer: &Sealer, headers: &http::HeaderMap, id: &str, now: UnixSecs) -> Option<Self> {
        if id.len() != 43 || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return None;
        }
        let name = cookie::pending_name(id);
        let pending = cookie::values(headers, &name).find_map(|value| {
            let plain = sealer.open(PURPOSE, value)?;
            serde_json::from_slice::<Pending>(&plain).ok()
        })?;
        (pending.id == id && now < pending.until).then_some(pending)
    }

    /// Marks it as spent. `false` when it was spent already: a replay, or the second of two tabs.
    pub fn spend(&self, state: &State) -> bool {
        state.spent.put_if_absent(Key::of("spent", &self.id), *b"", self.until, state.now())
    }

    /// Whether it was spent.
    pub fn is_spent(&self, state: &State) -> bool {
        state.spent.get(&Key::of("spent", &self.id), state.now()).is_some()
    }
}
