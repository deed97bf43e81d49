//! From the configuration of a provider to a provider that can be asked: certificates read, clients built.
//! `serve` and `probe` open connectors here and nowhere else, so a verdict of one is a verdict of the other.
//! A reload opens only what changed: a provider that is configured as before goes on as it is, with its
//! documents, its connections and its counters.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;
use tokio::runtime::Handle;

use super::documents::shelf::Shelf;
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
        plain: world.plain.clone(),
        tls,
        clock: world.clock.clone(),
        entropy: world.entropy.clone(),
        blocking: world.runtime.clone(),
        shelf: world.shelf.clone(),
    };
    config.open(&opening).map_err(fault)
}

/// What one provider is opened from.
pub struct Parts<'a> {
    /// Its configuration.
    pub config: Arc<dyn IdpConfig>,
    /// Its section, as written.
    pub section: &'a Value,
    /// Its TLS profile.
    pub tls: Option<&'a Profile>,
    /// The TLS profile of its custom endpoint.
    pub custom_tls: Option<&'a Profile>,
}

/// An opened provider, and marks of what it was opened from.
#[derive(Clone)]
pub struct Opened {
    /// Its name.
    pub name: String,
    /// Ready to be asked.
    pub connector: Arc<dyn Connector>,
    /// Equal for equal configuration, secrets and files.
    pub mark: Mark,
    /// The same without its health check: whether it is the same provider, however it is watched.
    pub provider: Mark,
    /// Whose people these are: a sign-in at another realm of the same name does not count.
    pub realm: Mark,
}

/// A hash of everything a provider is opened from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mark([u8; 32]);

/// Opens every provider of a list, in its order; those of `before` that are configured as they were go on as
/// they are. The first fault ends it: a server with a missing part is not started.
pub fn all<'a>(
    idps: impl IntoIterator<Item = Parts<'a>>,
    before: &[Opened],
    keyring: &Keyring,
    world: &World,
) -> Result<Vec<Opened>, String> {
    let opened = idps.into_iter().map(|parts| {
        let name = parts.config.common().name.to_string();
        let (mark, provider) =
            marks(&parts, keyring, world).map_err(|e| format!("connector `{name}`: {e}"))?;
        let realm = realm(&*parts.config);
        let known = before.iter().find(|known| known.name == name && known.mark == mark);
        let connector = match known {
            Some(known) => known.connector.clone(),
            None => open(parts.config, parts.tls, parts.custom_tls, keyring, world)?,
        };
        Ok(Opened { name, connector, mark, provider, realm })
    });
    opened.collect()
}

/// The mark of a provider's kind, issuer and address, or of what the kind says instead; what it is asked for and
/// how does not count.
fn realm(config: &dyn IdpConfig) -> Mark {
    let facts = config.facts();
    let mut context = Context::new(&SHA256);
    feed(&mut context, format!("{:?}", facts.protocol).as_bytes());
    if let Some(realm) = config.realm() {
        feed(&mut context, realm.as_bytes());
        return finished(context);
    }
    feed(&mut context, format!("{:?}", facts.issuer).as_bytes());
    feed(&mut context, format!("{:?}", facts.address).as_bytes());
    finished(context)
}

/// The mark of a TLS profile and its files.
pub fn profile_mark(profile: Option<&Profile>) -> Result<Mark, String> {
    let mut context = Context::new(&SHA256);
    feed_profile(&mut context, profile)?;
    Ok(finished(context))
}

fn feed(context: &mut Context, bytes: &[u8]) {
    context.update(&(bytes.len() as u64).to_be_bytes());
    context.update(bytes);
}

fn feed_profile(context: &mut Context, profile: Option<&Profile>) -> Result<(), String> {
    let Some(profile) = profile else {
        feed(context, b"");
        return Ok(());
    };
    feed(context, format!("{profile:?}").as_bytes());
    for path in [&profile.cert_file, &profile.key_file, &profile.ca_file].into_iter().flatten() {
        feed(context, &files::read(Path::new(path), FILE_BYTES_MAX).map_err(|e| format!("`{path}`: {e}"))?);
    }
    Ok(())
}

fn finished(context: Context) -> Mark {
    let mut mark = [0; 32];
    mark.copy_from_slice(context.finish().as_ref());
    Mark(mark)
}

/// The mark of everything, and the one without the health check.
fn marks(parts: &Parts<'_>, keyring: &Keyring, world: &World) -> Result<(Mark, Mark), String> {
    let mut section = parts.section.clone();
    let check = section.as_object_mut().and_then(|section| section.remove("healthCheck"));
    let mut context = Context::new(&SHA256);
    feed(&mut context, section.to_string().as_bytes());
    feed(&mut context, format!("{:?}", world.plain).as_bytes());
    feed_profile(&mut context, parts.tls)?;
    for path in parts.config.files() {
        feed(
            &mut context,
            &files::read(Path::new(&path), FILE_BYTES_MAX).map_err(|e| format!("`{path}`: {e}"))?,
        );
    }
    let secrets = parts.config.secrets();
    let own = |key: &str| !key.starts_with("healthCheck");
    for (key, text) in secrets.iter().filter(|(key, _)| own(key)) {
        feed(&mut context, key.as_bytes());
        feed(&mut context, keyring.open(text).ok_or("a secret was not unlocked")?.expose().as_bytes());
    }
    let provider = finished(context.clone());
    feed(&mut context, check.map(|check| check.to_string()).unwrap_or_default().as_bytes());
    feed_profile(&mut context, parts.custom_tls)?;
    for (key, text) in secrets.iter().filter(|(key, _)| !own(key)) {
        feed(&mut context, key.as_bytes());
        feed(&mut context, keyring.open(text).ok_or("a secret was not unlocked")?.expose().as_bytes());
    }
    Ok((finished(context), provider))
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

/// TLS for connections that do not speak HTTP, as a profile says; the system's roots without one.
pub fn stream_tls(profile: Option<&Profile>) -> Result<Arc<rustls::ClientConfig>, String> {
    let tls = profile.map(client_tls).transpose()?.unwrap_or_default();
    client_config(&tls, &[])
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
