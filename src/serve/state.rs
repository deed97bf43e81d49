//! What every part of the running server shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;

use crate::ambient::{Clock, Entropy, Millis, UnixSecs};
use crate::connector::Connector;
use crate::connector::open::Opened;
use crate::model::{Deployment, IdpIndex, ProviderRef, SignIn};
use crate::net::Client;
use crate::secrets::Keyring;
use crate::serve::app::oidc::Provider;
use crate::serve::cache::Memory;
use crate::serve::continuity::Board;
use crate::serve::edge::forwarded::Trusted;
use crate::serve::edge::router::Router;
use crate::serve::fittings::{Fittings, UpstreamTls};
use crate::serve::login;
use crate::serve::logout::{Logouts, relay::Relay};
use crate::serve::run::StartError;
use crate::serve::session::cookie::CookieSettings;
use crate::serve::session::lifetime::Limits;
use crate::serve::session::seal::Sealer;
use crate::serve::session::{Authentication, Session, SessionKey, Store};
use crate::serve::telemetry::requests::Handles;
use crate::serve::telemetry::{EventCounts, Telling};

/// What a server stands in.
#[derive(Clone)]
pub struct Surroundings {
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Entropy,
    /// The control runtime: probes, calls to providers, housekeeping.
    pub control: Handle,
    /// Calls to relying parties.
    pub client: Client,
    /// What the log counts.
    pub counts: EventCounts,
    /// Name of this node.
    pub node: String,
}

/// Shared by all threads; nothing in it changes but by its own rules. A reload makes another one, which shares
/// with this one everything that outlives a configuration.
pub struct State {
    /// What was configured.
    pub deployment: Arc<Deployment>,
    /// Opened providers, in the order of the deployment.
    pub connectors: Vec<Arc<dyn Connector>>,
    /// The same, with what they were opened from.
    pub opened: Vec<Opened>,
    /// Client TLS towards the upstream of each app, in the order of the deployment.
    pub upstream_tls: Vec<UpstreamTls>,
    /// Opened secrets.
    keyring: Keyring,
    /// Their state.
    pub board: Arc<Board>,
    /// Signed-in browsers.
    pub sessions: Arc<Store>,
    /// How cookies are set.
    pub cookies: CookieSettings,
    /// Seals pending sign-ins.
    pub sealer: Arc<Sealer>,
    /// Codes and tokens. Only who signed in gets one in.
    pub cache: Arc<Memory>,
    /// Sign-ins that came to their end. Apart, because anybody can begin one and end it: a flood of them pushes out
    /// nothing else.
    pub spent: Arc<Memory>,
    /// What worked once and must not again. Apart, because only verified things get here: a flood of anything else
    /// pushes none of them out.
    pub once: Arc<Memory>,
    /// Posted answers that wait to be fetched. Apart, because anybody can post one.
    pub held: Arc<Memory>,
    /// What logouts need beside the sessions.
    pub logouts: Arc<Logouts>,
    /// Which account at a provider had an identity last. Apart, because it lives long.
    pub accounts: Arc<Memory>,
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
    /// Where events go.
    pub telling: Arc<Telling>,
    /// Where answers are counted.
    pub requests: Handles,
    /// Name of this node.
    pub node: String,
    /// When it started.
    pub started: Millis,
    /// From SIGTERM on.
    pub draining: Arc<AtomicBool>,
    /// While an operator wants it, apart from the above: a node that stops does not come back.
    pub drained: Arc<AtomicBool>,
}

