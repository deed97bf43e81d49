//! A connection that makes no progress ends: idle between requests, slow in a header, stalled in a write.
//!
//! One timer for each connection, re-armed only when it fires, so that a busy connection pays a comparison.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::head::Head;

/// Limits of one connection; zero is none.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Between requests.
    pub idle: Duration,
    /// From the first byte of a header to its last.
    pub header: Duration,
    /// One stalled write.
    pub write: Duration,
}

/// Requests of one connection that are being answered.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<AtomicUsize>);

/// One of them; counts until it is dropped.
#[derive(Debug)]
pub struct Turn(Arc<AtomicUsize>);

impl InFlight {
    /// Begins one.
    pub fn begin(&self) -> Turn {
        self.0.fetch_add(1, Ordering::Relaxed);
        Turn(self.0.clone())
    }

    fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Turn {
    /// The connection speaks another protocol from now on (a WebSocket): neither headers nor idleness are
    /// judged on it any more.
    pub fn never_ends(self) {
        std::mem::forget(self);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream under limits.
pub struct Limited<S> {
    stream: S,
    limits: Limits,
    in_flight: InFlight,
    /// HTTP/2 keeps a connection busy between requests, so only idleness is judged there.
    h2: bool,
    head: Head,
    waiting_since: Option<(Instant, Waiting)>,
    writing_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Idle,
    Header,
}

impl<S> Limited<S> {
    /// Puts a stream under limits.
    pub fn new(stream: S, limits: Limits, in_flight: InFlight, h2: bool) -> Self {
        Limited {
            stream,
            limits,
            in_flight,
            h2,
            head: Head::default(),
            waiting_since: None,
            writing_since: None,
            timer: None,
        }
    }

    /// Fails when the limit of what the connection waits for is over; arms the timer otherwise.
    fn overdue(&mut self, since: Instant, limit: Duration, cx: &mut Context<'_>) -> bool {
        if limit.is_zero() {
            return false;
        }
        let deadline = since + limit;
        loop {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.deadline() > deadline {
                // Armed for the end of an idle time which a header has ended.
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                // Armed for an earlier moment: it will fire, look again, and be armed anew.
                return false;
            }
            if Instant::now() >= deadline {
                return true;
            }
            timer.as_mut().reset(deadline);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Limited<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(result) => {
                let got = &mut buf.filled_mut()[before..];
                if got.is_empty() || this.h2 || this.in_flight.any() {
                    this.waiting_since = None;
                    return Poll::Ready(result);
                }
                let since = match this.waiting_since {
                    // A header that trickles in does not start its time anew.
                    Some((since, Waiting::Header)) => since,
                    _ => {
                        this.head = Head::default();
                        Instant::now()
                    }
                };
                this.head.take(got);
                this.h2 = this.head.is_h2_preface;
                let goes_on = !this.head.ended && !this.h2;
                this.waiting_since = goes_on.then_some((since, Waiting::Header));
                Poll::Ready(result)
            }
            Poll::Pending => {
                if this.in_flight.any() {
                    this.waiting_since = None;
                    return Poll::Pending;
                }
                let (since, waiting) =
                    *this.waiting_since.get_or_insert_with(|| (Instant::now(), Waiting::Idle));
                let limit = if waiting == Waiting::Idle { this.limits.idle } else { this.limits.header };
                if this.overdue(since, limit, cx) {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Limited<S> {
    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        poll: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match poll {
            Poll::Ready(result) => {
                self.writing_since = None;
                Poll::Ready(result)
            }
            Poll::Pending => {
                let since = *self.writing_since.get_or_insert_with(Instant::now);
                if self.overdue(since, self.limits.write, cx) {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Limited<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.after_write(cx, poll)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.after_write(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn limits() -> Limits {
        Limits {
            idle: Duration::from_secs(75),
            header: Duration::from_secs(5),
            write: Duration::from_secs(20),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn idle_and_slow_headers_end() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut limited = Limited::new(server, limits(), InFlight::default(), false);
        let begun = Instant::now();
        let error = limited.read_u8().await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed().as_secs()), (io::ErrorKind::TimedOut, 75));

        client.write_all(b"GET").await.unwrap();
        let (_keep, server) = (client, limited.stream);
        let mut limited = Limited::new(server, limits(), InFlight::default(), false);
        let begun = Instant::now();
        let mut buf = [0; 8];
        assert_eq!(limited.read(&mut buf).await.unwrap(), 3);
        assert!(limited.read(&mut buf).await.is_err());
        assert_eq!(begun.elapsed().as_secs(), 5, "a header has its own limit");
    }

    /// A request that is answered at once leaves nothing in flight when the next look is taken: what follows
    /// is idleness, not a slow header. And a header that begins after idleness has its own, earlier end.
    #[tokio::test(start_paused = true)]
    async fn between_requests_is_not_in_a_header() {
        let (mut client, server) = tokio::io::duplex(256);
        let mut limited = Limited::new(server, limits(), InFlight::default(), false);
        let mut buf = [0; 256];
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        assert_eq!(limited.read(&mut buf).await.unwrap(), 27);
        let begun = Instant::now();
        let waited = tokio::time::timeout(Duration::from_secs(70), limited.read(&mut buf)).await;
        assert!(waited.is_err(), "closed after {:?}", begun.elapsed());
        client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(limited.read(&mut buf).await.unwrap(), 8);
        let begun = Instant::now();
        assert!(limited.read(&mut buf).await.is_err());
        assert_eq!(begun.elapsed().as_secs(), 5);

        let (_keep, server) = tokio::io::duplex(64);
        let mut limited = Limited::new(server, limits(), InFlight::default(), false);
        let begun = Instant::now();
        assert!(limited.read_u8().await.is_err());
        assert_eq!(begun.elapsed().as_secs(), 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_flight_is_left_alone_and_a_stalled_write_is_not() {
        let (_client, server) = tokio::io::duplex(4);
        let in_flight = InFlight::default();
        let turn = in_flight.begin();
        let mut limited = Limited::new(server, limits(), in_flight, false);
        assert!(
            tokio::time::timeout(Duration::from_secs(600), limited.read_u8()).await.is_err(),
            "still waiting"
        );
        drop(turn);
        assert!(limited.write_all(b"more than the pipe holds").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_speaks_another_protocol_is_not_judged() {
        let (mut client, server) = tokio::io::duplex(64);
        let in_flight = InFlight::default();
        in_flight.begin().never_ends();
        let mut limited = Limited::new(server, limits(), in_flight, false);
        client.write_all(b"frame").await.unwrap();
        let mut buf = [0; 8];
        assert_eq!(limited.read(&mut buf).await.unwrap(), 5);
        assert!(tokio::time::timeout(Duration::from_secs(3600), limited.read(&mut buf)).await.is_err());
    }
}
