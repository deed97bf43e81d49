//! The only connections to directories: one request at a time, every answer bounded in time and size, TLS before
//! anything is sent where it is asked for.
//!
//! Messages are ldap3_proto's; the reading of the stream is ours, because a client must know the length of a
//! message before it keeps any of it, and must not break off for whatever a peer sends.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{LdapExtendedRequest, LdapMsg, LdapOp, LdapResultCode};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout, timeout_at};

use super::dial::{Stream, handshake, tcp};
use super::{NetError, NetErrorKind, Phases};
use crate::ambient::UnixSecs;
use crate::protocol::ldap::message::{self, ELEMENTS_MAX, Malformed, RESPONSE_BYTES_MAX};
use crate::protocol::ldap::search::{Found, Search, leads_to_nobody, next_page};
use crate::protocol::ldap::{Address, Entry, bind, outcome};
use crate::value::Secret;

/// Most bytes of all answers to one search.
pub const SEARCH_BYTES_MAX: usize = 2 * RESPONSE_BYTES_MAX;
/// How much is read at once, in bytes.
const READ_BYTES: usize = 16 * 1024;
/// Longest wait for saying good-bye, in milliseconds.
const GOODBYE_MILLIS_MAX: u64 = 200;
/// StartTLS (RFC 4511 §4.14).
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    None,
    /// Raised to TLS before the first other request; never without.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// A server of a directory, and how to get there.
#[derive(Clone)]
pub struct Target {
    /// Where it listens.
    pub address: Address,
    /// How the connection is protected.
    pub protection: Protection,
    /// With these roots, without ALPN.
    pub tls: Arc<ClientConfig>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({} {:?})", self.address, self.protection)
    }
}

/// A connection. What it does is one request after another; whoever drops an operation in the middle makes it
/// unusable, see [`Connection::is_sound`].
pub struct Connection {
    stream: Stream,
    buffer: BytesMut,
    last_id: i32,
    sound: bool,
    shown: String,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.shown)
    }
}

impl Connection {
    /// Connects, with TLS as the target says, by `deadline`; `now` is for the days left of certificates. A plain
    /// connection to a name that means this machine only goes to a loopback address.
    pub async fn open(target: &Target, now: UnixSecs, deadline: Instant) -> Result<(Self, Phases), NetError> {
        let (address, shown) = (&target.address, target.address.to_string());
        let insists = target.protection == Protection::None && address.is_loopback();
        let permits = move |peer: IpAddr| !insists || peer.is_loopback();
        let mut phases = Phases::default();
        let tcp = tcp(&address.host, address.port, &permits, deadline, &mut phases).await?;
        let stream = match target.protection {
            Protection::None => Stream::Plain(tcp),
            Protection::Tls => {
                handshake(&address.host, &shown, &target.tls, tcp, deadline, &mut phases).await?
            }
            Protection::StartTls => {
                let mut plain = Self::over(Stream::Plain(tcp), &shown);
                plain.start_tls(deadline).await.map_err(|e| NetError { phases: phases.clone(), ..e })?;
                let Stream::Plain(tcp) = plain.stream else {
                    return Err(NetError::new(NetErrorKind::StartTls, format!("{shown}: TLS twice")));
                };
                handshake(&address.host, &shown, &target.tls, tcp, deadline, &mut phases).await?
            }
        };
        stream.describe(now.0, &mut phases);
        Ok((Self::over(stream, &shown), phases))
    }

    fn over(stream: Stream, shown: &str) -> Self {
        Connection { stream, buffer: BytesMut::new(), last_id: 0, sound: true, shown: shown.to_owned() }
    }

    /// Whether it may be used again: nothing was left half done, nothing came unasked, and it is not closed as
    /// far as one can see without asking.
    pub fn is_sound(&mut self) -> bool {
        if !self.sound || !self.buffer.is_empty() {
            return false;
        }
        let mut space = [0; 1];
        let mut context = Context::from_waker(Waker::noop());
        // An idle connection has nothing to say: a byte is a notice of disconnection, an end is an end.
        self.sound =
            Pin::new(&mut self.stream).poll_read(&mut context, &mut ReadBuf::new(&mut space)).is_pending();
        self.sound
    }