impl State {
    /// The state of a server that starts.
    pub fn first(fittings: Fittings, surroundings: &Surroundings) -> Result<Self, StartError> {
        let Surroundings { clock, entropy, control, client, counts, node } = surroundings;
        let sealer = match sealer(&fittings, entropy)? {
            Some(sealer) => sealer,
            None => Sealer::random(entropy),
        };
        let telling = Arc::new(Telling::new(counts, clock.clone()));
        let board = Board::new(&fittings.deployment, &fittings.opened, &telling, clock, control);
        let session = &fittings.deployment.session;
        let sessions = Store::new(session.store.local.capacity, Limits::of(&session.lifetime));
        let kept = Kept {
            board: Arc::new(board),
            sessions: Arc::new(sessions),
            sealer: Arc::new(sealer),
            cache: Arc::default(),
            spent: Arc::new(Memory::with_room(login::pending::SPENT_MAX)),
            once: Arc::new(Memory::with_room(login::finish::ONCE_MAX)),
            held: Arc::new(Memory::with_room(login::held::HELD_MAX)),
            logouts: Arc::new(Logouts::new(Relay::new(client.clone(), control.clone()))),
            accounts: Arc::new(Memory::with_room(login::finish::ACCOUNTS_MAX)),
            telling,
            node: node.clone(),
            started: clock.millis(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            draining: Arc::default(),
            drained: Arc::default(),
        };
        State::new(fittings, kept)
    }

    /// The state of a server that goes on with another configuration.
    pub fn after(fittings: Fittings, before: &State) -> Result<Self, StartError> {
        let random = before.deployment.session.encryption.is_none();
        let sealer = match sealer(&fittings, &before.entropy)? {
            // Sign-ins under way were sealed with a key that only this process knows, and nobody has lost.
            Some(sealer) if random => Arc::new(sealer.opens_also(&before.sealer)),
            Some(sealer) => Arc::new(sealer),
            None if random => before.sealer.clone(),
            None => Arc::new(Sealer::random(&before.entropy)),
        };
        let board = before.board.after(&fittings.deployment, &fittings.opened);
        let session = &fittings.deployment.session;
        let (capacity, limits) = (session.store.local.capacity, Limits::of(&session.lifetime));
        let kept = Kept {
            board: Arc::new(board),
            sessions: before.sessions.clone(),
            sealer,
            cache: before.cache.clone(),
            spent: before.spent.clone(),
            once: before.once.clone(),
            held: before.held.clone(),
            logouts: before.logouts.clone(),
            accounts: before.accounts.clone(),
            telling: before.telling.clone(),
            node: before.node.clone(),
            started: before.started,
            clock: before.clock.clone(),
            entropy: before.entropy.clone(),
            draining: before.draining.clone(),
            drained: before.drained.clone(),
        };
        let state = State::new(fittings, kept)?;
        // The last thing, because it cannot be taken back.
        state.sessions.resize(capacity, limits);
        Ok(state)
    }

    fn new(fittings: Fittings, kept: Kept) -> Result<Self, StartError> {
        let deployment = fittings.deployment;
        let oidc = match &deployment.oidc_provider {
            Some(config) => {
                let opened = Provider::open(&deployment, config, &fittings.keyring)
                    .map_err(StartError::Environment)?;
                (!opened.clients.is_empty()).then_some(opened)
            }
            None => None,
        };
        let cookie = &deployment.session.cookie;
        Ok(State {
            cookies: CookieSettings {
                name: cookie.name.clone(),
                domain: cookie.domain.as_ref().map(|d| d.trim_start_matches('.').to_owned()),
                secure: deployment.cookies_are_secure(),
                http_only: !cookie.disable_http_only.or(cookie.disable_http_only_cookie).unwrap_or(false),
            },
            router: Router::new(&deployment),
            trusted: Trusted::new(&deployment.http.trusted_proxies),
            connectors: fittings.opened.iter().map(|opened| opened.connector.clone()).collect(),
            opened: fittings.opened,
            upstream_tls: fittings.upstream_tls,
            keyring: fittings.keyring,
            oidc,
            board: kept.board,
            sessions: kept.sessions,
            sealer: kept.sealer,
            cache: kept.cache,
            spent: kept.spent,
            once: kept.once,
            held: kept.held,
            logouts: kept.logouts,
            accounts: kept.accounts,
            requests: Handles::resolve(&kept.telling.metrics.requests, &deployment),
            telling: kept.telling,
            node: kept.node,
            started: kept.started,
            clock: kept.clock,
            entropy: kept.entropy,
            draining: kept.draining,
            drained: kept.drained,
            deployment,
        })
    }

    /// Secrets that a reload cannot take over, and whether they are others now: that of the admin listener, and
    /// the keys that sign what is kept over a restart.
    pub fn secrets_changed(&self, deployment: &Deployment, keyring: &Keyring) -> [(&'static str, bool); 2] {
        let token = |deployment: &Deployment, keyring: &Keyring| {
            let admin = deployment.admin.as_ref()?;
            admin.token.as_ref().and_then(|text| keyring.open(text)).map(|secret| secret.expose().clone())
        };
        let keys = |deployment: &Deployment, keyring: &Keyring| {
            let keys = &deployment.session.encryption.as_ref()?.keys;
            let all = std::iter::once(&keys.current).chain(&keys.old);
            Some(all.filter_map(|text| keyring.open(text)).map(|s| s.expose().clone()).collect::<Vec<_>>())
        };
        let before = (&*self.deployment, &self.keyring);
        [
            ("admin.token", token(before.0, before.1) != token(deployment, keyring)),
            ("session.encryption, for --state-dir", keys(before.0, before.1) != keys(deployment, keyring)),
        ]
    }

    /// Now.
    pub fn now(&self) -> UnixSecs {
        self.clock.unix()
    }

    /// Whether the status endpoint should send balancers away.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed) || self.drained.load(Ordering::Relaxed)
    }

    /// The session of a request, if it has a living one.
    pub fn session(&self, headers: &http::HeaderMap) -> Option<(SessionKey, Arc<Session>)> {
        let now = self.now();
        crate::serve::session::cookie::values(headers, &self.cookies.name)
            .find_map(|value| self.sessions.find(value, now))
    }

    /// The provider of a sign-in, while the deployment still has it: a sign-in at a provider that was removed, or
    /// whose name belongs to other people now, does not count any more.
    pub fn provider_of(&self, authentication: &Authentication) -> Option<IdpIndex> {
        let same =
            |opened: &Opened| opened.name == authentication.idp && opened.realm == authentication.realm;
        self.opened.iter().position(same).map(IdpIndex)
    }

    /// The sign-in of a session that satisfies what an app or a policy asks for, and the voice it speaks with
    /// there: the provider's own name, or the continuity connector it came through. A sign-in at a member by
    /// itself does not speak for a continuity connector: it has neither its attributes nor its subject.
    pub fn satisfied<'s>(
        &'s self,
        session: &'s Session,
        sign_in: &SignIn,
    ) -> Option<(&'s Authentication, &'s str)> {
        let counts = |authentication: &&Authentication| {
            // The clock is read only for the few that have an end of their own.
            authentication.until.is_none_or(|until| self.now() < until)
        };
        // Almost always one authentication against a handful of names.
        session.authentications.iter().rev().filter(counts).find_map(|authentication| {
            let provider = self.provider_of(authentication)?;
            let assurance = self.deployment.idp(provider).assurance;
            let strong =
                sign_in.minimum_assurance.is_none_or(|least| assurance.is_some_and(|have| have >= least));
            let voice = self.voice(sign_in, authentication, provider).filter(|_| strong)?;
            Some((authentication, voice))
        })
    }

