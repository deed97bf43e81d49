//! Whether the directory is well (protocol row HP04): TLS, the bind of the service account, and the search base, on
//! connections of its own at every server.

use std::sync::Arc;
use std::time::Duration;

use ldap3_proto::proto::LdapResultCode;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::Core;
use super::servers::Server;
use super::service::{self, Service, Trouble, unwell};
use crate::health::{Reason, Unwell, Verdict, fact};
use crate::net::Phases;
use crate::net::ldap::{Connection, Protection, Refused, SearchError};
use crate::protocol::ldap::search::{Found, Search};

/// How long servers that have not answered yet are waited for once another has, in milliseconds.
pub const STRAGGLER_MILLIS: u64 = 1_000;

/// Every server at once; the directory is well while one of them is.
pub(super) async fn probe(core: Arc<Core>, budget: Duration) -> Verdict {
    let begun = Instant::now();
    let deadline = begun + budget;
    let mut asking = JoinSet::new();
    for (place, server) in core.servers.list.iter().enumerate() {
        let (core, server) = (core.clone(), server.clone());
        asking.spawn(async move { (place, ask(&core, &server, deadline).await) });
    }
    let mut answers: Vec<Option<Verdict>> = core.servers.list.iter().map(|_| None).collect();
    loop {
        let is_served = answers.iter().flatten().any(Verdict::is_well);
        let next = match is_served {
            true => timeout(Duration::from_millis(STRAGGLER_MILLIS), asking.join_next()).await,
            false => Ok(asking.join_next().await),
        };
        match next {
            Ok(Some(Ok((place, verdict)))) => answers[place] = Some(verdict),
            Ok(Some(Err(_))) => {}
            Ok(None) => break,
            Err(_) => break,
        }
    }
    // Those we did not wait for are slower than another one, which is no reason to put them aside.
    let answered = core.servers.list.iter().zip(&answers).filter_map(|(server, answer)| Some((server, answer.as_ref()?)));
    for (server, verdict) in answered {
        match &verdict.outcome {
            Ok(()) => core.answered(server),
            Err(unwell) => core.failed(server, &Trouble::Unwell(unwell.clone())),
        }
    }
    sum_up(&core.servers.list, answers, begun.elapsed())
}

/// One verdict for all: the first server that is well speaks for the directory, without one the first of all.
fn sum_up(servers: &[Arc<Server>], answers: Vec<Option<Verdict>>, waited: Duration) -> Verdict {
    let well = answers.iter().flatten().filter(|answer| answer.is_well()).count();
    let down: Vec<String> = servers
        .iter()
        .zip(&answers)
        .filter_map(|(server, answer)| match answer {
            Some(answer) => {
                Some(format!("{} ({})", server.target.address, answer.outcome.as_ref().err()?.reason))
            }
            None => Some(format!("{} (no answer in {} ms)", server.target.address, waited.as_millis())),
        })
        .collect();
    let mut facts = vec![(fact::SERVERS.to_owned(), format!("{well} of {}", servers.len()))];
    if !down.is_empty() {
        facts.push((fact::SERVERS_DOWN.to_owned(), down.join(", ")));
    }
    let speaks = answers.iter().position(|answer| answer.as_ref().is_some_and(Verdict::is_well)).unwrap_or(0);
    let verdict = match answers.into_iter().nth(speaks) {
        Some(Some(verdict)) => verdict,
        Some(None) => Verdict::unwell(Unwell::new(Reason::ProbeCrashed, "the request broke off")),
        None => return Verdict::unwell(Unwell::new(Reason::NameNotFound, "the directory has no server")),
    };
    if verdict.is_well() && servers.get(speaks).is_some_and(|s| s.target.protection == Protection::StartTls) {
        facts.push((fact::START_TLS.to_owned(), "true".to_owned()));
    }
    Verdict { facts, ..verdict }
}

/// One server, on a connection of its own.
async fn ask(core: &Core, server: &Server, deadline: Instant) -> Verdict {
    let (mut connection, mut phases) = match service::connect(core, server, deadline).await {
        Ok(connected) => connected,
        Err(no) => return Verdict { outcome: Err(no.unwell), phases: no.phases, facts: Vec::new() },
    };
    let begun = Instant::now();
    let outcome = base(core, &mut connection, deadline).await;
    phases.request = Some(phases.request.unwrap_or_default() + begun.elapsed());
    connection.close().await;
    Verdict { outcome, phases, facts: Vec::new() }
}

