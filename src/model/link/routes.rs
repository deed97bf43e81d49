//! Addresses claimed twice: patterns of apps among themselves, and endpoints of ours.

use std::collections::BTreeMap;

use super::Linking;
use crate::model::app::{App, RoutePattern};
use crate::model::{Deployment, codes};

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
    let Some(provider) = &deployment.oidc_provider else { return };
    let endpoints = &provider.endpoints;
    let named = [
        ("auth", &endpoints.auth),
        ("token", &endpoints.token),
        ("jwks", &endpoints.jwks),
        ("userinfo", &endpoints.userinfo),
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
