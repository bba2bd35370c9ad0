//! The body of a request on its way to a service: no longer than the service takes, and never waiting for ever.

use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
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
    held: Arc<Mutex<Held<B>>>,
    /// Bytes that may still come.
    room: u64,
    within: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

/// A body between its connection and the service.
struct Held<B> {
    /// `None` once it has failed, or the connection has taken it back.
    body: Option<B>,
    /// Whether the service still has its end.
    kept: bool,
    fault: Option<BodyFault>,
    reader: Option<Waker>,
}

/// The end of a body that stays with the connection.
pub(crate) struct Remains<B>(Arc<Mutex<Held<B>>>);

/// How the connection goes on after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Onward {
    /// Whatever comes next is the next request.
    Next,
    /// The service reads on while it answers. hyper takes nothing of what it leaves for a request.
    Reading,
    /// It is not known where the next request would begin, or that is too far away.
    End,
}

/// A body for a service that takes so many bytes, each part within this time of the one before.
pub(crate) fn arriving<B: RequestBody>(
    body: B,
    bytes_max: u64,
    within: Duration,
) -> (HttpBody, Remains<B>) {
    let remains = Remains::of(body, true);
    let arriving = Arriving {
        held: Arc::clone(&remains.0),
        room: bytes_max,
        within,
        waiting: None,
    };
    (arriving.boxed_unsync(), remains)
}

impl<B: RequestBody> Remains<B> {
    /// What is left where nobody was to read it.
    pub(crate) fn unread(body: B) -> Self {
        Self::of(body, false)
    }

    fn of(body: B, kept: bool) -> Self {
        Self(Arc::new(Mutex::new(Held {
            body: Some(body),
            kept,
            fault: None,
            reader: None,
        })))
    }

    /// Why the service could not read it to its end: whatever it answered, this is what its peer is to know.
    pub(crate) fn fault(&self) -> Option<BodyFault> {
        self.0.lock().fault.clone()
    }

    /// Throws away what the service has not read, if it is a little and has come already: to wait for more would
    /// cost more than another connection. `awaits_leave`: the peer sends it only when it is told to
    /// (`Expect: 100-continue`), and reading it would tell it so.
    pub(crate) async fn discard(&self, awaits_leave: bool) -> Onward {
        let body = {
            let mut held = self.0.lock();
            match &held.body {
                Some(body) if body.is_end_stream() => return Onward::Next,
                Some(_) if held.kept => return Onward::Reading,
                _ => held.body.take(),
            }
        };
        match body {
            Some(body) if !awaits_leave => discard(body).await,
            _ => Onward::End,
        }
    }

    /// Takes it from a service that still has it.
    pub(crate) fn take_back(&self) {
        let mut held = self.0.lock();
        held.kept = false;
        if let Some(reader) = held.reader.take() {
            reader.wake();
        }
    }

    /// An answer with whose end the request's body ends too. A service that keeps it longer would keep the connection
    /// from its next request, and nothing would ever end that.
    pub(crate) fn until_answered(self, answer: HttpBody) -> HttpBody {
        Answering {
            answer,
            remains: self,
        }
        .boxed_unsync()
    }
}

async fn discard<B: RequestBody>(mut body: B) -> Onward {
    let mut room = DISCARD_BYTES_MAX;
    let mut asked = false;
    while body.size_hint().lower() <= room {
        match body.frame().now_or_never() {
            Some(None) => return Onward::Next,
            Some(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let Some(less) = room.checked_sub(bytes as u64) else {
                    break;
                };
                room = less;
                asked = false;
            }
            // The connection hands on what it has read when it is asked to, in its own turn.
            None if !asked => {
                asked = true;
                tokio::task::yield_now().await;
            }
            Some(Some(Err(_))) | None => break,
        }
    }
    Onward::End
}

impl<B> Held<B> {
    fn fail(&mut self, fault: BodyFault) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        self.body = None;
        self.fault = Some(fault.clone());
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
        let mut held = this.held.lock();
        if !held.kept && held.fault.is_none() {
            return held.fail(BodyFault::Broken("the request is over".into()));
        }
        let Some(body) = &mut held.body else {
            return Poll::Ready(None);
        };
        // Said in advance: then nothing of it is read, nor asked for.
        if body.size_hint().lower() > this.room {
            return held.fail(BodyFault::TooLong);
        }
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(polled) => {
                this.waiting = None;
                match polled {
                    None => Poll::Ready(None),
                    Some(Err(error)) => held.fail(BodyFault::Broken(error.to_string())),
                    Some(Ok(frame)) => {
                        let bytes = frame.data_ref().map_or(0, Bytes::len);
                        match this.room.checked_sub(bytes as u64) {
                            Some(room) => this.room = room,
                            None => return held.fail(BodyFault::TooLong),
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
                    Poll::Ready(()) => held.fail(BodyFault::Slow),
                    Poll::Pending => {
                        held.reader = Some(cx.waker().clone());
                        Poll::Pending
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let held = self.held.lock();
        held.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.held.lock();
        let body = held.body.as_ref();
        body.map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> Drop for Arriving<B> {
    fn drop(&mut self) {
        self.held.lock().kept = false;
    }
}

/// The answer to a request whose body its service still reads.
struct Answering<B: RequestBody> {
    answer: HttpBody,
    remains: Remains<B>,
}

impl<B: RequestBody> Body for Answering<B> {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        Pin::new(&mut self.get_mut().answer).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

impl<B: RequestBody> Drop for Answering<B> {
    fn drop(&mut self) {
        self.remains.take_back();
        // hyper sees that nobody reads it any more, and takes or leaves the rest.
        let body = self.remains.0.lock().body.take();
        drop(body);
    }
}

/// What is read of a body that no service wants, so that the connection can go on.
const DISCARD_BYTES_MAX: u64 = 64 << 10;