    /// A simple bind (RFC 4511 §4.2). What the directory answers is the result; its meaning is that of
    /// [`outcome::of_bind`] and [`outcome::of_persons_bind`]. An empty name or password never leaves this machine. With
    /// `asks_policy` the directory is asked what its policy says of the password.
    pub async fn bind(
        &mut self,
        name: &str,
        password: &Secret<String>,
        asks_policy: bool,
        deadline: Instant,
    ) -> Result<bind::Answer, NetError> {
        let id = self.begin()?;
        let Some(request) = bind::simple(id, name, password.expose(), asks_policy) else {
            return Err(
                self.fault(NetErrorKind::NotPermitted, "a bind without a name or a password is not sent")
            );
        };
        self.write(&request, deadline).await?;
        drop(request);
        let mut left = Left::default();
        let frame = self.frame(deadline, &mut left.bytes).await?;
        if let Some(answer) = bind::Answer::read(&frame).filter(|answer| answer.id == id) {
            self.sound = true;
            return Ok(answer);
        }
        self.understood(id, &frame, &mut left)?;
        Err(self.fault(NetErrorKind::Protocol, "the answer to a bind is something else"))
    }

    /// A search. An error has the result code when the directory refused it; entries it sent before are lost then,
    /// save for the limits of size, which are an answer ([`Found::more`]).
    pub async fn search(&mut self, search: &Search, deadline: Instant) -> Result<Found, SearchError> {
        let id = self.begin()?;
        let left = deadline.saturating_duration_since(Instant::now()).as_secs();
        let request = search.to_wire(id, i32::try_from(left).unwrap_or(i32::MAX).saturating_add(1));
        self.send(request, deadline).await?;
        let mut left = Left { bytes: SEARCH_BYTES_MAX, ..Left::default() };
        let mut found = Found::default();
        loop {
            let (operation, controls) = self.answer(id, deadline, &mut left).await?;
            match operation {
                LdapOp::SearchResultEntry(entry) if found.entries.len() < search.entries_max => {
                    found.entries.push(Entry::from(entry));
                }
                LdapOp::SearchResultEntry(_) => {
                    // It does not keep to the limit it was told: enough is known, and the rest is not read.
                    found.more = true;
                    return Ok(found);
                }
                LdapOp::SearchResultReference(reference) => {
                    found.references += usize::from(!leads_to_nobody(&reference.uris));
                }
                LdapOp::IntermediateResponse(_) => {}
                LdapOp::SearchResultDone(result) => {
                    self.sound = true;
                    found.cookie = next_page(&controls);
                    return match result.code {
                        LdapResultCode::Success => Ok(found),
                        LdapResultCode::SizeLimitExceeded => {
                            found.more = true;
                            Ok(found)
                        }
                        code => Err(SearchError::Refused(Refused { code, matched: result.matcheddn })),
                    };
                }
                _ => {
                    let fault =
                        self.fault(NetErrorKind::Protocol, "the answer to a search is something else");
                    return Err(fault.into());
                }
            }
        }
    }

    /// Says good-bye and closes.
    pub async fn close(mut self) {
        let goodbye = async {
            if self.sound
                && let Ok(id) = self.begin()
                && let Ok(bytes) = message::encode(LdapMsg::new(id, LdapOp::UnbindRequest))
            {
                let _ = self.stream.write_all(&bytes).await;
            }
            let _ = self.stream.shutdown().await;
        };
        let _ = timeout(Duration::from_millis(GOODBYE_MILLIS_MAX), goodbye).await;
    }

    async fn start_tls(&mut self, deadline: Instant) -> Result<(), NetError> {
        let id = self.begin()?;
        let request = LdapExtendedRequest { name: START_TLS.into(), value: None };
        self.send(LdapMsg::new(id, LdapOp::ExtendedRequest(request)), deadline).await?;
        let (operation, _) = self.answer(id, deadline, &mut Left::default()).await?;
        let LdapOp::ExtendedResponse(answer) = operation else {
            return Err(self.fault(NetErrorKind::StartTls, "the answer to StartTLS is something else"));
        };
        if answer.res.code != LdapResultCode::Success {
            let words = format!("StartTLS is refused with result {}", outcome::number(&answer.res.code));
            return Err(self.fault(NetErrorKind::StartTls, &words));
        }
        // Whatever came before the handshake came from anybody.
        if !self.buffer.is_empty() {
            return Err(
                self.fault(NetErrorKind::StartTls, "something was sent between StartTLS and the handshake")
            );
        }
        Ok(())
    }

