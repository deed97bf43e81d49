//! The linked deployment: every name resolved, made by [`link`] and in no other way.

pub mod app;
pub mod attributes;
pub mod codes;
pub mod continuity;
pub mod fleet;
pub mod idp;
pub mod link;
pub mod manner;
pub mod read;
pub mod rules;
pub mod schema;
pub mod tier;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use app::App;
pub use continuity::Continuity;
pub use fleet::Fleet;
pub use idp::{Idp, IdpIndex};
pub use read::{Reading, read};

use crate::config::health::{Admin, Health};
use crate::config::http::Http;
use crate::config::logger::Logger;
use crate::config::session::Session;
use crate::config::tls::Profile;
use crate::config::yaml::Document;
use crate::connector::open::Parts;
use crate::value::NonEmpty;

/// A whole deployment. No name in it is unresolved; there is no second check later on.
#[derive(Debug)]
pub struct Deployment {
    /// The file, for labels.
    pub document: Arc<Document>,
    /// Label of the configuration.
    pub version: Option<String>,
    /// The listener.
    pub http: Http,
    /// TLS profiles by name.
    pub tls: BTreeMap<String, Profile>,
    /// Sessions.
    pub session: Session,
    /// The log.
    pub logger: Logger,
    /// The status endpoint.
    pub health: Health,
    /// The admin listener, when the file has it.
    pub admin: Option<Admin>,
    /// Identity providers, in the order of the file.
    pub idps: Vec<Idp>,
    /// Continuity connectors, in the order of the file.
    pub continuity: Vec<Continuity>,
    /// Applications, in the order of the file.
    pub apps: Vec<App>,
    /// The OpenID provider, when an app needs it.
    pub oidc_provider: Option<app::OidcProvider>,
    /// Where people end their session here and at every provider of it.
    pub single_logout: Option<app::Logout>,
}

/// What an `idps` entry may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderRef {
    /// One provider.
    Idp(IdpIndex),
    /// Continuity over several.
    Continuity(ContinuityIndex),
}

/// Place of a continuity connector in [`Deployment::continuity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContinuityIndex(pub usize);

/// Who signs people in to an app or a location.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// In order.
    pub providers: NonEmpty<ProviderRef>,
    /// No provider below it serves here.
    pub minimum_assurance: Option<u8>,
}

/// A provider that may serve a sign-in, and the continuity connector it serves through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The provider.
    pub idp: IdpIndex,
    /// Through which continuity connector.
    pub through: Option<ContinuityIndex>,
}

impl Deployment {
    /// A provider.
    pub fn idp(&self, index: IdpIndex) -> &Idp {
        &self.idps[index.0]
    }

    /// Whether flapping raises the healthy threshold of a provider: unless a continuity connector over it says no.
    pub fn is_damped(&self, index: IdpIndex) -> bool {
        self.continuity
            .iter()
            .filter(|group| group.members.iter().any(|m| *m == index))
            .all(|group| group.damped)
    }

    /// A continuity connector.
    pub fn continuity(&self, index: ContinuityIndex) -> &Continuity {
        &self.continuity[index.0]
    }

    /// How the continuity connectors a provider is a member of ask before a sign-in.
    pub fn pre_flights(
        &self,
        index: IdpIndex,
    ) -> impl Iterator<Item = &crate::connector::continuity::config::PreFlight> {
        let groups = self.continuity.iter().filter(move |group| group.members.as_slice().contains(&index));
        groups.map(|group| &group.pre_flight)
    }

    /// The providers of a sign-in in order, continuity connectors replaced by their members, each provider
    /// at its first place.
    pub fn candidates(&self, sign_in: &SignIn) -> Vec<Candidate> {
        let mut out: Vec<Candidate> = Vec::new();
        let mut push = |candidate: Candidate| {
            if !out.iter().any(|have| have.idp == candidate.idp) {
                out.push(candidate);
            }
        };
        for provider in &sign_in.providers {
            match *provider {
                ProviderRef::Idp(idp) => push(Candidate { idp, through: None }),
                ProviderRef::Continuity(through) => {
                    for idp in &self.continuity(through).members {
                        push(Candidate { idp: *idp, through: Some(through) });
                    }
                }
            }
        }
        out
    }

    /// The name an `idps` entry was written with.
    pub fn provider_name(&self, provider: ProviderRef) -> &str {
        match provider {
            ProviderRef::Idp(index) => self.idp(index).name.as_str(),
            ProviderRef::Continuity(index) => self.continuity(index).name.as_str(),
        }
    }

