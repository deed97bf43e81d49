//! Reason codes: why a provider counts as not well. One list for log, probe, metrics and drill.

use std::fmt;

use crate::net::{NetError, NetErrorKind};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal),* $(,)?) => {
        /// Why a provider is not well. The code is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[doc = $doc])* $name),* }

        impl Reason {
            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Reason::$name => $code),* }
            }

            /// What it means, as a sentence.
            pub fn words(self) -> &'static str {
                match self { $(Reason::$name => concat!($($doc),*).trim_ascii()),* }
            }

            /// All of them.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),*];
        }
    };
}

reasons! {
    /// The host name has no address.
    NameNotFound = "name-not-found",
    /// Nothing listens there.
    ConnectionRefused = "connection-refused",
    /// The host cannot be reached.
    Unreachable = "unreachable",
    /// No answer in time: a firewall that drops, a provider that hangs, or a service that waits for other words.
    Timeout = "timeout",
    /// The TLS handshake failed: an unknown issuer, a name that is not in the certificate, its end, or no TLS at all.
    TlsFailed = "tls-failed",
    /// The connection ended in the middle.
    ConnectionLost = "connection-lost",
    /// Not HTTP.
    NotHttp = "not-http",
    /// More than we read.
    TooLarge = "answer-too-large",
    /// Plain http where it is not allowed.
    PlainHttp = "plain-http",
    /// A status outside what is expected.
    Status = "unexpected-status",
    /// The body lacks the text it must have.
    Body = "unexpected-body",
    /// A header lacks the value it must have.
    Header = "unexpected-header",
    /// Not the JSON document that belongs there.
    NotJson = "not-json",
    /// The document announces another issuer.
    IssuerMismatch = "issuer-mismatch",
    /// A required endpoint is missing or not https.
    EndpointMissing = "endpoint-missing",
    /// The key set has no key we could verify with.
    NoUsableKey = "no-usable-key",
    /// The authorization endpoint refuses a well-formed request.
    AuthorizationRefused = "authorization-refused",
    /// Not the SAML metadata that belongs there: a page, another document, or several providers without samlIDPEntityID.
    NotMetadata = "not-saml-metadata",
    /// The SAML metadata is past its own end.
    MetadataExpired = "metadata-expired",
    /// What answers is not LDAP: another service listens there, or TLS where none was asked for. Check port and scheme.
    NotLdap = "not-ldap",
    /// The directory refuses to raise the connection to TLS.
    StartTlsRefused = "start-tls-refused",
    /// The directory refuses the service account: its password, its rights or its life has ended.
    ServiceBindRefused = "service-bind-refused",
    /// The search base is not in the directory, or the service account may not read it.
    BaseMissing = "base-dn-missing",
    /// The directory says that it is busy or not available.
    DirectoryUnavailable = "directory-unavailable",
    /// The provider says that we ask too often.
    RateLimited = "rate-limited",
    /// This machine is out of descriptors, ports or memory: nothing about the provider.
    OurLimit = "our-own-limit",
    /// A file of ours cannot be read.
    FileUnreadable = "file-unreadable",
    /// The outage is pretended (`healthCheck.simulation`).
    Simulated = "simulated",
    /// Our own question broke off: a fault in this program.
    ProbeCrashed = "probe-crashed",
}

impl Reason {
    /// The reason that a failed outgoing call gives.
    pub fn of_net(error: &NetError) -> Self {
        match error.kind {
            NetErrorKind::Name => Reason::NameNotFound,
            NetErrorKind::Refused => Reason::ConnectionRefused,
            NetErrorKind::Unreachable => Reason::Unreachable,
            NetErrorKind::Timeout => Reason::Timeout,
            NetErrorKind::Tls => Reason::TlsFailed,
            NetErrorKind::StartTls => Reason::StartTlsRefused,
            NetErrorKind::Lost => Reason::ConnectionLost,
            NetErrorKind::Protocol => Reason::NotHttp,
            NetErrorKind::TooLarge => Reason::TooLarge,
            NetErrorKind::NotPermitted => Reason::PlainHttp,
            NetErrorKind::Ours => Reason::OurLimit,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
