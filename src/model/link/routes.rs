//! Addresses claimed twice: patterns of apps among themselves, and endpoints of ours.

use std::collections::BTreeMap;

use super::Linking;
use crate::connector::CallbackAddress;
use crate::model::app::{App, RoutePattern};
use crate::model::{Deployment, codes};
use crate::value::WebUrl;

pub(super) fn check(linking: &mut Linking<'_>, deployment: &Deployment) {
    let mut claimed: BTreeMap<(Option<String>, String), String> = BTreeMap::new();
    for app in &deployment.apps {
        let App::Proxy(proxy) = app else { continue };
        for (i, RoutePattern { host, path }) in proxy.routes.iter().enumerate() {
            let here = format!("{}/routePatterns/{i}", proxy.pointer);
            if let Some(first) = claimed.get(&(host.clone(), path.clone())) {
                let also = linking.document.value(first);
                linking
                    .at_value(&codes::ROUTE_CONFLICT, &here, "another app has this route already")
                    .related
                    .push((also, "here".into()));
            }
            claimed.entry((host.clone(), path.clone())).or_insert(here);
        }
    }
    logouts(linking, deployment);
    landings(linking, deployment);
    callbacks(linking, deployment);
    let Some(provider) = &deployment.oidc_provider else { return };
    let endpoints = &provider.endpoints;
    let named = [
        ("auth", &endpoints.auth),
        ("token", &endpoints.token),
        ("jwks", &endpoints.jwks),
        ("userinfo", &endpoints.userinfo),
        ("endSession", &endpoints.end_session),
    ];
    for (i, (name, url)) in named.iter().enumerate() {
        if let Some((other, _)) =
            named[..i].iter().find(|(_, o)| o.authority() == url.authority() && o.path() == url.path())
        {
            let words = format!("the endpoints `{other}` and `{name}` have one address");
            linking.at_key(&codes::ROUTE_CONFLICT, "/oidcProvider/discovery/endpoints", words);
        }
        if url.path() == deployment.health.location {
            let words = format!("the endpoint `{name}` has the address of the status endpoint");
            linking.at_key(&codes::ROUTE_CONFLICT, "/oidcProvider/discovery/endpoints", words);
        }
    }
}

