//! The documents of a provider as they stand on the shelf: what an earlier run of ours fetched and verified.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::kept::Fetched;
use crate::ambient::{Clock, UnixSecs};

/// How far in the future a copy may be dated before it is not believed, in seconds: clocks are set.
const AHEAD_SECS_MAX: u64 = 60;

/// All documents, and where they came from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Copy {
    /// Address of the first: a copy from elsewhere is not this provider's.
    pub url: String,
    /// By name.
    pub documents: BTreeMap<String, Document>,
}

/// One document.
#[derive(Debug, Serialize, Deserialize)]
pub struct Document {
    fetched: UnixSecs,
    fresh_secs: u64,
    /// Base64.
    body: String,
}

impl Document {
    /// As it was fetched.
    pub fn of(fetched: &Fetched) -> Self {
        Document { fetched: fetched.at, fresh_secs: fetched.fresh_secs, body: STANDARD.encode(&fetched.body) }
    }

    /// As it was fetched. The error says why it is not used.
    fn fetched(&self, clock: &Clock) -> Result<Fetched, String> {
        let now = clock.unix();
        if self.fetched > now.plus(AHEAD_SECS_MAX) {
            return Err("it is dated in the future".into());
        }
        let body = STANDARD.decode(&self.body).map_err(|_| "a document in it is not base64")?;
        let fetched = Fetched::earlier(Bytes::from(body), self.fetched, self.fresh_secs, clock);
        if !fetched.is_usable(super::kept::Purpose::CodeFlow, clock.millis()) {
            return Err(format!("it is too old: fetched {} s ago", now.since(self.fetched)));
        }
        Ok(fetched)
    }
}

impl Copy {
    /// Reads what the shelf vouches for.
    pub fn read(content: &[u8], url: &str) -> Result<Self, String> {
        let copy: Copy = serde_json::from_slice(content).map_err(|_| "it has another form".to_owned())?;
        if copy.url != url {
            return Err("it was fetched from another address".into());
        }
        Ok(copy)
    }

    /// One of the documents, as it was fetched. The error says why it is not used.
    pub fn document(&self, name: &str, clock: &Clock) -> Result<Fetched, String> {
        self.documents.get(name).ok_or("it has another form")?.fetched(clock)
    }
}
