//! TCP and TLS streams to named hosts: resolution, the loopback rule, budgets, and what each part took.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::{NetError, NetErrorKind, Phases, TlsVersion};
use crate::value::WebUrl;
use crate::value::url::PlainHttp;

/// Longest wait for one TCP handshake. One dead provider then costs a sign-in at most this.
pub const CONNECT_MILLIS_MAX: u64 = 3_000;

/// Plain or encrypted.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// Opens a stream to the host of `url`, within `deadline`.
pub async fn dial(
    url: &WebUrl,
    tls: &Arc<ClientConfig>,
    plain: &PlainHttp,
    deadline: Instant,
) -> Result<(Stream, Phases), NetError> {
    let mut phases = Phases::default();
    if !plain.permits(url) {
        return Err(NetError::new(
            NetErrorKind::NotPermitted,
            format!(
                "{} is plain http, which is only used on loopback or with --allow-insecure-http",
                url.host()
            ),
        ));
    }
    let port = url.url().port_or_known_default().unwrap_or(443);
    let tcp = tcp(url.host(), port, &|peer| plain.permits_peer(url, peer), deadline, &mut phases).await?;
    if !url.is_https() {
        return Ok((Stream::Plain(tcp), phases));
    }
    let stream = handshake(url.host(), &url.authority(), tls, tcp, deadline, &mut phases).await?;
    Ok((stream, phases))
}

/// A TCP stream to `host` (IPv6 with or without brackets) at one of the addresses that `permits` lets pass.
pub(super) async fn tcp(
    host: &str,
    port: u16,
    permits: &(dyn Fn(IpAddr) -> bool + Sync),
    deadline: Instant,
    phases: &mut Phases,
) -> Result<TcpStream, NetError> {
    let begun = Instant::now();
    let addresses = resolve(host, port, deadline).await?;
    phases.dns = Some(begun.elapsed());

    let begun = Instant::now();
    let connect_by = deadline.min(begun + Duration::from_millis(CONNECT_MILLIS_MAX));
    let tcp = connect(host, &addresses, permits, connect_by)
        .await
        .map_err(|e| NetError { phases: phases.clone(), ..e })?;
    let _ = tcp.set_nodelay(true);
    phases.tcp = Some(begun.elapsed());
    Ok(tcp)
}

/// TLS over a stream, the certificate checked against `host`. `shown` names the peer in an error.
pub(super) async fn handshake(
    host: &str,
    shown: &str,
    tls: &Arc<ClientConfig>,
    tcp: TcpStream,
    deadline: Instant,
    phases: &mut Phases,
) -> Result<Stream, NetError> {
    let begun = Instant::now();
    let fail = |kind, detail: String, phases: &Phases| NetError {
        phases: phases.clone(),
        ..NetError::new(kind, detail)
    };
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .map_err(|_| fail(NetErrorKind::Name, format!("{host} is not a name TLS knows"), phases))?;
    match timeout_at(deadline, TlsConnector::from(tls.clone()).connect(name, tcp)).await {
        Err(_) => Err(fail(NetErrorKind::Timeout, format!("{shown}: no TLS handshake in time"), phases)),
        Ok(Err(error)) => Err(fail(NetErrorKind::Tls, format!("{shown}: {error}"), phases)),
        Ok(Ok(stream)) => {
            phases.tls = Some(begun.elapsed());
            Ok(Stream::Tls(Box::new(stream)))
        }
    }
}

async fn resolve(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, NetError> {
    let host = host.trim_matches(['[', ']']);
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    // RFC 6761 6.3: names below localhost are loopback; not every system resolver knows.
    if host.ends_with(".localhost") {
        return Ok(vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)]);
    }
    match timeout_at(deadline, tokio::net::lookup_host((host, port))).await {
        Err(_) => {
            Err(NetError::new(NetErrorKind::Timeout, format!("{host}: the name was not resolved in time")))
        }
        Ok(Err(error)) if is_ours(&error) => {
            Err(NetError::new(NetErrorKind::Ours, format!("{host}: {error}")))
        }
        Ok(Err(error)) => Err(NetError::new(NetErrorKind::Name, format!("{host}: {error}"))),
        Ok(Ok(found)) => {
            let mut found: Vec<SocketAddr> = found.collect();
            // Services on loopback mostly listen on 127.0.0.1 alone.
            found.sort_by_key(|a| !a.is_ipv4());
            if found.is_empty() {
                return Err(NetError::new(NetErrorKind::Name, format!("{host} has no address")));
            }
            Ok(found)
        }
    }
}