async fn base(core: &Core, connection: &mut Connection, deadline: Instant) -> Result<(), Unwell> {
    match connection.search(&base_search(core), deadline).await {
        Ok(found) => base_found(core, &found),
        Err(SearchError::Net(error)) => Err(unwell(error)),
        Err(SearchError::Refused(refused)) => Err(base_refused(core, refused)),
    }
}

fn base_search(core: &Core) -> Search {
    Search::entry(&core.config.base_dn, vec!["1.1".into()])
}

fn base_found(core: &Core, found: &Found) -> Result<(), Unwell> {
    if !found.entries.is_empty() {
        return Ok(());
    }
    let elsewhere = if found.references > 0 { "; the directory points at another one" } else { "" };
    let words = format!("the search base `{}` is not shown{elsewhere}", core.config.base_dn);
    Err(Unwell::new(Reason::BaseMissing, words))
}

fn base_refused(core: &Core, refused: Refused) -> Unwell {
    use LdapResultCode as Code;
    let base = &core.config.base_dn;
    match &refused.code {
        Code::NoSuchObject | Code::InvalidDNSyntax | Code::Referral | Code::InsufficentAccessRights => {
            let number = crate::protocol::ldap::outcome::number(&refused.code);
            Unwell::new(Reason::BaseMissing, format!("the search base `{base}` is not shown: result {number}"))
        }
        _ => Trouble::Refused(refused).unwell(),
    }
}

/// Whether a search is answered: on a connection that is open already, where there is one. Server after server.
pub(super) async fn pre_flight(core: Arc<Core>, budget: Duration) -> Verdict {
    let begun = Instant::now();
    let mut attempts = core.servers.attempts(None, begun + budget);
    while let Some((server, until)) = attempts.next(Instant::now()) {
        let asked = async {
            let mut service = Service::of_ours(&core, &server, until).await?;
            match service.search(&base_search(&core)).await {
                Ok(found) => base_found(&core, &found).map_err(Trouble::Unwell),
                Err(Trouble::Refused(refused)) => Err(Trouble::Unwell(base_refused(&core, refused))),
                // The question was ours.
                Err(Trouble::Unreadable(unwell)) => Err(Trouble::Unwell(unwell)),
                Err(trouble) => Err(trouble),
            }
        };
        match asked.await {
            Ok(()) => {
                core.answered(&server);
                let phases = Phases { request: Some(begun.elapsed()), ..Phases::default() };
                return Verdict { outcome: Ok(()), phases, facts: Vec::new() };
            }
            Err(trouble) => {
                core.failed(&server, &trouble);
                attempts.failed(trouble.unwell());
            }
        }
    }
    Verdict::unwell(attempts.unwell())
}

/// The same on a new connection, so that the bind of the service account is asked as well.
pub(super) async fn check(core: Arc<Core>, budget: Duration) -> Verdict {
    let mut attempts = core.servers.attempts(None, Instant::now() + budget);
    while let Some((server, until)) = attempts.next(Instant::now()) {
        let verdict = ask(&core, &server, until).await;
        match &verdict.outcome {
            Ok(()) => {
                core.answered(&server);
                return verdict;
            }
            Err(unwell) => {
                core.failed(&server, &Trouble::Unwell(unwell.clone()));
                attempts.failed(unwell.clone());
            }
        }
    }
    Verdict::unwell(attempts.unwell())
}

/// A server that was put aside, until it answers: on a clock of its own, so that no sign-in waits for it.
pub(super) async fn bring_back(core: std::sync::Weak<Core>, server: Arc<Server>) {
    loop {
        tokio::time::sleep(server.pause()).await;
        let Some(core) = core.upgrade() else { return };
        if server.serves() {
            return;
        }
        let deadline = Instant::now() + Duration::from_millis(super::servers::ATTEMPT_MILLIS_MAX);
        match ask(&core, &server, deadline).await.outcome {
            Ok(()) => {
                core.answered(&server);
                return;
            }
            Err(_) => server.failed_again(),
        }
    }
}
