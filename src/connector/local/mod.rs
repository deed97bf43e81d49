//! `type: local` (ours): people in a file, passwords as argon2id. The last resort, and the demo.

pub mod complete;
pub mod config;
pub mod hash;
mod people;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::throttle::Throttle;
use super::{
    Answer, Begin, BeginRequest, CompleteRequest, Connector, Entry, Fault, Identity, Kept, Kind, Opening,
    Section,
};
use crate::ambient::Clock;
use crate::config::{schema, section};
use crate::health::http::CustomEndpoint;
use crate::health::Verdict;

use config::Config;
use people::People;

/// The line for the table.
pub static KIND: Kind = Kind { type_names: &["local"], schema: branches, read };

fn branches(generator: &mut schemars::SchemaGenerator) -> Vec<super::Branch> {
    vec![(vec![("type", "local")], schema::of::<Config>(generator))]
}

fn read(section: &mut Section<'_>) -> Option<Entry> {
    let config: Config = section::read(section.document, section.pointer, section.value, section.findings)?;
    Some(Entry::Idp(Arc::new(config)))
}

/// Opened: the people, and how often somebody guessed.
pub struct LocalConnector {
    config: Arc<Config>,
    people: People,
    throttle: Throttle,
    hashing: tokio::sync::Semaphore,
    waiting: std::sync::atomic::AtomicUsize,
    custom: Option<CustomEndpoint>,
    clock: Clock,
    blocking: tokio::runtime::Handle,
}

impl LocalConnector {
    pub(super) fn open(config: Arc<Config>, opening: &Opening<'_>) -> Result<Arc<dyn Connector>, String> {
        let people = People::open(&config.users_file)?;
        let custom = match config.common.health_check.as_ref().and_then(|c| c.custom_endpoint.as_ref()) {
            Some(custom) => Some(super::custom_endpoint(custom, opening)?),
            None => None,
        };
        Ok(Arc::new(LocalConnector {
            people,
            throttle: Throttle::default(),
            hashing: tokio::sync::Semaphore::new(complete::HASHES_MAX),
            waiting: std::sync::atomic::AtomicUsize::new(0),
            custom,
            clock: opening.clock.clone(),
            blocking: opening.blocking.clone(),
            config,
        }))
    }
}

impl Connector for LocalConnector {
    fn probe(&self, budget: std::time::Duration) -> Answer<'_, Verdict> {
        Box::pin(async move {
            if let Some(custom) = &self.custom {
                return custom.ask(budget).await;
            }
            match self.people.current() {
                Ok(people) => Verdict {
                    outcome: Ok(()),
                    phases: crate::net::Phases::default(),
                    facts: vec![(crate::health::fact::PEOPLE.into(), people.len().to_string())],
                },
                Err(unwell) => Verdict::unwell(unwell),
            }
        })
    }

    fn pre_flight(&self, budget: std::time::Duration) -> Answer<'_, Verdict> {
        self.probe(budget)
    }

    fn begin<'a>(&'a self, _: &'a BeginRequest) -> Answer<'a, Result<Begin, Fault>> {
        Box::pin(async move {
            self.people.current().map_err(Fault::Unwell)?;
            Ok(Begin::AskPassword { action: self.config.login_url.clone(), kept: Kept::new() })
        })
    }

    fn complete<'a>(&'a self, request: CompleteRequest<'a>) -> Answer<'a, Result<Identity, Fault>> {
        Box::pin(complete::complete(self, request))
    }

    fn look_up<'a>(&'a self, username: &'a str) -> Answer<'a, Result<Map<String, Value>, Fault>> {
        Box::pin(async move {
            let people = self.people.current().map_err(Fault::Unwell)?;
            match people.find_exactly(username) {
                // Nothing is to be concluded from what is known of whom nobody should let in.
                Some(person) if person.disabled => Err(Fault::Rejected("the person is disabled".into())),
                person => Ok(person.map(|p| p.attributes()).unwrap_or_default()),
            }
        })
    }
}
