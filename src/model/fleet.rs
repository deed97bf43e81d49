//! Several deployments together: which edge points at which root.

use std::collections::HashMap;

use super::{Deployment, Idp};

/// Deployments that are judged together, in the order in which they were given.
#[derive(Debug, Default)]
pub struct Fleet {
    /// All of them: roots, edges, and those that are neither.
    pub deployments: Vec<Deployment>,
}

impl Fleet {
    /// The map of who may be whose root, made once: asking it costs the same however large the fleet is.
    pub fn roots(&self) -> Roots {
        let mut by_address = HashMap::new();
        for (place, deployment) in self.deployments.iter().enumerate() {
            let Some(provider) = &deployment.oidc_provider else { continue };
            let issuer = bare(provider.issuer.as_str());
            let further = provider.endpoints.well_known.as_ref();
            let addresses = [format!("{issuer}/.well-known/openid-configuration"), issuer.to_owned()];
            for address in addresses.into_iter().chain(further.map(|url| url.as_str().to_owned())) {
                by_address.entry(address).or_insert(place);
            }
        }
        Roots { by_address }
    }
}

/// Deployments by what a connector may call them: the issuer, or an address of the discovery document.
#[derive(Debug)]
pub struct Roots {
    by_address: HashMap<String, usize>,
}

impl Roots {
    /// The place of the deployment whose OpenID provider this connector signs in with, if it is one of the
    /// fleet; the first in the order of the files.
    pub fn of(&self, idp: &Idp) -> Option<usize> {
        let names = [idp.facts.issuer.as_deref().map(bare), idp.facts.address.as_deref()];
        names.into_iter().flatten().filter_map(|name| self.by_address.get(name)).min().copied()
    }
}

/// A trailing slash makes another issuer on the wire, and the same orchestrator on the map.
fn bare(issuer: &str) -> &str {
    issuer.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;
    use crate::model::read::{ReadOptions, read};

    fn deployment(text: &str) -> Deployment {
        let reading = read("t.yaml", text, &mut Sources::default(), &ReadOptions::default());
        reading.deployment.unwrap_or_else(|| panic!("{:?}", reading.findings))
    }

    const EDGE: &str = "
version: '1'
connectors:
  - {name: root, type: oidc, oauthClientID: edge, oidcWellKnownURL: 'https://root.example.com/.well-known/openid-configuration'}
  - {name: okta, type: oidc, oauthClientID: edge, oidcWellKnownURL: 'https://corp.okta.com/.well-known/openid-configuration'}
";
    const ROOT: &str = "
version: '1'
oidcProvider:
  discovery: {issuer: https://root.example.com/}
  jwks: [{file: /etc/maverics/key.pem}]
";

    #[test]
    fn an_edge_finds_its_root() {
        let fleet = Fleet { deployments: vec![deployment(EDGE), deployment(ROOT)] };
        let [root, okta] = fleet.deployments[0].idps.as_slice() else { panic!() };
        let roots = fleet.roots();
        assert_eq!((roots.of(root), roots.of(okta)), (Some(1), None));
    }
}
