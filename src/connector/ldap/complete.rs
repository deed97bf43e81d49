//! A name and a password to an identity: the service account finds the entry, the password is proven by a bind as
//! that entry on a connection of its own, and only then is the rest of the entry fetched. Nobody, several people, the
//! service account and a wrong password are one answer, after the same number of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::person::{self, Sought};
use super::servers::Server;
use super::service::{Trouble, unwell};
use super::{Core, account};
use crate::ambient::Millis;
use crate::connector::throttle::{ACCOUNT, Turn};
use crate::connector::{Denial, Fault, Identity, Kept};
use crate::health::{Reason, Unwell};
use crate::net::ldap::Connection;
use crate::protocol::ldap::outcome::{Refusal, Why, of_persons_bind};
use crate::protocol::ldap::{Entry, dn};
use crate::value::Secret;

/// Longest password taken, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// Most sign-ins at once: each has a connection of its own for a moment.
pub const SIGN_INS_MAX: usize = 64;
/// Most sign-ins that wait for their turn.
pub const WAITING_MAX: usize = 4_096;
/// Longest wait for a turn, in milliseconds.
pub const TURN_MILLIS_MAX: u64 = 20_000;
/// Longest sign-in once it has its turn, in milliseconds.
pub const SIGN_IN_MILLIS_MAX: u64 = 10_000;
/// Most servers that are shown one typed password: directories count wrong ones, each server for itself.
pub const BINDS_MAX: usize = 2;
/// When to come again while too many wait, in seconds.
const BUSY_SECS: u64 = 3;

/// A place in the queue; given up when it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn join(count: &'a AtomicUsize) -> Option<Self> {
        let waiting = Waiting(count);
        (count.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) async fn complete(core: Arc<Core>, username: String, password: Secret<String>) -> Result<Identity, Fault> {
    if !may_be_sent(&username, password.expose()) {
        return Err(Fault::Denied(Denial::Credentials));
    }
    // Directories take many spellings for one name; so does the counter.
    let at = core.clock.millis();
    let turn = take_turn(&core, &dn::fold(&username), at).map_err(|secs| Fault::Denied(Denial::Throttled(secs)))?;
    in_turn(&core, (&turn, at), &username, &password).await
}

/// Before anything else: a bind without a password succeeds as nobody, and what is behind a NUL is not compared by
/// every directory. No name has a control character in it.
fn may_be_sent(username: &str, password: &str) -> bool {
    let fits = !password.is_empty() && password.len() <= PASSWORD_BYTES_MAX && !password.contains('\0');
    fits && !username.trim().is_empty() && !username.contains(char::is_control)
}

/// A turn, or the seconds to wait for one.
fn take_turn<'a>(core: &'a Core, name: &str, at: Millis) -> Result<Turn<'a>, u64> {
    core.throttle.turn(name, at)
}

