//! The OpenID provider.

pub mod authorize;
pub mod client;
pub mod documents;
pub mod end_session;
pub mod grant;
pub mod token;
pub mod userinfo;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::config::providers::KeyAlgorithm;
use crate::files;
use crate::model::Deployment;
use crate::model::app::{App, KeyMaterial, OidcApp, OidcProvider};
use crate::protocol::jose::token::Alg;
use crate::protocol::jose::{KeySet, SigningKey};
use crate::protocol::oidc::discovery::OwnMetadata;
use crate::secrets::Keyring;
use crate::value::Secret;

/// The opened provider.
pub struct Provider {
    /// Byte for byte in `iss`.
    pub issuer: String,
    /// The first signs.
    pub keys: Vec<Arc<SigningKey>>,
    /// Their public halves, for ID tokens that come back as hints.
    pub own_keys: KeySet,
    /// Whether tokens end with the session they come from.
    pub correlate_session: bool,
    /// Registered clients.
    pub clients: Vec<Client>,
    /// Discovery document, as it is served.
    pub discovery: documents::Document,
    /// Key set, as it is served.
    pub jwks: documents::Document,
}

/// A registered client, its secrets opened.
pub struct Client {
    /// Place of its app in the deployment.
    pub app: usize,
    /// Client id.
    pub id: String,
    /// Any of them is good.
    pub secrets: Vec<Secret<String>>,
}

impl Provider {
    /// Opens keys and secrets. Errors name the key and the file.
    pub fn open(deployment: &Deployment, config: &OidcProvider, keyring: &Keyring) -> Result<Self, String> {
        let mut keys = Vec::new();
        for source in &config.keys {
            let pem = match &source.material {
                KeyMaterial::File(path) => files::read(Path::new(path), files::FILE_BYTES_MAX)
                    .map_err(|e| format!("oidcProvider.jwks: {path}: {e}"))?,
                KeyMaterial::Pem(text) => {
                    let secret = keyring.open(text).ok_or("a secret was not unlocked")?;
                    secret.expose().clone().into_bytes()
                }
            };
            let alg = source.algorithm.map(|alg| match alg {
                KeyAlgorithm::Rsa256 | KeyAlgorithm::RS256 => Alg::RS256,
                KeyAlgorithm::PS256 => Alg::PS256,
                KeyAlgorithm::ES256 => Alg::ES256,
                KeyAlgorithm::ES384 => Alg::ES384,
                KeyAlgorithm::EdDSA => Alg::EdDSA,
            });
            let key = SigningKey::from_pem(&pem, alg)
                .map_err(|e| format!("oidcProvider.jwks: the key `{}` {e}", source.name))?;
            keys.push(Arc::new(key));
        }
        let mut clients = Vec::new();
        let mut custom_scopes = Vec::new();
        let mut claims: Vec<String> = vec!["sub".into()];
        for (i, app) in deployment.apps.iter().enumerate() {
            let App::Oidc(app) = app else { continue };
            let secrets: Option<Vec<_>> = app.secrets.iter().map(|text| keyring.open(text)).collect();
            let secrets = secrets.ok_or("a secret was not unlocked")?;
            clients.push(Client { app: i, id: app.client_id.clone(), secrets });
            custom_scopes.extend(app.custom_scopes.iter().cloned());
            claims.extend(app.claims.iter().map(|(claim, _)| claim.clone()));
        }
        for list in [&mut custom_scopes, &mut claims] {
            list.sort();
            list.dedup();
        }
        let metadata = OwnMetadata {
            issuer: config.issuer.as_str(),
            auth: config.endpoints.auth.as_str(),
            token: config.endpoints.token.as_str(),
            jwks: config.endpoints.jwks.as_str(),
            userinfo: config.endpoints.userinfo.as_str(),
            end_session: config.endpoints.end_session.as_str(),
            custom_scopes,
            claims,
            algs: keys.iter().map(|key| key.alg()).collect(),
        };
        let jwks = json!({"keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<Value>>()});
        Ok(Provider {
            own_keys: KeySet::parse(&jwks)?,
            correlate_session: config.correlate_session,
            issuer: config.issuer.as_str().to_owned(),
            discovery: documents::Document::new(&metadata.document()),
            jwks: documents::Document::new(&jwks),
            keys,
            clients,
        })
    }

    /// A client and its app.
    pub fn client<'a>(&'a self, deployment: &'a Deployment, id: &str) -> Option<(&'a Client, &'a OidcApp)> {
        let client = self.clients.iter().find(|client| client.id == id)?;
        match deployment.apps.get(client.app)? {
            App::Oidc(app) => Some((client, app)),
            App::Proxy(_) => None,
        }
    }

    /// How long a token or code may outlive its session, were it not ended with it, in seconds.
    pub fn longest_token_secs(&self, deployment: &Deployment) -> u64 {
        let of_apps = deployment.apps.iter().filter_map(|app| match app {
            App::Oidc(app) => Some(app.access_token_secs),
            App::Proxy(_) => None,
        });
        grant::CODE_SECS + of_apps.max().unwrap_or(0)
    }

    /// The key that signs. There is always one: linking demands it.
    pub fn signer(&self) -> Option<&Arc<SigningKey>> {
        self.keys.first()
    }
}
