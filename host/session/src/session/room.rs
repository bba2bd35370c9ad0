//! Room in the outbox: who found none, and who is told when there is.

use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use super::{ReadyState, Session, Signals};
use crate::account::OUTBOX_BYTES_ASSURED;

/// What an outbox had no room for. Only what goes out of it ends that.
#[derive(Debug, Default)]
pub(super) struct NoRoom(AtomicU8);

impl NoRoom {
    /// A message was refused: from now on the peer is a slow reader.
    const MESSAGE: u8 = 1;
    /// The seat held something back.
    const SEAT: u8 = 2;

    /// Whether it was not noted already.
    fn note(&self, what: u8) -> bool {
        self.0.fetch_or(what, Ordering::SeqCst) & what == 0
    }

    fn forget(&self, what: u8) {
        self.0.fetch_and(!what, Ordering::SeqCst);
    }

    fn take(&self) -> u8 {
        self.0.swap(0, Ordering::SeqCst)
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Session {
    /// One message always fits an empty outbox.
    #[inline]
    pub(crate) fn has_room(&self, queued: usize, bytes: usize) -> bool {
        let total = queued.saturating_add(bytes);
        queued == 0
            || total <= self.limits.outbox_bytes_max
                && (total <= OUTBOX_BYTES_ASSURED || !self.account.is_full())
    }

    /// A message was refused. Only [`written`](Self::written) ends it, so it does not begin when all was written
    /// meanwhile.
    pub(crate) fn note_full(&self) {
        if !self.no_room.note(NoRoom::MESSAGE) {
            return;
        }
        if self.queued_bytes.load(Ordering::SeqCst) == 0 {
            self.no_room.forget(NoRoom::MESSAGE);
            self.room.wake();
            return;
        }
        self.signal(Signals::FULL);
    }

    /// The seat holds something back, and is [woken](crate::Seat::wake) once half of the outbox is free. Nothing was
    /// refused, so the peer is no slow reader.
    pub(crate) fn note_held_back(&self) {
        self.no_room.note(NoRoom::SEAT);
        if self.queued_bytes.load(Ordering::SeqCst) == 0 {
            self.no_room.forget(NoRoom::SEAT);
            self.room.wake();
            self.wake_seat();
        }
    }

    /// Counted bytes went to the socket, or were given up. Wakes a guest that waits for room once half
    /// the outbox is free; true when the outbox was full until now.
    pub fn written(&self, bytes: usize) -> bool {
        let before = self.queued_bytes.fetch_sub(bytes, Ordering::SeqCst);
        if before - bytes > self.limits.outbox_bytes_max / 2 {
            return false;
        }
        let found_none = self.no_room.take();
        if found_none != 0 {
            self.room.wake();
        }
        if found_none & NoRoom::SEAT != 0 {
            self.wake_seat();
        }
        found_none & NoRoom::MESSAGE != 0
    }

    /// Whether the outbox had no room for a message, and has not drained to half since.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.no_room.get() & NoRoom::MESSAGE != 0
    }

    /// After [`Outcome::Backlogged`](crate::Outcome), or where [`Outbox::has_room`](crate::Outbox::has_room) said no,
    /// waits until half the outbox is free, or the session is no longer open. For a message of more than half the
    /// outbox it waits for any progress. One waiter: the session's own guest.
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.room.register(cx.waker());
        if self.no_room.get() != 0 && self.state() == ReadyState::Open {
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}