    /// What `connector::open` needs of each provider, in order.
    pub fn to_open(&self) -> impl Iterator<Item = Parts<'_>> {
        self.idps.iter().map(|idp| {
            let profile = |name: &str| self.tls.get(name);
            let check = idp.config.common().health_check.as_ref();
            let custom = check.and_then(|c| c.custom_endpoint.as_ref()).and_then(|c| c.tls.as_deref());
            Parts {
                config: idp.config.clone(),
                section: self.document.root.pointer(&idp.pointer).unwrap_or(&serde_json::Value::Null),
                tls: idp.tls.as_ref().and_then(|t| profile(t.as_str())),
                custom_tls: custom.and_then(profile),
            }
        })
    }

    /// Every secret the deployment refers to.
    pub fn secret_references(&self) -> Vec<&crate::value::SecretRef> {
        use crate::value::SecretText;
        let mut texts: Vec<&SecretText> =
            self.idps.iter().flat_map(|idp| idp.config.secrets()).map(|(_, text)| text).collect();
        for app in &self.apps {
            if let App::Oidc(app) = app {
                texts.extend(&app.secrets);
            }
        }
        for key in self.oidc_provider.iter().flat_map(|p| &p.keys) {
            if let app::KeyMaterial::Pem(text) = &key.material {
                texts.push(text);
            }
        }
        texts.extend(self.admin.as_ref().and_then(|admin| admin.token.as_ref()));
        if let Some(seal) = &self.session.encryption {
            texts.push(&seal.keys.current);
            texts.extend(&seal.keys.old);
        }
        texts
            .into_iter()
            .filter_map(|text| match text {
                SecretText::Reference(reference) => Some(reference),
                SecretText::Inline(_) => None,
            })
            .collect()
    }

    /// Two members of which one leaves the authentication to a provider and the other asks for a password
    /// itself, while one of all members does not say how strong it is.
    pub fn unequal_members(&self, group: &Continuity) -> Option<(IdpIndex, IdpIndex)> {
        use crate::connector::facts::Protocol;
        let asks_for_password =
            |index: &&IdpIndex| matches!(self.idp(**index).facts.protocol, Protocol::Ldap | Protocol::Local);
        let silent = group.members.iter().any(|index| self.idp(*index).assurance.is_none());
        let password = group.members.iter().find(asks_for_password)?;
        let federated = group.members.iter().find(|index| !asks_for_password(index))?;
        silent.then_some((*federated, *password))
    }

    /// Every address that ends a session: that of the single logout, and those of apps with their place.
    pub fn logouts(&self) -> impl Iterator<Item = (Option<usize>, &app::Logout)> {
        let of_apps = self.apps.iter().enumerate().filter_map(|(i, app)| match app {
            App::Proxy(app) => Some((Some(i), app.logout.as_ref()?)),
            App::Oidc(_) => None,
        });
        self.single_logout.iter().map(|logout| (None, logout)).chain(of_apps)
    }

    /// What an operator should know at every start.
    pub fn start_warnings(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.logouts().next().is_some() || self.oidc_provider.is_some() {
            for idp in &self.idps {
                if idp.facts.protocol.keeps_sessions() && idp.config.logout_callbacks().is_empty() {
                    out.push(format!(
                        "connector `{}` has no address to return to after a logout (`oidcLogoutCallbackURL`, `samlLogoutCallbackURL`): people who sign out are told that their session there may still be open",
                        idp.name
                    ));
                }
            }
        }
        for idp in self.idps.iter().filter(|idp| idp.config.landing().is_some()) {
            out.push(format!(
                "connector `{}` takes sign-ins that the provider begins: each node remembers by itself which answers were used, so that with several nodes one works once on each",
                idp.name
            ));
        }
        for group in self.continuity.iter().filter(|g| g.members.as_slice().len() > 1) {
            if group.identity.is_none() {
                out.push(format!(
                    "continuity connector `{}` has no identity.attribute: the subject differs by the member that serves",
                    group.name
                ));
            }
            if self.unequal_members(group).is_some() {
                out.push(format!(
                    "the members of continuity connector `{}` differ in kind and have no `assurance`: an outage may lower how people are authenticated",
                    group.name
                ));
            }
        }
        for group in &self.continuity {
            for member in group.members.as_slice().iter().map(|member| self.idp(*member)) {
                let check = member.config.common().health_check.as_ref();
                if !check.is_some_and(|check| check.enabled) {
                    out.push(format!(
                        "`{}`, a member of continuity connector `{}`, is not watched (`healthCheck.enabled`): it counts as well until a login finds out otherwise",
                        member.name, group.name
                    ));
                }
            }
        }
        for (name, profile) in &self.tls {
            if profile.insecure_skip_verify {
                out.push(format!("TLS profile `{name}` verifies nothing (insecureSkipVerify)"));
            }
        }
        out
    }

    /// A proxied app whose upstream is what listens on `address` (`host:port`), as far as names tell.
    pub fn proxy_to(&self, address: &str) -> Option<&app::ProxyApp> {
        self.apps.iter().find_map(|app| match app {
            App::Proxy(proxy) if link::admin::leads_to(proxy.upstream.url(), address) => Some(&**proxy),
            _ => None,
        })
    }

    /// Public URLs whose scheme says whether people reach us over https: callbacks and the issuer.
    pub fn public_urls(&self) -> Vec<crate::value::WebUrl> {
        let callbacks = self.idps.iter().flat_map(|idp| idp.config.callbacks());
        let mut urls: Vec<_> = callbacks
            .filter_map(|c| match c {
                crate::connector::CallbackAddress::Url(url) => Some(url),
                crate::connector::CallbackAddress::Path(_) => None,
            })
            .collect();
        urls.extend(self.oidc_provider.as_ref().map(|p| p.issuer.clone()));
        urls
    }

    /// Whether the session cookie is `Secure`: unless switched off, or every public URL is http.
    pub fn cookies_are_secure(&self) -> bool {
        let cookie = &self.session.cookie;
        let urls = self.public_urls();
        let all_plain = if urls.is_empty() {
            self.http.tls.is_none() && self.http.hosts.is_none()
        } else {
            urls.iter().all(|u| !u.is_https())
        };
        !cookie.disable_secure.or(cookie.disable_secure_cookie).unwrap_or(all_plain)
    }
}
