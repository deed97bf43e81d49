//! From the configuration of a provider to a provider that can be asked: certificates read, clients built.
//! `serve` and `probe` open connectors here and nowhere else, so a verdict of one is a verdict of the other.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::shelf::Shelf;
use super::{Connector, IdpConfig, Opening};
use crate::ambient::{Clock, Entropy};
use crate::config::tls::{MinVersion, Profile};
use crate::files::{self, FILE_BYTES_MAX};
use crate::net::Client;
use crate::net::tls::{ClientTls, client_config};
use crate::secrets::Keyring;
use crate::value::url::PlainHttp;

/// Our own protocol on outgoing calls: one request at a time needs no HTTP/2.
const ALPN: &[&[u8]] = &[b"http/1.1"];

/// What every opened connector shares.
#[derive(Debug, Clone)]
pub struct World {
    /// Carries outgoing connections and work that blocks.
    pub runtime: Handle,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Entropy,
    /// Where plain http is fine.
    pub plain: PlainHttp,
    /// Where what providers published is kept over a restart, if anywhere.
    pub shelf: Option<Arc<Shelf>>,
}

/// Opens one provider. `tls` is the connector's profile; `custom_tls` that of its custom endpoint, the
/// connector's own without one. The error names the connector and what is at fault, never a secret.
pub fn open(
    config: Arc<dyn IdpConfig>,
    tls: Option<&Profile>,
    custom_tls: Option<&Profile>,
    keyring: &Keyring,
    world: &World,
) -> Result<Arc<dyn Connector>, String> {
    let name = config.common().name.clone();
    let fault = |e: String| format!("connector `{name}`: {e}");
    let client = client(tls, world).map_err(fault)?;
    let custom_client = match custom_tls {
        Some(_) => self::client(custom_tls, world).map_err(fault)?,
        None => client.clone(),
    };
    let opening = Opening {
        keyring,
        client,
        custom_client,
        clock: world.clock.clone(),
        entropy: world.entropy.clone(),
        blocking: world.runtime.clone(),
        shelf: world.shelf.clone(),
    };
    config.open(&opening).map_err(fault)
}

/// Opens every provider of a list, in its order. The first fault ends it: a server with a missing part is not
/// started.
pub fn all<'a>(
    idps: impl IntoIterator<Item = (Arc<dyn IdpConfig>, Option<&'a Profile>, Option<&'a Profile>)>,
    keyring: &Keyring,
    world: &World,
) -> Result<Vec<Arc<dyn Connector>>, String> {
    idps.into_iter().map(|(config, tls, custom)| open(config, tls, custom, keyring, world)).collect()
}

/// A client that speaks TLS as a profile says; the system's roots without one.
pub fn client(profile: Option<&Profile>, world: &World) -> Result<Client, String> {
    let tls = profile.map(client_tls).transpose()?.unwrap_or_default();
    Ok(Client::new(
        world.runtime.clone(),
        client_config(&tls, ALPN)?,
        world.plain.clone(),
        world.clock.clone(),
    ))
}

/// A profile with its files read.
pub fn client_tls(profile: &Profile) -> Result<ClientTls, String> {
    let read = |key: &str, path: &str| {
        files::read(Path::new(path), FILE_BYTES_MAX).map_err(|e| format!("{key} `{path}`: {e}"))
    };
    let identity_pem = match (&profile.cert_file, &profile.key_file) {
        (Some(cert), Some(key)) => Some((read("certFile", cert)?, read("keyFile", key)?)),
        (None, None) => None,
        _ => return Err("certFile and keyFile belong together".into()),
    };
    Ok(ClientTls {
        extra_roots_pem: profile.ca_file.as_deref().map(|path| read("caFile", path)).transpose()?,
        identity_pem,
        tls13_only: profile.min_version == MinVersion::Tls13,
        insecure_skip_verify: profile.insecure_skip_verify,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named() {
        let profile = Profile { ca_file: Some("/nonexistent/ca.pem".into()), ..Profile::default() };
        let error = client_tls(&profile).unwrap_err();
        assert!(error.starts_with("caFile `/nonexistent/ca.pem`: "), "{error}");
        let half = Profile { cert_file: Some("c.pem".into()), ..Profile::default() };
        assert!(client_tls(&half).is_err());
    }
}
