//! What was configured, opened: what a start begins with, and what a reload brings.

use std::sync::Arc;

use rustls::ClientConfig;

use crate::connector::open::{Mark, Opened, World, all, client_tls, profile_mark};
use crate::model::Deployment;
use crate::model::app::App;
use crate::net::tls::client_config;
use crate::secrets::Keyring;
use crate::serve::state::State;

/// A deployment with everything it needs opened.
pub struct Fittings {
    /// What was configured.
    pub deployment: Arc<Deployment>,
    /// Opened providers, in the order of the deployment.
    pub opened: Vec<Opened>,
    /// Client TLS towards the upstream of each app, in the order of the deployment.
    pub upstream_tls: Vec<UpstreamTls>,
    /// Opened secrets.
    pub keyring: Keyring,
}

/// Client TLS towards an upstream.
#[derive(Clone)]
pub struct UpstreamTls {
    /// Ready to use. The same one, not merely an equal one, after a reload that did not change it.
    pub config: Arc<ClientConfig>,
    mark: Mark,
}

impl Fittings {
    /// Opens what a deployment needs. What `before` has opened from the same goes on as it is. Errors name the
    /// connector, the app or the file.
    pub fn open(
        deployment: Arc<Deployment>,
        keyring: Keyring,
        before: Option<&State>,
        world: &World,
    ) -> Result<Self, String> {
        let known = before.map(|state| state.opened.as_slice()).unwrap_or_default();
        let opened = all(deployment.to_open(), known, &keyring, world)?;
        let known = before.map(|state| state.upstream_tls.as_slice()).unwrap_or_default();
        let upstream_tls = deployment.apps.iter().map(|app| {
            let profile = match app {
                App::Proxy(app) => app.tls.as_ref().and_then(|name| deployment.tls.get(name.as_str())),
                App::Oidc(_) => None,
            };
            let fault = |e: String| format!("app `{}`: {e}", app.name());
            let mark = profile_mark(profile).map_err(fault)?;
            if let Some(known) = known.iter().find(|known| known.mark == mark) {
                return Ok(known.clone());
            }
            let tls = profile.map(client_tls).transpose().map_err(fault)?.unwrap_or_default();
            let config = client_config(&tls, &[b"http/1.1"]).map_err(fault)?;
            Ok(UpstreamTls { config, mark })
        });
        let upstream_tls = upstream_tls.collect::<Result<_, String>>()?;
        Ok(Fittings { deployment, opened, upstream_tls, keyring })
    }
}
