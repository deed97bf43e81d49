//! Host and path to whoever answers (language reference 5.1). Built once for each deployment.

use std::collections::{HashMap, HashSet};

use super::context::host_of;
use crate::connector::CallbackAddress;
use crate::model::app::{App, ProxyApp};
use crate::model::{Deployment, IdpIndex};
use crate::value::WebUrl;

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The status endpoint.
    Status,
    /// Discovery document.
    Discovery,
    /// Key set.
    Jwks,
    /// Authorization endpoint.
    Authorize,
    /// Token endpoint.
    Token,
    /// UserInfo endpoint.
    UserInfo,
    /// RP-initiated logout.
    EndSession,
    /// Where a person signs out: the single logout, or the own logout of an app by its place in the deployment.
    Logout(Option<usize>),
    /// The return from a logout at a provider; the state says from which.
    LogoutCallback,
    /// Where a provider announces a logout.
    LogoutReceived(IdpIndex),
    /// A connector's callback; several connectors may share it, the state says whose it is.
    Callback(IdpIndex),
    /// A proxied app, by its place in the deployment.
    Proxy(usize),
}

/// The routes of a deployment.
#[derive(Debug)]
pub struct Router {
    status: String,
    endpoints: HashMap<String, Vec<(Option<String>, Route)>>,
    /// Hosts that some route pattern names: there, endpoints answer only under their own host.
    named_hosts: HashSet<String>,
    proxies: Vec<(Option<String>, String, usize)>,
}

impl Router {
    /// Of a deployment.
    pub fn new(deployment: &Deployment) -> Self {
        let mut endpoints: HashMap<String, Vec<(Option<String>, Route)>> = HashMap::new();
        let mut add = |host: Option<&WebUrl>, path: &str, route: Route| {
            let list = endpoints.entry(path.to_owned()).or_default();
            let host = host.map(WebUrl::authority);
            if !list.iter().any(|(h, _)| *h == host) {
                list.push((host, route));
            }
        };
        if let Some(provider) = &deployment.oidc_provider {
            let e = &provider.endpoints;
            for path in discovery_paths(&provider.issuer) {
                add(Some(&provider.issuer), &path, Route::Discovery);
            }
            for (url, route) in [
                (Some(&e.auth), Route::Authorize),
                (Some(&e.token), Route::Token),
                (Some(&e.jwks), Route::Jwks),
                (Some(&e.userinfo), Route::UserInfo),
                (Some(&e.end_session), Route::EndSession),
                (e.well_known.as_ref(), Route::Discovery),
            ] {
                if let Some(url) = url {
                    add(Some(url), url.path(), route);
                }
            }
        }
        for (i, idp) in deployment.idps.iter().enumerate() {
            for callback in idp.config.callbacks() {
                match callback {
                    CallbackAddress::Url(url) => add(Some(&url), url.path(), Route::Callback(IdpIndex(i))),
                    CallbackAddress::Path(path) => add(None, &path, Route::Callback(IdpIndex(i))),
                }
            }
        }
        for (i, idp) in deployment.idps.iter().enumerate() {
            for url in idp.config.logout_callbacks() {
                add(Some(&url), url.path(), Route::LogoutCallback);
            }
            if let Some(url) = idp.config.logout_receiver() {
                add(Some(url), url.path(), Route::LogoutReceived(IdpIndex(i)));
            }
        }
        for (app, logout) in deployment.logouts() {
            match &logout.at {
                CallbackAddress::Url(url) => add(Some(url), url.path(), Route::Logout(app)),
                CallbackAddress::Path(path) => add(None, path, Route::Logout(app)),
            }
        }
        let mut proxies = Vec::new();
        let mut named_hosts = HashSet::new();
        for (i, app) in deployment.apps.iter().enumerate() {
            let App::Proxy(proxy) = app else { continue };
            for pattern in &proxy.routes {
                named_hosts.extend(pattern.host.as_deref().map(|h| host_of(h).to_owned()));
                proxies.push((pattern.host.clone(), pattern.path.clone(), i));
            }
        }
        // Patterns with a host first, then the longest path.
        proxies.sort_by_key(|(host, path, _)| (host.is_none(), std::cmp::Reverse(path.len())));
        Router { status: deployment.health.location.clone(), endpoints, named_hosts, proxies }
    }

    /// Whether a host (with its port, where it is not the scheme's own) is one of ours: named by an endpoint's
    /// address or by a route.
    pub fn is_ours(&self, authority: &str) -> bool {
        self.named_hosts.contains(host_of(authority))
            || self.endpoints.values().flatten().any(|(host, _)| host.as_deref() == Some(authority))
    }

    /// Who answers a canonical path on an authority (lower case, port as sent).
    pub fn find(&self, authority: &str, path: &str) -> Option<Route> {
        if path == self.status {
            return Some(Route::Status);
        }
        let host = host_of(authority);
        if let Some(list) = self.endpoints.get(path) {
            let exact =
                list.iter().find(|(h, _)| h.as_deref().is_some_and(|h| h == authority || host_of(h) == host));
            let anywhere = || list.iter().find(|(h, _)| h.is_none());
            let unnamed = || (!self.named_hosts.contains(host)).then(|| list.first()).flatten();
            if let Some((_, route)) = exact.or_else(anywhere).or_else(unnamed) {
                return Some(*route);
            }
        }
        self.proxies
            .iter()
            .find(|(h, prefix, _)| {
                let host_fits =
                    h.as_deref().is_none_or(|h| h == authority || (h == host && !h.contains(':')));
                let path_fits = path
                    .strip_prefix(prefix.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
                host_fits && path_fits
            })
            .map(|(_, _, app)| Route::Proxy(*app))
    }
}

/// Where the discovery document stands: the OpenID address below the issuer, and the RFC 8414 §3.1 addresses
/// with the issuer's path inserted.
fn discovery_paths(issuer: &WebUrl) -> Vec<String> {
    let path = issuer.path().trim_end_matches('/');
    let mut paths = vec![
        format!("{path}/.well-known/openid-configuration"),
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("/.well-known/openid-configuration{path}"),
        format!("{path}/.well-known/oauth-authorization-server"),
    ];
    paths.sort();
    paths.dedup();
    paths
}

/// The proxied app of a route.
pub fn proxy_app(deployment: &Deployment, index: usize) -> Option<&ProxyApp> {
    match deployment.apps.get(index)? {
        App::Proxy(app) => Some(app),
        App::Oidc(_) => None,
    }
}
