//! What the service account does at a server: it searches. A connection that broke while it was idle is replaced
//! without anybody noticing.

use std::sync::Arc;

use ldap3_proto::proto::LdapResultCode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::Core;
use super::servers::Server;
use crate::health::{Reason, Unwell};
use crate::net::ldap::{Connection, Refused, SearchError};
use crate::net::{NetError, NetErrorKind, Phases};
use crate::protocol::ldap::outcome::{self, Refusal, of_bind};
use crate::protocol::ldap::search::{Found, Search};

/// Why a server did not serve.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is not well, as far as this request can tell.
    Unwell(Unwell),
    /// It answers, and refuses this search.
    Refused(Refused),
    /// It answers this search with what is not read: too much, or not LDAP. It took the service account before, so
    /// this is about what was searched.
    Unreadable(Unwell),
}

impl Trouble {
    pub(super) fn unwell(self) -> Unwell {
        match self {
            Trouble::Unwell(unwell) | Trouble::Unreadable(unwell) => unwell,
            Trouble::Refused(Refused { code, .. }) => {
                let reason = match code {
                    LdapResultCode::Busy | LdapResultCode::Unavailable => Reason::DirectoryUnavailable,
                    _ => Reason::Status,
                };
                Unwell::new(reason, format!("the search is refused with result {}", outcome::number(&code)))
            }
        }
    }
}

/// The reason a failed call to a directory gives.
pub(super) fn unwell(error: NetError) -> Unwell {
    match error.kind {
        NetErrorKind::Protocol => Unwell::new(Reason::NotLdap, error.detail),
        _ => Unwell::from(error),
    }
}

/// A service connection that failed to come about, and how far it got.
pub(super) struct NoService {
    pub unwell: Unwell,
    pub phases: Phases,
}

/// A new connection of the service account. [`Phases::request`] is its bind.
pub(super) async fn connect(
    core: &Core,
    server: &Server,
    deadline: Instant,
) -> Result<(Connection, Phases), NoService> {
    if let Some(unwell) = server.refusal(Instant::now()) {
        return Err(NoService { unwell, phases: Phases::default() });
    }
    let opened = Connection::open(&server.target, core.clock.unix(), deadline).await;
    let (mut connection, mut phases) =
        opened.map_err(|error| NoService { phases: error.phases.clone(), unwell: unwell(error) })?;
    let begun = Instant::now();
    let bound = connection.bind(core.config.service_account(), &core.service_password, false, deadline).await;
    phases.request = Some(begun.elapsed());
    let fault = |unwell| NoService { unwell, phases: phases.clone() };
    match of_bind(&bound.map_err(|error| fault(unwell(error)))?) {
        Ok(()) => {
            server.service_bind(Instant::now(), None);
            Ok((connection, phases))
        }
        Err(refusal) => {
            let address = &server.target.address;
            let unwell = match refusal {
                Refusal::Credentials(why) => Unwell::new(
                    Reason::ServiceBindRefused,
                    format!("{address} refuses the service account: {}", why.word()),
                ),
                Refusal::Unavailable(code) => {
                    Unwell::new(Reason::DirectoryUnavailable, format!("{address} is busy or unavailable: result {code}"))
                }
                Refusal::Unwilling(code) => Unwell::new(
                    Reason::ServiceBindRefused,
                    format!("{address} answers the bind of the service account with result {code}"),
                ),
            };
            if unwell.reason == Reason::ServiceBindRefused {
                server.service_bind(Instant::now(), Some(&unwell));
            }
            connection.close().await;
            Err(fault(unwell))
        }
    }
}

/// A service connection on loan.
pub(super) struct Service<'a> {
    core: &'a Core,
    server: Arc<Server>,
    connection: Option<Connection>,
    /// It lay idle: an end of it says nothing about the server.
    was_idle: bool,
    deadline: Instant,
    _place: OwnedSemaphorePermit,
}

impl<'a> Service<'a> {
    /// A connection to a server, an idle one if there is any.
    pub(super) async fn at(core: &'a Core, server: &Arc<Server>, deadline: Instant) -> Result<Self, Trouble> {
        let served = server.serves();
        let place = server.pool.place(deadline).await;
        Self::on(core, server, served, place, deadline).await
    }

    /// The same for a request of our own, which does not wait for those of people.
    pub(super) async fn of_ours(core: &'a Core, server: &Arc<Server>, deadline: Instant) -> Result<Self, Trouble> {
        let served = server.serves();
        let place = server.pool.place_of_ours(deadline).await;
        Self::on(core, server, served, place, deadline).await
    }

    async fn on(
        core: &'a Core,
        server: &Arc<Server>,
        served: bool,
        place: Option<OwnedSemaphorePermit>,
        deadline: Instant,
    ) -> Result<Self, Trouble> {
        let place = place.ok_or_else(|| {
            let words = format!("no connection to {} became free in time", server.target.address);
            Trouble::Unwell(Unwell::new(Reason::OurLimit, words))
        })?;
        // Put aside while we waited for a place: another one shall serve.
        if served && !server.serves() && core.servers.list.len() > 1 {
            let words = format!("{} was put aside", server.target.address);
            return Err(Trouble::Unwell(Unwell::new(Reason::Timeout, words)));
        }
        let mut connection = server.pool.take();
        let was_idle = connection.is_some();
        if connection.is_none() {
            let opened = connect(core, server, deadline).await.map_err(|no| Trouble::Unwell(no.unwell))?;
            connection = Some(opened.0);
        }
        Ok(Service { core, server: server.clone(), connection, was_idle, deadline, _place: place })
    }

    /// Searches, once more on a new connection when the idle one turns out to be broken.
    pub(super) async fn search(&mut self, search: &Search) -> Result<Found, Trouble> {
        loop {
            let connection = match &mut self.connection {
                Some(connection) => connection,
                empty => {
                    let opened = connect(self.core, &self.server, self.deadline).await;
                    empty.insert(opened.map_err(|no| Trouble::Unwell(no.unwell))?.0)
                }
            };
            let result = connection.search(search, self.deadline).await;
            let was_idle = std::mem::take(&mut self.was_idle);
            return match result {
                Ok(found) if found.more => {
                    // What it still sends is not waited for.
                    if !connection.is_sound() {
                        self.connection = None;
                    }
                    Ok(found)
                }
                Ok(found) => Ok(found),
                Err(SearchError::Refused(refused)) => Err(Trouble::Refused(refused)),
                Err(SearchError::Net(error)) => {
                    self.connection = None;
                    if was_idle && error.kind == NetErrorKind::Lost {
                        continue;
                    }
                    Err(match error.kind {
                        NetErrorKind::Protocol | NetErrorKind::TooLarge => Trouble::Unreadable(unwell(error)),
                        _ => Trouble::Unwell(unwell(error)),
                    })
                }
            };
        }
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.server.pool.give_back(connection);
        }
    }
}
