use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use crate::event::Fault;
use crate::task::Item;
use crate::{Closed, Event};

/// The half of a connection that events come out of. It is a [`Stream`], too.
///
/// When events are not taken the socket is not read, so that the server has to wait; sending goes on.
pub struct Receiver {
    items: mpsc::Receiver<Item>,
    outcome: watch::Receiver<Option<Closed>>,
    /// Of the event that was taken last: who asks for another is done with it.
    share: Option<OwnedSemaphorePermit>,
    is_over: bool,
    /// Whether a sender was asked to close.
    is_closing: Arc<AtomicBool>,
}

impl Receiver {
    pub(crate) fn new(
        items: mpsc::Receiver<Item>,
        outcome: watch::Receiver<Option<Closed>>,
        is_closing: Arc<AtomicBool>,
    ) -> Self {
        Self {
            items,
            outcome,
            share: None,
            is_over: false,
            is_closing,
        }
    }

    /// Whether a sender was asked to close, whoever came first with it.
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// The next event. The last one is [`Event::Close`]; then `None`.
    ///
    /// Cancel-safe: an event is returned or still there.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|ctx| self.poll(ctx)).await
    }

    fn poll(&mut self, ctx: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.share = None;
        let item = ready!(self.items.poll_recv(ctx));
        Poll::Ready(Some(match item {
            Some(item) => {
                self.share = Some(item.share);
                item.event
            }
            None => {
                self.is_over = true;
                Event::Close(outcome(&self.outcome))
            }
        }))
    }
}

/// How the connection ended, once its task has.
pub(crate) fn outcome(of: &watch::Receiver<Option<Closed>>) -> Closed {
    let closed = of.borrow().clone();
    closed.unwrap_or_else(|| Closed::lost(Fault::Stopped))
}

impl Stream for Receiver {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll(ctx)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
