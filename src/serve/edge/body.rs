//! Bodies of answers and requests, without boxing the common cases.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use super::limits::Turn;

/// An error while a body was read or written.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The peer.
    #[error(transparent)]
    Peer(#[from] hyper::Error),
    /// More than the app takes.
    #[error("the request body is larger than {0} bytes")]
    TooLarge(u64),
    /// No progress in time.
    #[error("no progress for {0} s")]
    Stalled(u64),
}

/// Body of an answer.
pub struct Body {
    content: Content,
    /// Ends with the body: the connection is busy until then.
    turn: Option<Turn>,
}

enum Content {
    Full(Full<Bytes>),
    Upstream(Incoming),
}

impl Body {
    /// Nothing.
    pub fn empty() -> Self {
        Body { content: Content::Full(Full::default()), turn: None }
    }

    /// These bytes.
    pub fn of(bytes: impl Into<Bytes>) -> Self {
        Body { content: Content::Full(Full::new(bytes.into())), turn: None }
    }

    /// An upstream's, streamed.
    pub fn upstream(incoming: Incoming) -> Self {
        Body { content: Content::Upstream(incoming), turn: None }
    }

    /// Keeps a turn until the body is done with.
    pub fn hold(&mut self, turn: Turn) {
        self.turn = Some(turn);
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = match &mut this.content {
            Content::Full(full) => {
                Pin::new(full).poll_frame(cx).map(|f| f.map(|r| r.map_err(|never| match never {})))
            }
            Content::Upstream(incoming) => {
                Pin::new(incoming).poll_frame(cx).map(|f| f.map(|r| r.map_err(BodyError::Peer)))
            }
        };
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            this.turn = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Full(full) => full.is_end_stream(),
            Content::Upstream(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Full(full) => full.size_hint(),
            Content::Upstream(incoming) => incoming.size_hint(),
        }
    }
}

/// Body of a request on its way to an upstream: counted, and never still for too long.
pub struct RequestBody {
    incoming: Incoming,
    left: Option<u64>,
    bytes_max: u64,
    pause: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Dropped when the body has been sent, or will not be.
    sent: Option<oneshot::Sender<()>>,
}

impl RequestBody {
    /// `bytes_max` of 0 is no limit; `pause_secs` of 0 is no limit.
    pub fn new(incoming: Incoming, bytes_max: u64, pause_secs: u64) -> Self {
        RequestBody {
            incoming,
            left: (bytes_max > 0).then_some(bytes_max),
            bytes_max,
            pause: (pause_secs > 0).then(|| Duration::from_secs(pause_secs)),
            sleep: None,
            sent: None,
        }
    }

    /// Resolves when the whole body has been handed on: from then on it is the upstream that is slow.
    pub fn sent(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.sent = Some(sender);
        receiver
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.sleep = None;
                if let (Some(left), Some(data)) = (&mut this.left, frame.data_ref()) {
                    match left.checked_sub(data.len() as u64) {
                        Some(rest) => *left = rest,
                        None => return Poll::Ready(Some(Err(BodyError::TooLarge(this.bytes_max)))),
                    }
                }
                // Trailers are not forwarded: they could carry what headers may not.
                if frame.is_trailers() {
                    this.sent = None;
                    return Poll::Ready(None);
                }
                if this.incoming.is_end_stream() {
                    this.sent = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                this.sent = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                let Some(pause) = this.pause else { return Poll::Pending };
                let sleep = this
                    .sleep
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + pause)));
                ready!(sleep.as_mut().poll(cx));
                Poll::Ready(Some(Err(BodyError::Stalled(pause.as_secs()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
