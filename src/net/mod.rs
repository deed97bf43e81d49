//! The only outgoing calls in the house. Every call has a budget, a largest answer and a rule about plain
//! http, and runs on the control runtime, so that a caller on any thread may wait for it.

pub mod dial;
pub mod freshness;
pub mod http;
pub mod ldap;
pub mod tls;
pub mod upstream;

pub use self::http::{Answer, Client, Fetch};

use std::fmt;
use std::time::Duration;

/// How long each part of a call took; `None` for parts that did not happen (a kept connection has no DNS).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phases {
    /// Name to address.
    pub dns: Option<Duration>,
    /// TCP handshake.
    pub tcp: Option<Duration>,
    /// TLS handshake.
    pub tls: Option<Duration>,
    /// Request sent to last byte received.
    pub request: Option<Duration>,
    /// Days until the peer's certificate expires, when there was one.
    pub certificate_days_left: Option<i32>,
    /// The least of these days over all certificates the peer sent: its own and those between it and a root.
    pub chain_days_left: Option<i32>,
    /// The TLS version spoken.
    pub tls_version: Option<TlsVersion>,
    /// Unix seconds of the peer's `Date` header minus ours, when it sent one.
    pub clock_skew_secs: Option<i32>,
}

/// A TLS version that is spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2.
    V12,
    /// 1.3.
    V13,
}

impl TlsVersion {
    /// As people write it.
    pub fn word(self) -> &'static str {
        match self {
            TlsVersion::V12 => "1.2",
            TlsVersion::V13 => "1.3",
        }
    }
}

/// A call that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct NetError {
    /// What kind of failure.
    pub kind: NetErrorKind,
    /// Words for the operator.
    pub detail: String,
    /// How far it got.
    pub phases: Phases,
    /// Whether any byte of the request may have reached the peer; a code exchange is never repeated then.
    pub may_have_been_sent: bool,
}

impl NetError {
    /// A failure before anything was sent.
    pub fn new(kind: NetErrorKind, detail: impl Into<String>) -> Self {
        NetError { kind, detail: detail.into(), phases: Phases::default(), may_have_been_sent: false }
    }
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetErrorKind {
    /// The name has no address.
    Name,
    /// Nothing listens.
    Refused,
    /// No route.
    Unreachable,
    /// The budget is spent.
    Timeout,
    /// The handshake failed.
    Tls,
    /// The peer does not raise the connection to TLS.
    StartTls,
    /// Ended in the middle.
    Lost,
    /// Not the protocol.
    Protocol,
    /// More than the caller allows.
    TooLarge,
    /// Plain http where it is not allowed.
    NotPermitted,
    /// This machine is out of something; says nothing about the peer.
    Ours,
}

impl fmt::Display for NetErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