/// `at` is when the turn was taken: the entry's is as old, or whoever waited as long as he was told for the one would
/// have to wait for the other.
async fn in_turn(
    core: &Arc<Core>,
    (turn, at): (&Turn<'_>, Millis),
    username: &str,
    password: &Secret<String>,
) -> Result<Identity, Fault> {
    let busy = || Fault::Denied(Denial::Throttled(BUSY_SECS));
    let waiting = Waiting::join(&core.waiting).ok_or_else(busy)?;
    let place = timeout(Duration::from_millis(TURN_MILLIS_MAX), core.sign_ins.acquire()).await;
    let _place = place.map_err(|_| busy())?.map_err(|_| busy())?;
    drop(waiting);
    let deadline = Instant::now() + Duration::from_millis(SIGN_IN_MILLIS_MAX);
    let (server, mut entry) = proven(core, (turn, at), username, password, deadline).await?;
    let account = account::of(&core.config, &entry);
    person::fill(core, &server, &mut entry, deadline).await?;
    Ok(Identity {
        issuer: core.config.common.name.clone(),
        subject: entry.dn.clone(),
        account: Some(account),
        authenticated_at: Some(core.clock.unix()),
        attributes: person::seen(&core.config, &entry)?,
        incomplete: None,
        once: None,
        until: None,
        kept: Kept::new(),
    })
}

/// Finds the entry, then proves the password.
async fn proven(
    core: &Arc<Core>,
    (turn, at): (&Turn<'_>, Millis),
    username: &str,
    password: &Secret<String>,
    deadline: Instant,
) -> Result<(Arc<Server>, Entry), Fault> {
    let (server, sought) = person::seek(core, username, deadline).await?;
    let (why, entry) = match sought {
        // Wrong passwords lock accounts: nobody at the password page shall have that one locked for everybody.
        Sought::One(entry) if account::is_of_the_service(&core.config, &entry) => (Why::ServiceAccount, entry.dn),
        // The entry is counted as well as the name: several names may lead to one entry. Only the count of the name
        // may be told, since a name that nobody has reaches no other.
        Sought::One(entry) => match take_turn(core, &count(&entry.dn), at) {
            Ok(counted) => {
                return match prove(core, &server, &entry.dn, password, &[turn, &counted], deadline).await? {
                    Ok(()) => {
                        turn.succeeded();
                        counted.succeeded();
                        Ok((server, entry))
                    }
                    Err(why) => Err(denied(core, why, &entry.dn)),
                };
            }
            Err(_) => (Why::TooManyTries, entry.dn),
        },
        Sought::Nobody | Sought::Uncertain(_) => (Why::NoSuchUser, String::new()),
        Sought::Several => (Why::AmbiguousUser, String::new()),
        Sought::Unreadable(_) => (Why::UnreadableEntry, String::new()),
    };
    // A bind that must fail, so that the answer for a name nobody has takes as many requests.
    let nobody = dn::child("cn", &core.entropy.token(), &core.config.base_dn);
    let random = Secret::new(core.entropy.token());
    let _ = prove(core, &server, &nobody, &random, &[turn], deadline).await?;
    Err(denied(core, why, &entry))
}

/// The counter of an entry.
fn count(name: &str) -> String {
    let name = dn::Dn::parse(name).map_or_else(|_| dn::fold(name), |name| name.to_string());
    format!("{ACCOUNT}{name}")
}

/// The person reads that name or password are wrong; the log has why.
fn denied(core: &Core, why: Why, entry: &str) -> Fault {
    tracing::info!(
        event = "ldap.bind.refused",
        connector = core.config.common.name,
        reason = why.word(),
        entry,
        "the directory refuses a sign-in"
    );
    Fault::Denied(Denial::Credentials)
}

/// A bind as the entry, on a connection that is used for nothing else. Only an answer about the credentials ends
/// it; where there is none, another server is asked. The `turns` count as soon as a password is on its way: whatever
/// becomes of it, the directory may have counted it as well.
///
/// A server that cannot be reached is put aside. What becomes of a bind says nothing about the server: whoever typed
/// the password chose it, and some directories let those wait, or hang up on them, who guess.
async fn prove(
    core: &Arc<Core>,
    first: &Arc<Server>,
    name: &str,
    password: &Secret<String>,
    turns: &[&Turn<'_>],
    deadline: Instant,
) -> Result<Result<(), Why>, Fault> {
    let mut attempts = core.servers.attempts(Some(first), deadline);
    let mut binds = 0;
    while binds < BINDS_MAX
        && let Some((server, until)) = attempts.next(Instant::now())
    {
        let mut connection = match Connection::open(&server.target, core.clock.unix(), until).await {
            Ok((connection, _)) => connection,
            Err(error) => {
                let unwell = unwell(error);
                core.failed(&server, &Trouble::Unwell(unwell.clone()));
                attempts.failed(unwell);
                continue;
            }
        };
        turns.iter().for_each(|turn| turn.spend());
        binds += 1;
        let answer = connection.bind(name, password, true, until).await;
        connection.close().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                attempts.failed(unwell(error));
                continue;
            }
        };
        let words = |code| format!("{} answers a bind with result {code}", server.target.address);
        match of_persons_bind(&answer) {
            Ok(()) => {
                if let Some(grace) = answer.policy.grace {
                    tracing::warn!(event = "ldap.password.expired", connector = core.config.common.name, entry = name, left = grace, "a password that has expired is taken a few times more");
                }
                return Ok(Ok(()));
            }
            Err(Refusal::Credentials(why)) => return Ok(Err(why)),
            Err(Refusal::Unavailable(code)) => {
                attempts.failed(Unwell::new(Reason::DirectoryUnavailable, words(code)));
            }
            Err(Refusal::Unwilling(code)) => return Err(Fault::Unwell(Unwell::new(Reason::Status, words(code)))),
        }
    }
    Err(Fault::Unwell(attempts.unwell()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_sent() {
        for (username, password, may) in [
            ("ann", "secret", true),
            ("ann", "s", true),
            ("ann", "", false),
            ("ann", "\0", false),
            ("ann", "secret\0", false),
            ("", "secret", false),
            (" ", "secret", false),
            ("\0uid=ann,dc=x", "secret", false),
            ("ann\n", "secret", false),
        ] {
            assert_eq!(may_be_sent(username, password), may, "{username:?} {password:?}");
        }
        assert!(!may_be_sent("ann", &"x".repeat(PASSWORD_BYTES_MAX + 1)));
    }
}
