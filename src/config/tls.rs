//! `tls`: named profiles, used by listeners and by outgoing connections.

use schemars::JsonSchema;
use serde::Deserialize;

/// One profile.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("dependentRequired" = {"certFile": ["keyFile"], "keyFile": ["certFile"]}))]
pub struct Profile {
    /// PEM certificate chain: our identity as a server, or our client certificate.
    pub cert_file: Option<String>,
    /// PEM private key of it.
    pub key_file: Option<String>,
    /// PEM roots added to the system's, for outgoing connections.
    pub ca_file: Option<String>,
    /// Server: whether clients show a certificate.
    pub client_auth: ClientAuth,
    /// Server: roots for client certificates.
    #[serde(rename = "clientCAFiles")]
    pub client_ca_files: Vec<String>,
    /// Lowest TLS version.
    pub min_version: MinVersion,
    /// TLS 1.2 suites by IANA name, replacing the list; all must have ECDHE and AEAD.
    #[schemars(
        length(min = 1),
        inner(regex(
            pattern = r"^TLS_ECDHE_(RSA|ECDSA)_WITH_(AES_128_GCM_SHA256|AES_256_GCM_SHA384|CHACHA20_POLY1305(_SHA256)?)$"
        ))
    )]
    pub enabled_ciphers: Option<Vec<String>>,
    /// Outgoing: the peer's certificate is not verified. For a laboratory.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub insecure_skip_verify: bool,
}

/// Client certificates on a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names are the documented ones and say it")]
pub enum ClientAuth {
    #[default]
    NoClientCert,
    RequestClientCert,
    RequireAnyClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

/// Lowest TLS version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum MinVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    Tls13,
}
