//! Several deployments together: which edge points at which root.

use super::{Deployment, Idp};

/// Deployments that are judged together, in the order in which they were given.
#[derive(Debug, Default)]
pub struct Fleet {
    /// All of them: roots, edges, and those that are neither.
    pub deployments: Vec<Deployment>,
}

impl Fleet {
    /// The deployment whose OpenID provider this connector signs in with, if it is one of the fleet.
    pub fn root(&self, idp: &Idp) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| is_provider_of(deployment, idp))
    }

    /// Whether somebody in the fleet signs in with this deployment.
    pub fn is_root(&self, deployment: &Deployment) -> bool {
        self.deployments.iter().flat_map(|d| &d.idps).any(|idp| is_provider_of(deployment, idp))
    }
}

/// Whether a connector names a deployment as its provider: by issuer, or by the address of the discovery
/// document. A trailing slash makes another issuer on the wire, and the same orchestrator on the map.
fn is_provider_of(deployment: &Deployment, idp: &Idp) -> bool {
    let Some(provider) = &deployment.oidc_provider else { return false };
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    let issuer = bare(provider.issuer.as_str());
    let by_issuer = idp.facts.issuer.as_deref().is_some_and(|named| bare(named) == issuer);
    let by_address = idp.facts.address.as_deref().is_some_and(|address| {
        let further = provider.endpoints.well_known.as_ref();
        address == format!("{issuer}/.well-known/openid-configuration")
            || further.is_some_and(|url| url.as_str() == address)
    });
    by_issuer || by_address
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
        assert!(fleet.root(root).is_some() && fleet.root(okta).is_none());
        assert!(fleet.is_root(&fleet.deployments[1]) && !fleet.is_root(&fleet.deployments[0]));
    }
}