    fn voice(&self, sign_in: &SignIn, authentication: &Authentication, idp: IdpIndex) -> Option<&str> {
        let speaks = |asked: &&ProviderRef| match **asked {
            ProviderRef::Idp(index) => index == idp,
            ProviderRef::Continuity(index) => {
                self.deployment.continuity(index).members.iter().any(|member| *member == idp)
            }
        };
        let names =
            sign_in.providers.iter().filter(speaks).map(|asked| self.deployment.provider_name(*asked));
        // A sign-in has attributes under its provider's name and under the connector it came through.
        names.into_iter().find(|name| authentication.attributes.contains_key(*name))
    }
}

/// What outlives a configuration.
struct Kept {
    board: Arc<Board>,
    sessions: Arc<Store>,
    sealer: Arc<Sealer>,
    cache: Arc<Memory>,
    spent: Arc<Memory>,
    once: Arc<Memory>,
    held: Arc<Memory>,
    logouts: Arc<Logouts>,
    accounts: Arc<Memory>,
    telling: Arc<Telling>,
    node: String,
    started: Millis,
    clock: Clock,
    entropy: Entropy,
    draining: Arc<AtomicBool>,
    drained: Arc<AtomicBool>,
}

/// The sealer that is configured, if one is.
fn sealer(fittings: &Fittings, entropy: &Entropy) -> Result<Option<Sealer>, StartError> {
    let Some(seal) = &fittings.deployment.session.encryption else { return Ok(None) };
    let open = |text| fittings.keyring.open(text);
    let current = open(&seal.keys.current);
    let old: Option<Vec<_>> = seal.keys.old.iter().map(open).collect();
    let missing = || StartError::Environment("session.encryption: a secret was not unlocked".into());
    Sealer::new(&current.ok_or_else(missing)?, &old.ok_or_else(missing)?, entropy)
        .map(Some)
        .map_err(|e| StartError::Configuration(format!("session.encryption: {e}")))
}
