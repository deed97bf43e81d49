//! What every part of the running server shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ambient::{Clock, Entropy, UnixSecs};
use crate::connector::Connector;
use crate::model::{Deployment, SignIn};
use crate::serve::app::oidc::Provider;
use crate::serve::cache::Memory;
use crate::serve::continuity::Board;
use crate::serve::edge::forwarded::Trusted;
use crate::serve::edge::router::Router;
use crate::serve::logout::Logouts;
use crate::serve::session::cookie::CookieSettings;
use crate::serve::session::seal::Sealer;
use crate::serve::session::{Authentication, Session, SessionKey, Store};

/// Shared by all threads; nothing in it changes but by its own rules.
pub struct State {
    /// What was configured.
    pub deployment: Arc<Deployment>,
    /// Opened providers, in the order of the deployment.
    pub connectors: Vec<Arc<dyn Connector>>,
    /// Their state.
    pub board: Arc<Board>,
    /// Signed-in browsers.
    pub sessions: Store,
    /// How cookies are set.
    pub cookies: CookieSettings,
    /// Seals pending sign-ins.
    pub sealer: Sealer,
    /// Codes, tokens, spent marks.
    pub cache: Memory,
    /// Posted answers that wait to be fetched. Apart, because anybody can post one.
    pub held: Memory,
    /// What logouts need beside the sessions.
    pub logouts: Logouts,
    /// The OpenID provider, when an app needs it.
    pub oidc: Option<Provider>,
    /// Who answers which path.
    pub router: Router,
    /// Whose forwarded headers are believed.
    pub trusted: Trusted,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Entropy,
    /// From SIGTERM on.
    pub draining: AtomicBool,
}

impl State {
    /// Now.
    pub fn now(&self) -> UnixSecs {
        self.clock.unix()
    }

    /// Whether the status endpoint should send balancers away.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The session of a request, if it has a living one.
    pub fn session(&self, headers: &http::HeaderMap) -> Option<(SessionKey, Arc<Session>)> {
        let now = self.now();
        crate::serve::session::cookie::values(headers, &self.cookies.name)
            .find_map(|value| self.sessions.find(value, now))
    }

    /// The sign-in of a session that satisfies what an app or a policy asks for, and the voice it speaks with
    /// there: the provider's own name, or the continuity connector it came through. A sign-in at a member by
    /// itself does not speak for a continuity connector: it has neither its attributes nor its subject.
    pub fn satisfied<'s>(
        &'s self,
        session: &'s Session,
        sign_in: &SignIn,
    ) -> Option<(&'s Authentication, &'s str)> {
        // Almost always one authentication against a handful of names.
        session.authentications.iter().rev().find_map(|authentication| {
            let strong = sign_in
                .minimum_assurance
                .is_none_or(|least| authentication.assurance.is_some_and(|have| have >= least));
            let voice = self.voice(sign_in, authentication).filter(|_| strong)?;
            Some((authentication, voice))
        })
    }

    fn voice(&self, sign_in: &SignIn, authentication: &Authentication) -> Option<&str> {
        sign_in.providers.iter().map(|provider| self.deployment.provider_name(*provider)).find(|name| {
            // A sign-in has attributes under its provider's name and under the connector it came through.
            authentication.attributes.contains_key(*name)
        })
    }
}
