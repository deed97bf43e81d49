//! `type: ldap` and `activedirectory`: people in a directory. A password is proven by a bind; what a session knows
//! of a person is his entry.

mod account;
mod check;
pub mod complete;
pub mod config;
pub mod groups;
mod person;
pub mod pool;
pub mod servers;
mod service;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use super::throttle::Throttle;
use super::{
    Answer, Begin, BeginRequest, CompleteRequest, Connector, Entry, Fault, Identity, Input, Kept, Kind, Opening,
    Section,
};
use crate::ambient::{Clock, Entropy};
use crate::config::{schema, section};
use crate::diag::Level;
use crate::health::http::CustomEndpoint;
use crate::health::{Reason, Unwell, Verdict};
use crate::net::ldap::{Protection, Target};
use crate::value::Secret;

use config::Config;
use person::Sought;
use servers::{Server, Servers};
use service::Trouble;

/// The line for the table.
pub static KIND: Kind = Kind { type_names: &["ldap", "activedirectory"], schema: branches, read };

fn branches(generator: &mut schemars::SchemaGenerator) -> Vec<super::Branch> {
    let shape = schema::of::<Config>(generator);
    KIND.type_names.iter().map(|name| (vec![("type", *name)], shape.clone())).collect()
}

fn read(section: &mut Section<'_>) -> Option<Entry> {
    let before = section.findings.len();
    let config: Config = section::read(section.document, section.pointer, section.value, section.findings)?;
    config.check(section);
    (section.findings[before..].iter().all(|finding| finding.level < Level::Error))
        .then(|| Entry::Idp(Arc::new(config)))
}

/// An opened directory.
pub struct LdapConnector(Arc<Core>);

/// What every request to the directory shares.
struct Core {
    config: Arc<Config>,
    service_password: Secret<String>,
    servers: Servers,
    throttle: Throttle,
    sign_ins: Semaphore,
    waiting: AtomicUsize,
    custom: Option<CustomEndpoint>,
    clock: Clock,
    entropy: Entropy,
    runtime: tokio::runtime::Handle,
    own: Weak<Core>,
}

impl LdapConnector {
    pub(super) fn open(config: Arc<Config>, opening: &Opening<'_>) -> Result<Arc<dyn Connector>, String> {
        let password = config.service_password().ok_or("there is no `bindPassword`")?;
        let service_password = opening.keyring.open(password).ok_or("a secret was not unlocked")?;
        if service_password.expose().is_empty() || config.service_account().is_empty() {
            return Err("the service account needs a name and a password: without one the directory would take us for nobody".into());
        }
        let custom = match config.common.health_check.as_ref().and_then(|c| c.custom_endpoint.as_ref()) {
            Some(custom) => Some(super::custom_endpoint(custom, opening)?),
            None => None,
        };
        let tls = super::open::stream_tls(opening.tls)?;
        let targets = config.addresses().map(|address| {
            let address = address?;
            let protection = match (address.tls, opening.tls) {
                (true, _) => Protection::Tls,
                (false, Some(_)) => Protection::StartTls,
                (false, None) => Protection::None,
            };
            Ok(Target { address, protection, tls: tls.clone() })
        });
        let servers = Servers::new(targets.collect::<Result<_, String>>()?);
        Ok(Arc::new(LdapConnector(Arc::new_cyclic(|own| Core {
            service_password,
            servers,
            throttle: Throttle::default(),
            sign_ins: Semaphore::new(complete::SIGN_INS_MAX),
            waiting: AtomicUsize::new(0),
            custom,
            clock: opening.clock.clone(),
            entropy: opening.entropy.clone(),
            runtime: opening.blocking.clone(),
            own: own.clone(),
            config,
        }))))
    }

    /// Runs on the control runtime, where the connections live; ends with the future that waits for it.
    async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        AbortOnDropHandle::new(self.0.runtime.spawn(work)).await.ok()
    }
}

fn broke_off() -> Unwell {
    Unwell::new(Reason::ProbeCrashed, "the request broke off")
}