    /// The id of the next request. From here until its answer is read the connection cannot be used again.
    fn begin(&mut self) -> Result<i32, NetError> {
        if !self.sound || self.last_id == i32::MAX {
            return Err(self.fault(NetErrorKind::Lost, "the connection is used up"));
        }
        self.sound = false;
        self.last_id += 1;
        Ok(self.last_id)
    }

    async fn send(&mut self, message: LdapMsg, deadline: Instant) -> Result<(), NetError> {
        let bytes = message::encode(message)
            .map_err(|_| self.fault(NetErrorKind::Protocol, "the request cannot be written"))?;
        self.write(&bytes, deadline).await
    }

    async fn write(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), NetError> {
        let write = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout_at(deadline, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.fault(NetErrorKind::Lost, &error.to_string())),
            Err(_) => Err(self.fault(NetErrorKind::Timeout, "the request was not taken in time")),
        }
    }

    /// The next message, which must answer `id`.
    async fn answer(
        &mut self,
        id: i32,
        deadline: Instant,
        left: &mut Left,
    ) -> Result<(LdapOp, Vec<LdapControl>), NetError> {
        let frame = self.frame(deadline, &mut left.bytes).await?;
        self.understood(id, &frame, left)
    }

    fn understood(
        &self,
        id: i32,
        frame: &[u8],
        left: &mut Left,
    ) -> Result<(LdapOp, Vec<LdapControl>), NetError> {
        let (message, count) =
            message::decode_within(frame, left.elements).map_err(|fault| self.malformed(fault))?;
        left.elements -= count.min(left.elements);
        match message.op {
            // Notice of Disconnection (RFC 4511 §4.4.1): the server ends the connection, whatever was asked.
            LdapOp::ExtendedResponse(notice) if message.msgid == 0 => {
                let words = format!(
                    "the server ends the connection with result {}",
                    outcome::number(&notice.res.code)
                );
                Err(self.fault(NetErrorKind::Lost, &words))
            }
            operation if message.msgid == id => Ok((operation, message.ctrl)),
            _ => Err(self.fault(NetErrorKind::Protocol, "an answer to a question that was not asked")),
        }
    }

    async fn frame(&mut self, deadline: Instant, left: &mut usize) -> Result<BytesMut, NetError> {
        loop {
            let length = match message::frame_bytes(&self.buffer, RESPONSE_BYTES_MAX.min(*left)) {
                Ok(length) => length,
                Err(fault) => return Err(self.malformed(fault)),
            };
            if let Some(length) = length
                && self.buffer.len() >= length
            {
                *left = left.saturating_sub(length);
                return Ok(self.buffer.split_to(length));
            }
            self.buffer.reserve(READ_BYTES);
            match timeout_at(deadline, self.stream.read_buf(&mut (&mut self.buffer).limit(READ_BYTES))).await
            {
                Ok(Ok(0)) => return Err(self.fault(NetErrorKind::Lost, "the server closed the connection")),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(self.fault(NetErrorKind::Lost, &error.to_string())),
                Err(_) => return Err(self.fault(NetErrorKind::Timeout, "no answer in time")),
            }
        }
    }

    fn malformed(&self, fault: Malformed) -> NetError {
        let kind = match fault {
            Malformed::NotLdap => NetErrorKind::Protocol,
            Malformed::TooLarge(_) | Malformed::TooMany(_) => NetErrorKind::TooLarge,
        };
        self.fault(kind, &fault.to_string())
    }

    fn fault(&self, kind: NetErrorKind, words: &str) -> NetError {
        NetError { may_have_been_sent: true, ..NetError::new(kind, format!("{}: {words}", self.shown)) }
    }
}

/// What may still come in answer to one request.
struct Left {
    bytes: usize,
    elements: usize,
}

impl Default for Left {
    fn default() -> Self {
        Left { bytes: RESPONSE_BYTES_MAX, elements: ELEMENTS_MAX }
    }
}

/// A search that failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SearchError {
    /// The connection did.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The directory refused it, with this result.
    #[error("the directory refuses the search with result {}", outcome::number(&.0.code))]
    Refused(Refused),
}

/// What a directory says that refuses a search.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The result.
    pub code: LdapResultCode,
    /// The last entry there is on the way to the one that was asked for; empty when it does not say (RFC 4511 §4.1.9).
    pub matched: String,
}
