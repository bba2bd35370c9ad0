//! The body of a request on its way to a service: no longer than the service takes, and never waiting for ever.

use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Sleep;
use wasket_session::{BodyFault, HttpBody};

/// The body of a request as it comes over the connection, in either version of HTTP.
pub(crate) trait RequestBody:
    Body<Data = Bytes, Error: Display> + Send + Unpin + 'static
{
}

impl<B> RequestBody for B where B: Body<Data = Bytes, Error: Display> + Send + Unpin + 'static {}

/// What the service reads.
struct Arriving<B> {
    /// `None` once it has failed, or has been given back.
    body: Option<B>,
    /// Bytes that may still come.
    room: u64,
    within: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    left: Arc<Mutex<Left<B>>>,
}

/// What became of a body.
enum Left<B> {
    /// The service still has it.
    Reading,
    /// The service has dropped it; perhaps something is left of it.
    Dropped(B),
    Failed(BodyFault),
}

/// The end of a body that stays with the connection.
pub(crate) struct Remains<B>(Arc<Mutex<Left<B>>>);

/// How the connection goes on after a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Onward {
    /// Whatever comes next is the next request.
    Next,
    /// It is not known where the next request would begin, or that is too far away.
    End,
}

/// A body for a service that takes so many bytes, each part within this time of the one before.
pub(crate) fn arriving<B: RequestBody>(
    body: B,
    bytes_max: u64,
    within: Duration,
) -> (HttpBody, Remains<B>) {
    let left = Arc::new(Mutex::new(Left::Reading));
    let arriving = Arriving {
        body: Some(body),
        room: bytes_max,
        within,
        waiting: None,
        left: Arc::clone(&left),
    };
    (arriving.boxed_unsync(), Remains(left))
}

impl<B: RequestBody> Remains<B> {
    /// What is left where nobody was to read it.
    pub(crate) fn unread(body: B) -> Self {
        Self(Arc::new(Mutex::new(Left::Dropped(body))))
    }

    /// Why the service could not read it to its end: whatever it answered, this is what its peer is to know.
    pub(crate) fn fault(&self) -> Option<BodyFault> {
        match &*self.0.lock() {
            Left::Failed(fault) => Some(fault.clone()),
            Left::Reading | Left::Dropped(_) => None,
        }
    }

    /// Throws away what the service has not read, if it is a little and comes soon. `awaits_leave`: the peer sends it
    /// only when it is told to (`Expect: 100-continue`), and reading it would tell it so.
    pub(crate) async fn discard(self, awaits_leave: bool) -> Onward {
        let left = std::mem::replace(&mut *self.0.lock(), Left::Reading);
        match left {
            // The answer's own body may need it. hyper does not take what is left in the end for a request.
            Left::Reading => Onward::Next,
            Left::Dropped(body) if body.is_end_stream() => Onward::Next,
            Left::Failed(_) => Onward::End,
            Left::Dropped(_) if awaits_leave => Onward::End,
            Left::Dropped(body) => {
                match tokio::time::timeout(DISCARD_WITHIN, discard(body)).await {
                    Ok(true) => Onward::Next,
                    _ => Onward::End,
                }
            }
        }
    }
}

async fn discard<B: RequestBody>(mut body: B) -> bool {
    let mut room = DISCARD_BYTES_MAX;
    loop {
        if body.size_hint().lower() > room {
            return false;
        }
        match body.frame().await {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let Some(less) = room.checked_sub(bytes as u64) else {
                    return false;
                };
                room = less;
            }
        }
    }
}

impl<B> Arriving<B> {
    fn fail(&mut self, fault: BodyFault) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        self.body = None;
        *self.left.lock() = Left::Failed(fault.clone());
        Poll::Ready(Some(Err(fault)))
    }
}

impl<B: RequestBody> Body for Arriving<B> {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        // Said in advance: then nothing of it is read, nor asked for.
        if body.size_hint().lower() > this.room {
            return this.fail(BodyFault::TooLong);
        }
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(polled) => {
                this.waiting = None;
                match polled {
                    None => Poll::Ready(None),
                    Some(Err(error)) => this.fail(BodyFault::Broken(error.to_string())),
                    Some(Ok(frame)) => {
                        let bytes = frame.data_ref().map_or(0, Bytes::len);
                        match this.room.checked_sub(bytes as u64) {
                            Some(room) => this.room = room,
                            None => return this.fail(BodyFault::TooLong),
                        }
                        Poll::Ready(Some(Ok(frame)))
                    }
                }
            }
            Poll::Pending => {
                let within = this.within;
                let waiting = this
                    .waiting
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
                match waiting.as_mut().poll(cx) {
                    Poll::Ready(()) => this.fail(BodyFault::Slow),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> Drop for Arriving<B> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            *self.left.lock() = Left::Dropped(body);
        }
    }
}

/// What is read of a body that no service wants, so that the connection can go on.
const DISCARD_BYTES_MAX: u64 = 64 << 10;
const DISCARD_WITHIN: Duration = Duration::from_secs(1);