impl Core {
    /// A server answered.
    fn answered(&self, server: &Server) {
        if server.take_back() {
            let address = server.target.address.to_string();
            tracing::info!(event = "ldap.server.back", connector = self.config.common.name, server = address, "a server of the directory serves again");
        }
    }

    /// A server did not answer as one that is well: others serve instead, until it does. What it says to one search
    /// alone puts it aside for nobody, since a person chose the words.
    fn failed(&self, server: &Arc<Server>, trouble: &Trouble) {
        let Trouble::Unwell(unwell) = trouble else { return };
        if unwell.reason == Reason::OurLimit || !server.put_aside() {
            return;
        }
        let address = server.target.address.to_string();
        tracing::warn!(event = "ldap.server.aside", connector = self.config.common.name, server = address, reason = unwell.reason.code(), detail = unwell.detail, "a server of the directory is put aside");
        let task = self.runtime.spawn(check::bring_back(self.own.clone(), server.clone()));
        server.mind(AbortOnDropHandle::new(task));
    }
}

impl Connector for LdapConnector {
    fn probe(&self, budget: Duration) -> Answer<'_, Verdict> {
        Box::pin(async move {
            if let Some(custom) = &self.0.custom {
                return custom.ask(budget).await;
            }
            self.run(check::probe(self.0.clone(), budget)).await.unwrap_or_else(|| Verdict::unwell(broke_off()))
        })
    }

    fn pre_flight(&self, budget: Duration) -> Answer<'_, Verdict> {
        Box::pin(async move {
            if let Some(custom) = &self.0.custom {
                return custom.ask(budget).await;
            }
            self.run(check::pre_flight(self.0.clone(), budget)).await.unwrap_or_else(|| Verdict::unwell(broke_off()))
        })
    }

    fn check(&self, budget: Duration) -> Answer<'_, Verdict> {
        Box::pin(async move {
            self.run(check::check(self.0.clone(), budget)).await.unwrap_or_else(|| Verdict::unwell(broke_off()))
        })
    }

    fn keep_fresh(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.0.servers.list.iter().for_each(|server| server.pool.tidy());
        })
    }

    fn begin<'a>(&'a self, _: &'a BeginRequest) -> Answer<'a, Result<Begin, Fault>> {
        Box::pin(async move {
            Ok(Begin::AskPassword { action: self.0.config.login_url().to_owned(), kept: Kept::new() })
        })
    }

    fn complete<'a>(&'a self, request: CompleteRequest<'a>) -> Answer<'a, Result<Identity, Fault>> {
        Box::pin(async move {
            let Input::Password { username, password } = request.input else {
                return Err(Fault::Rejected("this connector takes a user name and a password".into()));
            };
            let work = complete::complete(self.0.clone(), username.to_owned(), password.clone());
            self.run(work).await.unwrap_or_else(|| Err(Fault::Unwell(broke_off())))
        })
    }

    fn look_up<'a>(&'a self, username: &'a str) -> Answer<'a, Result<Map<String, Value>, Fault>> {
        Box::pin(async move {
            let (core, name) = (self.0.clone(), username.to_owned());
            let work = async move {
                let deadline = tokio::time::Instant::now() + Duration::from_millis(complete::SIGN_IN_MILLIS_MAX);
                let (server, sought) = person::seek(&core, &name, deadline).await?;
                // Only of somebody who is certainly not there it is known that there is nothing: a rule that asks for
                // what a person lacks must not hold for whom we did not find, or found in another's place.
                let words = match sought {
                    Sought::One(mut entry) if person::is_called(&core.config, &entry, &name) => {
                        person::fill(&core, &server, &mut entry, deadline).await?;
                        return person::seen(&core.config, &entry);
                    }
                    Sought::Nobody => return Ok(Map::new()),
                    Sought::One(_) => "the directory finds an entry that has another name".into(),
                    Sought::Several => "several entries have the name".into(),
                    Sought::Uncertain(words) => words.into(),
                    Sought::Unreadable(unwell) => unwell.detail,
                };
                Err(Fault::Rejected(words))
            };
            self.run(work).await.unwrap_or_else(|| Err(Fault::Unwell(broke_off())))
        })
    }
}
