//! Server certificates by server name, client certificates, versions and suites.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};

use crate::config::http::Http;
use crate::config::tls::{ClientAuth, MinVersion, Profile};
use crate::files;

/// The configuration of a listener; `None` for plain HTTP. Errors name the profile and the file.
pub fn server_config(
    http: &Http,
    profiles: &BTreeMap<String, Profile>,
) -> Result<Option<Arc<ServerConfig>>, String> {
    let mut names: Vec<(Option<String>, bool, &str)> = Vec::new();
    if let Some(profile) = &http.tls {
        names.push((None, true, profile));
    }
    for host in http.hosts.iter().flatten() {
        names.push((host.name.clone(), host.default, &host.tls));
    }
    let Some((_, _, first)) = names.first() else { return Ok(None) };
    // Versions and client certificates are per listener in TLS, so the first profile decides them.
    let profile = profiles.get(*first).ok_or_else(|| format!("there is no TLS profile `{first}`"))?;
    for (_, _, other_name) in &names[1..] {
        let other =
            profiles.get(*other_name).ok_or_else(|| format!("there is no TLS profile `{other_name}`"))?;
        let same = other.client_auth == profile.client_auth
            && other.client_ca_files == profile.client_ca_files
            && other.min_version == profile.min_version
            && other.enabled_ciphers == profile.enabled_ciphers;
        if !same {
            return Err(format!(
                "http.hosts: the TLS profiles `{first}` and `{other_name}` differ in more than their certificate; \
                 one listener has one clientAuth, clientCAFiles, minVersion and enabledCiphers"
            ));
        }
    }
    let mut resolver = ByName::default();
    for (name, default, profile_name) in &names {
        let profile =
            profiles.get(*profile_name).ok_or_else(|| format!("there is no TLS profile `{profile_name}`"))?;
        let key = certified_key(profile).map_err(|e| format!("the TLS profile `{profile_name}`: {e}"))?;
        if *default {
            resolver.default = Some(key.clone());
        }
        if let Some(name) = name {
            resolver.by_name.insert(name.to_ascii_lowercase(), key);
        }
    }
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    if let Some(wanted) = &profile.enabled_ciphers {
        for name in wanted {
            let known = provider.cipher_suites.iter().any(|suite| suite_name(suite) == *name);
            if !known {
                return Err(format!("the TLS profile `{first}`: `{name}` is not an ECDHE suite with AEAD"));
            }
        }
        provider
            .cipher_suites
            .retain(|suite| suite.tls13().is_some() || wanted.iter().any(|name| suite_name(suite) == *name));
    }
    let versions: &[&rustls::SupportedProtocolVersion] = match profile.min_version {
        MinVersion::Tls12 => rustls::ALL_VERSIONS,
        MinVersion::Tls13 => &[&rustls::version::TLS13],
    };
    let provider = Arc::new(provider);
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|e| e.to_string())?;
    let builder = match profile.client_auth {
        ClientAuth::NoClientCert => builder.with_no_client_auth(),
        kind => {
            let mut roots = RootCertStore::empty();
            for path in &profile.client_ca_files {
                for certificate in CertificateDer::pem_slice_iter(&read(path)?) {
                    let certificate = certificate.map_err(|e| format!("{path}: {e}"))?;
                    roots.add(certificate).map_err(|e| format!("{path}: {e}"))?;
                }
            }
            if roots.is_empty() {
                return Err(format!("the TLS profile `{first}`: `clientAuth` needs `clientCAFiles`"));
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = match kind {
                ClientAuth::RequireAndVerifyClientCert | ClientAuth::RequireAnyClientCert => verifier,
                _ => verifier.allow_unauthenticated(),
            };
            builder.with_client_cert_verifier(verifier.build().map_err(|e| e.to_string())?)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Early data could be replayed; nothing here is worth that.
    config.max_early_data_size = 0;
    Ok(Some(Arc::new(config)))
}

fn suite_name(suite: &rustls::SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    files::read(Path::new(path), files::FILE_BYTES_MAX).map_err(|e| format!("{path}: {e}"))
}

/// DNS names and addresses in the certificate of a profile; none where it cannot be read.
pub fn certificate_names(profile: &Profile) -> Vec<String> {
    use x509_parser::extensions::GeneralName;
    let Some(pem) = profile.cert_file.as_deref().and_then(|path| read(path).ok()) else { return Vec::new() };
    let Some(Ok(der)) = CertificateDer::pem_slice_iter(&pem).next() else { return Vec::new() };
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(&der) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| std::net::IpAddr::from(b).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|b| std::net::IpAddr::from(b).to_string()),
            _ => None,
        },
        _ => None,
    };
    names.value.general_names.iter().filter_map(name).collect()
}

fn certified_key(profile: &Profile) -> Result<Arc<CertifiedKey>, String> {
    let cert_file = profile.cert_file.as_deref().ok_or("a server needs `certFile`")?;
    let key_file = profile.key_file.as_deref().ok_or("a server needs `keyFile`")?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(cert_file)?)
        .collect::<Result<_, _>>()
        .map_err(|e| format!("{cert_file}: {e}"))?;
    if chain.is_empty() {
        return Err(format!("{cert_file} has no certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(key_file)?).map_err(|e| format!("{key_file}: {e}"))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map(Arc::new).map_err(|e| format!("{cert_file}: {e}"))
}

#[derive(Debug, Default)]
struct ByName {
    by_name: BTreeMap<String, Arc<CertifiedKey>>,
    default: Option<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| {
            let name = name.to_ascii_lowercase();
            let wildcard = name.split_once('.').map(|(_, rest)| format!("*.{rest}"));
            self.by_name.get(&name).or_else(|| self.by_name.get(&wildcard?))
        });
        named.or(self.default.as_ref()).cloned()
    }
}