/// Whether a failure is this machine's own: out of descriptors, buffers, local ports or memory.
fn is_ours(error: &io::Error) -> bool {
    // EMFILE, ENFILE, ENOBUFS, ENOMEM on Linux; the standard library has no kind for the first three.
    const OURS: [i32; 4] = [24, 23, 105, 12];
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.kind() == io::ErrorKind::OutOfMemory
        || error.raw_os_error().is_some_and(|code| OURS.contains(&code))
}

async fn connect(
    host: &str,
    addresses: &[SocketAddr],
    permits: &(dyn Fn(IpAddr) -> bool + Sync),
    deadline: Instant,
) -> Result<TcpStream, NetError> {
    let mut last = NetError::new(NetErrorKind::Name, format!("{host} has no address"));
    for (place, address) in addresses.iter().enumerate() {
        if !permits(address.ip()) {
            last = NetError::new(
                NetErrorKind::NotPermitted,
                format!("{host} resolves to {}, which is not loopback", address.ip()),
            );
            continue;
        }
        let until = share(Instant::now(), deadline, addresses.len() - place);
        match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => {
                let kind = match error.kind() {
                    _ if is_ours(&error) => NetErrorKind::Ours,
                    io::ErrorKind::ConnectionRefused => NetErrorKind::Refused,
                    io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => NetErrorKind::Lost,
                    io::ErrorKind::TimedOut => NetErrorKind::Timeout,
                    _ => NetErrorKind::Unreachable,
                };
                last = NetError::new(kind, format!("{address}: {error}"));
            }
            Err(_) => {
                last = NetError::new(NetErrorKind::Timeout, format!("{address}: no connection in time"));
            }
        }
    }
    Err(last)
}

/// Until when one of `count` addresses is waited for: each has its share of what is left, so that a dead one does
/// not stand before the others.
fn share(now: Instant, deadline: Instant, count: usize) -> Instant {
    let left = deadline.saturating_duration_since(now);
    now + left / u32::try_from(count.max(1)).unwrap_or(u32::MAX)
}

impl Stream {
    /// What the peer's certificates and the handshake say, into `phases`; days are counted from `now` (Unix
    /// seconds).
    pub fn describe(&self, now: u64, phases: &mut Phases) {
        let Stream::Tls(stream) = self else { return };
        let session = stream.get_ref().1;
        let days_left = |certificate: &CertificateDer<'_>| {
            let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
            let secs = parsed.validity().not_after.timestamp() - i64::try_from(now).ok()?;
            i32::try_from(secs.div_euclid(86_400)).ok()
        };
        let chain = session.peer_certificates().unwrap_or_default();
        phases.certificate_days_left = chain.first().and_then(days_left);
        phases.chain_days_left = chain.iter().filter_map(days_left).min();
        phases.tls_version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => Some(TlsVersion::V13),
            Some(ProtocolVersion::TLSv1_2) => Some(TlsVersion::V12),
            _ => None,
        };
    }

    /// Whether it is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    /// The protocol chosen by ALPN.
    pub fn is_h2(&self) -> bool {
        matches!(self, Stream::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2"))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Stream::Tls(s) => Pin::new(s).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(s) => s.is_write_vectored(),
            Stream::Tls(s) => s.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_flush(cx),
            Stream::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_address_leaves_time_for_the_others() {
        let now = Instant::now();
        let deadline = now + Duration::from_millis(3_000);
        let wait = |passed, count| {
            let now = now + Duration::from_millis(passed);
            (share(now, deadline, count) - now).as_millis()
        };
        assert_eq!([wait(0, 3), wait(1_000, 2), wait(2_000, 1)], [1_000; 3]);
        assert_eq!((wait(0, 1), wait(3_000, 2), wait(4_000, 0)), (3_000, 0, 0));
    }
}
