//! A name and a password to an identity: the service account finds the entry, and the password is proven by a bind
//! as that entry on a connection of its own. Nobody, several people and a wrong password are one answer, after the
//! same number of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Core;
use super::config::By;
use super::person::{self, Sought, Wanted};
use super::servers::Server;
use super::service::{Trouble, unwell};
use crate::connector::{Denial, Fault, Identity, Kept};
use crate::health::{Reason, Unwell};
use crate::net::ldap::Connection;
use crate::protocol::ldap::outcome::{Refusal, Why, of_bind};
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
    // Before anything else: a bind without a password succeeds as nobody.
    if username.trim().is_empty() || password.expose().is_empty() || password.expose().len() > PASSWORD_BYTES_MAX {
        return Err(Fault::Denied(Denial::Credentials));
    }
    // Directories take many spellings for one name; so does the counter.
    let name = dn::fold(&username);
    take_turn(&core, &name)?;
    let result = in_turn(&core, username, &password).await;
    match &result {
        Ok((_, counted)) => {
            core.throttle.succeeded(&name);
            core.throttle.succeeded(counted);
        }
        Err(Fault::Unwell(_)) => core.throttle.give_back(&name),
        Err(_) => {}
    }
    result.map(|(identity, _)| identity)
}

fn take_turn(core: &Core, name: &str) -> Result<(), Fault> {
    core.throttle.take_turn(name, core.clock.millis()).map_err(|secs| Fault::Denied(Denial::Throttled(secs)))
}

async fn in_turn(core: &Arc<Core>, username: String, password: &Secret<String>) -> Result<(Identity, String), Fault> {
    let busy = || Fault::Denied(Denial::Throttled(BUSY_SECS));
    let waiting = Waiting::join(&core.waiting).ok_or_else(busy)?;
    let turn = timeout(Duration::from_millis(TURN_MILLIS_MAX), core.sign_ins.acquire()).await;
    let _turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
    drop(waiting);
    let deadline = Instant::now() + Duration::from_millis(SIGN_IN_MILLIS_MAX);
    let (entry, counted) = match core.config.by() {
        By::Search(_) => by_search(core, username, password, deadline).await?,
        By::Rdn(key) => {
            let name = dn::child(key, &username, &core.config.base_dn);
            by_name(core, &name, password, deadline).await?
        }
    };
    let identity = Identity {
        issuer: core.config.common.name.clone(),
        subject: entry.dn.clone(),
        authenticated_at: Some(core.clock.unix()),
        attributes: person::seen(&core.config, &entry),
        incomplete: None,
        once: None,
        until: None,
        kept: Kept::new(),
    };
    Ok((identity, counted))
}

/// Finds the entry, then proves the password.
async fn by_search(
    core: &Arc<Core>,
    username: String,
    password: &Secret<String>,
    deadline: Instant,
) -> Result<(Entry, String), Fault> {
    let (server, sought) = person::seek(core, &Wanted::Called(username), deadline).await?;
    let why = match sought {
        Sought::One(entry) => {
            let counted = count(&entry.dn);
            // The entry is counted as well as the name: several names may lead to one entry.
            take_turn(core, &counted)?;
            return match prove(core, Some(&server), &entry.dn, password, deadline).await {
                Ok(Ok(())) => Ok((entry, counted)),
                Ok(Err(why)) => Err(denied(core, why, &entry.dn)),
                Err(fault) => {
                    core.throttle.give_back(&counted);
                    Err(fault)
                }
            };
        }
        Sought::Nobody => Why::NoSuchUser,
        Sought::Several => Why::AmbiguousUser,
        Sought::TooManyGroups => return Err(too_many_groups()),
    };
    // A bind that must fail, so that the answer for a name nobody has takes as many requests.
    let nobody = dn::child("cn", &core.entropy.token(), &core.config.base_dn);
    let random = Secret::new(core.entropy.token());
    let _ = prove(core, Some(&server), &nobody, &random, deadline).await?;
    Err(denied(core, why, ""))
}

/// Proves the password, then fetches the entry.
async fn by_name(
    core: &Arc<Core>,
    name: &str,
    password: &Secret<String>,
    deadline: Instant,
) -> Result<(Entry, String), Fault> {
    let counted = count(name);
    take_turn(core, &counted)?;
    match prove(core, None, name, password, deadline).await {
        Ok(Ok(())) => {}
        Ok(Err(why)) => return Err(denied(core, why, name)),
        Err(fault) => {
            core.throttle.give_back(&counted);
            return Err(fault);
        }
    }
    match person::seek(core, &Wanted::Entry(name.to_owned()), deadline).await?.1 {
        Sought::One(entry) => Ok((entry, counted)),
        Sought::TooManyGroups => Err(too_many_groups()),
        Sought::Nobody | Sought::Several => Err(Fault::Rejected(
            "the directory takes the password and does not show the entry to the service account".into(),
        )),
    }
}

/// The counter of an entry.
fn count(name: &str) -> String {
    let name = dn::Dn::parse(name).map_or_else(|_| dn::fold(name), |name| name.to_string());
    // No user name has a NUL in front: the counters of names and of entries are apart.
    format!("\0{name}")
}

fn too_many_groups() -> Fault {
    Fault::Rejected(format!("the person is in more than {} groups", super::groups::GROUPS_MAX))
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
/// it; a server that does not answer is put aside, and another one asked.
async fn prove(
    core: &Arc<Core>,
    first: Option<&Arc<Server>>,
    name: &str,
    password: &Secret<String>,
    deadline: Instant,
) -> Result<Result<(), Why>, Fault> {
    let mut attempts = core.servers.attempts(first, deadline);
    while let Some((server, until)) = attempts.next(Instant::now()) {
        let opened = Connection::open(&server.target, core.clock.unix(), until).await;
        let answer = match opened {
            Ok((mut connection, _)) => {
                let answer = connection.bind(name, password, until).await;
                connection.close().await;
                answer
            }
            Err(error) => Err(error),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let unwell = unwell(error);
                core.failed(&server, &Trouble::Unwell(unwell.clone()));
                attempts.failed(unwell);
                continue;
            }
        };
        core.answered(&server);
        let words = |code| format!("{} answers a bind with result {code}", server.target.address);
        match of_bind(&answer) {
            Ok(()) => return Ok(Ok(())),
            Err(Refusal::Credentials(why)) => return Ok(Err(why)),
            Err(Refusal::Unavailable(code)) => {
                attempts.failed(Unwell::new(Reason::DirectoryUnavailable, words(code)));
            }
            Err(Refusal::Unwilling(code)) => return Err(Fault::Unwell(Unwell::new(Reason::Status, words(code)))),
        }
    }
    Err(Fault::Unwell(attempts.unwell()))
}
