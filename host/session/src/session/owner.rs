//! The side of a session that belongs to the task which owns its connection.

use std::sync::atomic::Ordering;
use std::task::Context;

use bytes::Bytes;

use super::{Agreed, LOST, ReadyState, Session, Signals};
use crate::queue::ITEMS_KEPT;
use crate::{Charge, Closing, Frame, Item, Principal};

impl Session {
    /// The handshake is answered: messages may flow. Done once.
    pub fn open(&self, protocol: Option<Box<str>>, principal: Option<Principal>) {
        let _ = self.agreed.set(Agreed {
            protocol,
            principal: principal.map(Box::new),
        });
        self.set_state(ReadyState::Open);
    }

    /// The peer asked to close, or the connection is to end without a closing handshake: from now on
    /// nothing is accepted. What is queued can still be drained.
    pub fn stop_accepting(&self) {
        let _queue = self.queue.lock();
        if self.state() == ReadyState::Open {
            self.set_state(ReadyState::Closing);
        }
        self.room.wake();
    }

    /// The connection to the peer is lost, or given up: nothing is accepted, and nobody shall wait for anything on the
    /// peer's behalf.
    pub fn lose(&self) {
        self.over.fetch_or(LOST, Ordering::AcqRel);
        self.stop_accepting();
    }

    /// The session is over.
    pub fn finish(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.clear(&self.account);
        self.mail.store(false, Ordering::Release);
        self.set_state(ReadyState::Closed);
        drop(queue);
        self.queued_bytes.store(0, Ordering::Relaxed);
        if let Some(rare) = self.rare.lock().as_mut() {
            rare.clear_timers();
        }
        self.room.wake();
    }

    /// Whether [`drain`](Self::drain) would bring anything.
    #[must_use]
    #[inline]
    pub fn has_mail(&self) -> bool {
        self.mail.load(Ordering::Acquire)
    }

    /// Whether somebody asked to close and [`drain`](Self::drain) has not brought it yet.
    #[must_use]
    pub fn is_asked_to_close(&self) -> bool {
        self.has_mail() && self.queue.lock().closing.is_some()
    }

    /// Hands over what is queued, in order, until `take` says `false`, and then the closing, once. The
    /// items' bytes still count until they are reported [`written`](Self::written).
    pub fn drain(&self, mut take: impl FnMut(Item) -> bool) -> Option<Closing> {
        let mut queue = self.queue.lock();
        while let Some(item) = queue.pop() {
            if !take(item) {
                break;
            }
        }
        if !queue.items.is_empty() {
            return None;
        }
        if queue.items.capacity() > ITEMS_KEPT {
            // A session that was slow once shall not keep the memory for it.
            queue.clear(&self.account);
        }
        self.mail.store(false, Ordering::Release);
        let closing = queue.closing.take();
        queue.closed |= closing.is_some();
        closing.map(|closing| *closing)
    }

    /// A drained frame as the peer of this session gets it: deflated, where that was agreed on and is worth it. To be
    /// asked for each frame once, in their order.
    #[must_use]
    pub fn prepare(&self, frame: Frame) -> Frame {
        match &self.deflate {
            Some(deflate) => frame.prepare(deflate, &self.account).unwrap_or(frame),
            None => frame,
        }
    }

    /// The connection holds more (positive) accepted bytes that it could not write yet.
    pub fn held(&self, bytes: usize) {
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A copy of accepted bytes for the connection to hold, on the service's account until it is dropped.
    #[must_use]
    pub fn copy(&self, bytes: &[u8]) -> Bytes {
        if bytes.is_empty() {
            return Bytes::new();
        }
        self.account.hold(bytes.to_vec())
    }

    /// Accepted bytes for the connection to hold, on the service's account until they are dropped.
    #[must_use]
    pub fn own(&self, bytes: Vec<u8>) -> Bytes {
        self.account.hold(bytes)
    }

    /// Counts bytes that are held elsewhere for the session on the service's account, until the charge is dropped.
    #[must_use]
    pub fn charge(&self, bytes: usize) -> Charge {
        Charge::new(&self.account, bytes)
    }

    /// The peer was heard of. Milliseconds since the Unix epoch.
    #[inline]
    pub fn heard(&self, now_ms: u64) {
        self.heard_at_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Asks [`sweep`](Self::sweep) for a wake-up at this time of the host's monotonic clock.
    pub fn set_deadline(&self, at_ms: u64) {
        self.deadline_ms.store(at_ms, Ordering::Relaxed);
    }

    /// Wakes the connection when its deadline has passed. No session has a timer of its own: one task
    /// sweeps them all.
    pub fn sweep(&self, now_ms: u64) {
        if self.deadline_ms.load(Ordering::Relaxed) <= now_ms {
            self.deadline_ms.store(u64::MAX, Ordering::Relaxed);
            self.signal(Signals::DEADLINE);
        }
    }

    /// Why the connection was woken since the last call.
    #[inline]
    pub fn take_signals(&self) -> Signals {
        if self.signals.load(Ordering::Acquire) == 0 {
            return Signals(0);
        }
        Signals(self.signals.swap(0, Ordering::AcqRel))
    }

    /// Has the task of `cx` woken for mail and signals.
    #[inline]
    pub fn register(&self, cx: &Context<'_>) {
        self.connection.register(cx.waker());
    }

    /// Puts frames that the outbox has accepted before whatever others queued since.
    pub(crate) fn publish(&self, bytes: Vec<u8>, messages: u32) {
        let mut queue = self.queue.lock();
        if queue.closed {
            return;
        }
        self.queued_bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        let bytes = self.account.hold(bytes);
        // Nothing was queued when these were sent.
        queue
            .items
            .push_front(Item::Frame(Frame::encoded(bytes, messages)));
        self.mail.store(true, Ordering::Release);
        drop(queue);
        self.connection.wake();
    }
}