/// Where people land whose sign-in the provider began: a page behind a sign-in of ours, or nobody gets in.
fn landings(linking: &mut Linking<'_>, deployment: &Deployment) {
    let is_page = |url: &WebUrl| {
        deployment.apps.iter().any(|app| {
            let App::Proxy(app) = app else { return false };
            let routed = app.routes.iter().any(|pattern| {
                let host = pattern.host.as_deref().is_none_or(|h| h == url.authority() || h == url.host());
                let rest = url.path().strip_prefix(pattern.path.as_str());
                host && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            routed && app.policies.find(url.path()).is_some_and(|policy| policy.sign_in.is_some())
        })
    };
    for idp in &deployment.idps {
        let Some((key, url)) = idp.config.landing().filter(|(_, url)| !is_page(url)) else { continue };
        let words = format!("`{key}` names {url}, which no proxied app of this file serves behind a sign-in");
        linking.at_value(&codes::MISSING_PART, &format!("{}/{key}", idp.pointer), words).help =
            Some("Name a page of a proxied app that asks for a sign-in.".into());
    }
}

/// Answers of providers may share an address among themselves, since their state says whose they are; and so may
/// password pages. One of each at one address cannot be told apart.
fn callbacks(linking: &mut Linking<'_>, deployment: &Deployment) {
    let path = |address: &CallbackAddress| match address {
        CallbackAddress::Url(url) => (Some(url.authority()), url.path().to_owned()),
        CallbackAddress::Path(path) => (None, path.clone()),
    };
    let meet = |a: &(Option<String>, String), b: &(Option<String>, String)| {
        a.1 == b.1 && (a.0.is_none() || b.0.is_none() || a.0 == b.0)
    };
    let addresses = |asks: bool| {
        deployment
            .idps
            .iter()
            .filter(move |idp| idp.facts.protocol.asks_for_password() == asks)
            .flat_map(|idp| idp.config.callbacks().into_iter().map(move |address| (idp, address)))
    };
    for (page, at) in addresses(true) {
        let Some((other, _)) = addresses(false).find(|(_, answers)| meet(&path(&at), &path(answers))) else {
            continue;
        };
        let also = linking.document.value(&other.pointer);
        let words =
            format!("the password page of `{}` has the address of answers to `{}`", page.name, other.name);
        let finding = linking.at_value(&codes::ROUTE_CONFLICT, &page.pointer, words);
        finding.related.push((also, "here".into()));
        finding.help = Some("Choose a path of its own with `loginURL`.".into());
    }
}

/// Addresses of logouts and of announced logouts: nothing else may answer there. Callbacks of sign-ins may share
/// an address among themselves, and so may returns from a logout; which one it is, their state says.
fn logouts(linking: &mut Linking<'_>, deployment: &Deployment) {
    type Address = (Option<String>, String);
    let of_url = |url: &WebUrl| (Some(url.authority()), url.path().to_owned());
    let of = |address: &CallbackAddress| match address {
        CallbackAddress::Url(url) => of_url(url),
        CallbackAddress::Path(path) => (None, path.clone()),
    };
    // A path alone is taken on every host.
    let meet = |a: &Address, b: &Address| a.1 == b.1 && (a.0.is_none() || b.0.is_none() || a.0 == b.0);
    let mut taken: Vec<(Address, String)> =
        vec![((None, deployment.health.location.clone()), "/health".into())];
    if let Some(provider) = &deployment.oidc_provider {
        let e = &provider.endpoints;
        for (name, url) in [
            ("auth", &e.auth),
            ("token", &e.token),
            ("jwks", &e.jwks),
            ("userinfo", &e.userinfo),
            ("endSession", &e.end_session),
        ] {
            let at = format!("/oidcProvider/discovery/endpoints/{name}");
            let written = linking.document.root.pointer(&at).is_some();
            taken.push((of_url(url), if written { at } else { provider.pointer.clone() }));
        }
    }
    for idp in &deployment.idps {
        taken.extend(idp.config.callbacks().iter().map(|address| (of(address), idp.pointer.clone())));
    }
    let mut conflict = |taken: &[(Address, String)], address: &Address, here: &str, what: &str| {
        let Some((_, first)) = taken.iter().find(|(have, _)| meet(have, address)) else { return };
        let also = linking.document.value(first);
        let words = format!("the address of {what} has another use already");
        let finding = linking.at_value(&codes::ROUTE_CONFLICT, here, words);
        finding.related.push((also, "here".into()));
        finding.help = Some("Choose a path of its own.".into());
    };
    let mut returns = Vec::new();
    for idp in &deployment.idps {
        for url in idp.config.logout_callbacks() {
            conflict(&taken, &of_url(&url), &idp.pointer, "the return from a logout");
            returns.push((of_url(&url), idp.pointer.clone()));
        }
    }
    taken.append(&mut returns);
    for idp in &deployment.idps {
        // What comes through browsers comes where they return from a logout, and is told apart by its form.
        let by_itself = |url: &&WebUrl| !idp.config.logout_callbacks().contains(*url);
        if let Some(url) = idp.config.logout_receiver().filter(by_itself) {
            conflict(&taken, &of_url(url), &idp.pointer, "announced logouts");
            taken.push((of_url(url), idp.pointer.clone()));
        }
    }
    let mut logouts: Vec<(Address, String)> = Vec::new();
    for (_, logout) in deployment.logouts() {
        let address = of(&logout.at);
        conflict(&taken, &address, &logout.pointer, "the logout");
        // Among themselves, the one that names its host wins there.
        let same: Vec<_> = logouts.iter().filter(|(have, _)| *have == address).cloned().collect();
        conflict(&same, &address, &logout.pointer, "the logout");
        logouts.push((address, logout.pointer.clone()));
    }
}
