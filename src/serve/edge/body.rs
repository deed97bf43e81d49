//! Bodies of answers and requests, without boxing the common cases.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

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
pub enum Body {
    /// Ours.
    Full(Full<Bytes>),
    /// An upstream's, streamed.
    Upstream(Incoming),
}

impl Body {
    /// Nothing.
    pub fn empty() -> Self {
        Body::Full(Full::default())
    }

    /// These bytes.
    pub fn of(bytes: impl Into<Bytes>) -> Self {
        Body::Full(Full::new(bytes.into()))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Body::Full(full) => {
                Pin::new(full).poll_frame(cx).map(|f| f.map(|r| r.map_err(|never| match never {})))
            }
            Body::Upstream(incoming) => {
                Pin::new(incoming).poll_frame(cx).map(|f| f.map(|r| r.map_err(BodyError::Peer)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Full(full) => full.is_end_stream(),
            Body::Upstream(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Full(full) => full.size_hint(),
            Body::Upstream(incoming) => incoming.size_hint(),
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
        }
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
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
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
