//! The body of an answer, as a guest reads it: if it does.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{self, Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::{Instant, Sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

use super::ahead::Ahead;
use super::errand::error_of;
use super::outgoing::Place;

/// How long somebody is waited for.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// The peer, for more of the body; and the guest, once it has begun to read.
    pub(super) between: Duration,
    /// The guest, to begin.
    pub(super) unread: Duration,
}

/// An answer for the guest, and its end for whoever keeps the connection going.
pub(super) fn tie(
    response: Response<Incoming>,
    patience: Patience,
    place: Arc<Place>,
) -> (Response<WasiBody>, Unread) {
    let (head, body) = response.into_parts();
    let is_over = body.is_end_stream();
    let open = Open {
        body: Ahead::new(body.map_err(|error| error_of(&error)).boxed_unsync()),
        is_wanted: false,
        place: Some(place),
        left_until: Instant::now() + patience.unread,
    };
    let open = Arc::new(Mutex::new(Some(open).filter(|_| !is_over)));
    let body = Fetched {
        open: Arc::clone(&open),
        is_over,
        patience,
        waiting: None,
    };
    let response = Response::from_parts(head, body.boxed_unsync());
    (response, Unread(open))
}

/// What there is while it has not come to its end, nor was left for too long.
struct Open {
    body: Ahead,
    /// The guest has begun to read: from there on it is woken for more, and nobody else.
    is_wanted: bool,
    place: Option<Arc<Place>>,
    /// How long the guest need not look at it.
    left_until: Instant,
}

pub(super) struct Unread(Arc<Mutex<Option<Open>>>);

impl Unread {
    /// Keeps the connection going as long as somebody reads what it brings: a guest that does not care may never say so.
    pub(super) async fn keep(self, connection: impl Future) {
        let (mut connection, mut left) = (pin!(connection), pin!(self.is_left()));
        tokio::select! {
            biased;
            _ = &mut connection => {
                if !self.is_short() {
                    left.await;
                }
            }
            is_left = &mut left => {
                if !is_left {
                    // What the guest sends may go on.
                    connection.await;
                }
            }
            () = self.comes_unasked() => {
                connection.await;
            }
        }
    }

    /// Whether the guest left it; not, when it has come to its end.
    async fn is_left(&self) -> bool {
        loop {
            let until = self.0.lock().as_ref().map(|open| open.left_until);
            let Some(until) = until else { return false };
            sleep_until(until).await;
            let mut open = self.0.lock();
            if open.as_ref().is_some_and(|open| open.left_until == until) {
                *open = None;
                return true;
            }
        }
    }

    /// Ends when all of a short body is here, which then need not have a place. The connection would else wait for
    /// somebody to take the first piece of it, and never bring the last.
    async fn comes_unasked(&self) {
        poll_fn(|cx| {
            let mut open = self.0.lock();
            let Some(open) = open.as_mut().filter(|open| !open.is_wanted) else {
                return Poll::Pending;
            };
            if !task::ready!(open.body.poll_short(cx)) {
                return Poll::Pending;
            }
            open.place = None;
            Poll::Ready(())
        })
        .await;
    }

    /// The same where there is no connection any more.
    fn is_short(&self) -> bool {
        let mut open = self.0.lock();
        let Some(open) = open.as_mut() else {
            return false;
        };
        let is_short = open.body.is_short();
        if is_short {
            open.place = None;
        }
        is_short
    }
}

/// What the guest reads.
struct Fetched {
    open: Arc<Mutex<Option<Open>>>,
    is_over: bool,
    patience: Patience,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Fetched {
    fn end(&mut self) {
        self.is_over = true;
        *self.open.lock() = None;
    }

    /// The next frame, as far as it is here; an error when it was left for so long that there is nothing any more.
    fn poll_open(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut open = self.open.lock();
        let Some(open) = &mut *open else {
            return Poll::Ready(Some(Err(match self.waiting {
                Some(_) => Error::ConnectionReadTimeout,
                None => Error::ConnectionTerminated,
            })));
        };
        open.is_wanted = true;
        open.left_until = Instant::now() + self.patience.between.max(self.patience.unread);
        Pin::new(&mut open.body).poll_frame(cx)
    }
}

impl Body for Fetched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = this.poll_open(cx) {
            this.waiting = None;
            if !matches!(frame, Some(Ok(_))) {
                this.end();
            }
            return Poll::Ready(frame);
        }
        let between = this.patience.between;
        let sleep = || Box::pin(tokio::time::sleep(between));
        task::ready!(this.waiting.get_or_insert_with(sleep).as_mut().poll(cx));
        this.end();
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        let is_at_end = |open: &Open| open.body.is_end_stream();
        self.is_over || self.open.lock().as_ref().is_some_and(is_at_end)
    }

    fn size_hint(&self) -> SizeHint {
        match &*self.open.lock() {
            Some(open) => open.body.size_hint(),
            None if self.is_over => SizeHint::with_exact(0),
            None => SizeHint::default(),
        }
    }
}
