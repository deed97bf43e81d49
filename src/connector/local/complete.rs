//! A name and a password to an identity. An unknown name costs the same time and gets the same answer as a
//! wrong password.

use argon2::{Argon2, PasswordVerifier};
use argon2::password_hash::phc::PasswordHash;

use super::LocalConnector;
use crate::connector::{CompleteRequest, Denial, Fault, Identity, Input, Kept};
use crate::value::Secret;

/// Longest password taken.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Most sign-ins that wait for their turn to be hashed.
pub const WAITING_MAX: usize = 64;
/// Most hashes at once.
pub const HASHES_MAX: usize = 2;
/// When to come again while too many wait, in seconds.
const BUSY_SECS: u64 = 3;

/// A place in the queue; given up when it is dropped.
struct Waiting<'a>(&'a std::sync::atomic::AtomicUsize);

impl<'a> Waiting<'a> {
    fn join(count: &'a std::sync::atomic::AtomicUsize) -> Option<Self> {
        use std::sync::atomic::Ordering::Relaxed;
        if count.fetch_add(1, Relaxed) >= WAITING_MAX {
            count.fetch_sub(1, Relaxed);
            return None;
        }
        Some(Waiting(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// A hash nobody's password has, for names that do not exist.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmUhIQ$b+zVzXPFIY7IYJeTCyZ7G4yBHAOYGVLaTYIE2GBKlI8";

pub(super) async fn complete(
    connector: &LocalConnector,
    request: CompleteRequest<'_>,
) -> Result<Identity, Fault> {
    let Input::Password { username, password } = request.input else {
        return Err(Fault::Rejected("this connector takes a user name and a password".into()));
    };
    let people = connector.people.current().map_err(Fault::Unwell)?;
    if username.is_empty() || password.expose().is_empty() || password.expose().len() > PASSWORD_BYTES_MAX {
        return Err(Fault::Denied(Denial::Credentials));
    }
    let turn = connector.throttle.turn(username, connector.clock.millis());
    let turn = turn.map_err(|secs| Fault::Denied(Denial::Throttled(secs)))?;
    // Two hashes at once: each takes 19 MiB and a core for tens of milliseconds, and name look-ups share the
    // threads. Beyond a short queue it is a flood, and nobody is hashed for it.
    let waiting = Waiting::join(&connector.waiting).ok_or(Fault::Denied(Denial::Throttled(BUSY_SECS)))?;
    let _permit = connector.hashing.acquire().await.map_err(|_| Fault::Denied(Denial::Throttled(BUSY_SECS)))?;
    drop(waiting);
    // That we had no time is nobody's guess; from here on it is one.
    turn.spend();
    let person = people.find(username);
    let hash = person.map_or(NOBODY, |p| p.password_hash.as_str()).to_owned();
    let password: Secret<String> = password.clone();
    let verified = connector
        .blocking
        .spawn_blocking(move || {
            PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok())
        })
        .await
        .unwrap_or(false);
    match person.filter(|p| verified && !p.disabled) {
        Some(person) => {
            turn.succeeded();
            Ok(Identity {
                issuer: connector.config.common.name.clone(),
                subject: person.username.clone(),
                account: None,
                authenticated_at: Some(connector.clock.unix()),
                attributes: person.attributes(),
                incomplete: None,
                once: None,
                until: None,
                kept: Kept::new(),
            })
        }
        None => Err(Fault::Denied(Denial::Credentials)),
    }
}
