//! Which sign-ins of a session count now, for an app or a policy: the one decision, for whether somebody is signed in,
//! and for everything that rules, headers and claims read of the person.

use serde_json::{Map, Value};

use super::{Authentication, Session};
use crate::model::rules::Attributes;
use crate::model::{Deployment, IdpIndex, ProviderRef, SignIn};
use crate::serve::state::State;

/// The sign-ins of a session that count, for as long as one request asks. A session keeps the others too, for the
/// logout; what they said is neither "yes" nor "no" any more.
pub struct Counting<'s> {
    deployment: &'s Deployment,
    /// In the order of the session: the newest is the last.
    sign_ins: Vec<(&'s Authentication, IdpIndex)>,
}

impl<'s> Counting<'s> {
    /// Those whose provider still vouches for the person, is still there with the same people, and is at least as
    /// strong as `sign_in` asks. Nothing without a session.
    pub fn now(state: &'s State, session: Option<&'s Session>, sign_in: Option<&SignIn>) -> Self {
        let least = sign_in.and_then(|sign_in| sign_in.minimum_assurance);
        let all = session.map(|session| session.authentications.as_slice()).unwrap_or_default();
        let sign_ins = all.iter().filter_map(|authentication| {
            // The clock is read only for the few that have an end of their own.
            let lasts = authentication.until.is_none_or(|until| state.now() < until);
            let provider = state.provider_of(authentication).filter(|_| lasts)?;
            let assurance = state.deployment.idp(provider).assurance;
            let strong = least.is_none_or(|least| assurance.is_some_and(|have| have >= least));
            strong.then_some((authentication, provider))
        });
        Counting { deployment: &state.deployment, sign_ins: sign_ins.collect() }
    }

    /// The newest that serves what an app or a policy asks for, and the voice it speaks with there: the provider's
    /// own name, or the continuity connector it came through. A sign-in at a member by itself does not speak for a
    /// continuity connector: it has neither its attributes nor its subject.
    pub fn serving(&self, sign_in: &SignIn) -> Option<(&'s Authentication, &'s str)> {
        // Almost always one authentication against a handful of names.
        self.sign_ins.iter().rev().find_map(|(authentication, provider)| {
            let names = sign_in.providers.iter().filter(|asked| self.speaks_for(*provider, **asked));
            let mut names = names.map(|asked| self.deployment.provider_name(*asked));
            // A sign-in has attributes under its provider's name and under the connector it came through. With a part
            // of the provider's own it speaks only for that connector, which found in them what it needs.
            let has = |name: &&str| {
                authentication.attributes.contains_key(*name)
                    && (authentication.is_whole || *name != authentication.idp)
            };
            Some((*authentication, names.find(has)?))
        })
    }

    fn speaks_for(&self, provider: IdpIndex, asked: ProviderRef) -> bool {
        match asked {
            ProviderRef::Idp(index) => index == provider,
            ProviderRef::Continuity(index) => {
                self.deployment.continuity(index).members.iter().any(|member| *member == provider)
            }
        }
    }

    /// The newest sign-in that is read under this name, and what is read.
    fn heard(&self, connector: &str) -> Option<(&'s Authentication, &'s Map<String, Value>)> {
        let heard = self.sign_ins.iter().rev().filter(|(_, provider)| self.is_heard_as(*provider, connector));
        heard.into_iter().find_map(|(authentication, _)| {
            let authentication = *authentication;
            Some((authentication, authentication.attributes.get(connector)?))
        })
    }

    /// Whether what a provider said may be read under this name: its own, or that of a continuity connector that
    /// still has it as a member.
    fn is_heard_as(&self, provider: IdpIndex, connector: &str) -> bool {
        let deployment = self.deployment;
        deployment.idp(provider).name.as_str() == connector
            || deployment.continuity.iter().any(|group| {
                group.name.as_str() == connector && group.members.iter().any(|member| *member == provider)
            })
    }
}

impl Attributes for Counting<'_> {
    fn of(&self, connector: &str) -> Option<&Map<String, Value>> {
        self.heard(connector).map(|(_, attributes)| attributes)
    }

    fn is_whole(&self, connector: &str) -> bool {
        let Some((authentication, _)) = self.heard(connector) else { return true };
        if authentication.idp == connector {
            return authentication.is_whole;
        }
        let group = self.deployment.continuity.iter().find(|group| group.name.as_str() == connector);
        group.is_some_and(|group| group.words == authentication.words)
    }
}
