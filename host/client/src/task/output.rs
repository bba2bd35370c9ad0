//! What is written to the socket, and who waits for it.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::AsyncWrite;
use tokio::time::timeout_at;

use super::outgoing::Done;
use crate::clock::after;

/// Bytes on their way, and those whose messages end in them.
pub(super) struct Output {
    /// Lent by a thread as long as something is in it.
    bytes: Vec<u8>,
    written: usize,
    waiting: Vec<Done>,
    /// The socket had no room.
    is_held_up: bool,
    /// Since that counts: until when it has to have some.
    held_up_until: Option<Instant>,
    /// For how long it may have none.
    within: Duration,
}

/// What writing has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// What the socket had room for.
    Something,
    /// The same after it had none: the server has taken something.
    Onwards,
    /// It had no room for as long as that may be.
    NothingForTooLong,
}

impl Output {
    pub(super) fn new(within: Duration) -> Self {
        Self {
            bytes: Vec::new(),
            written: 0,
            waiting: Vec::new(),
            is_held_up: false,
            held_up_until: None,
            within,
        }
    }

    /// Where to append. Only what ends a frame may be followed by another.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = SPARE.take();
        }
        &mut self.bytes
    }

    /// Keeps no memory for nothing: the thread that the task runs on now has more use for it.
    pub(super) fn rest(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        match bytes.is_empty() {
            true if (1..=BYTES_KEPT).contains(&bytes.capacity()) => SPARE.set(bytes),
            true => {}
            false => self.bytes = bytes,
        }
    }

    /// Tells `done` once everything appended so far is written.
    pub(super) fn tell(&mut self, done: Done) {
        self.waiting.push(done);
    }

    /// Whether the socket had no room when it was last asked: what judges the server then is how long that lasts.
    pub(super) fn is_held_up(&self) -> bool {
        self.is_held_up
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes.len() < PIECE_BYTES
    }

    /// Whether nothing is left to write and to flush.
    pub(super) fn is_written(&self) -> bool {
        self.bytes.is_empty() && self.waiting.is_empty()
    }

    /// Forgets what is left: who waits for it learns it by the drop.
    pub(super) fn abandon(&mut self) {
        self.bytes.clear();
        self.written = 0;
        self.waiting.clear();
        self.is_held_up = false;
        self.held_up_until = None;
    }

    /// Writes something; once all is written, flushes and tells. Dropped at any point it has lost nothing. Only where
    /// `counts` there is an end to how long the socket may have no room.
    pub(super) async fn write(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        counts: bool,
    ) -> io::Result<Wrote> {
        let at_once = poll_fn(|ctx| Poll::Ready(self.poll(to, ctx))).await;
        if let Poll::Ready(wrote) = at_once {
            return wrote;
        }
        self.is_held_up = true;
        if !counts {
            self.held_up_until = None;
            return poll_fn(|ctx| self.poll(to, ctx)).await;
        }
        // Only now there is something to time.
        let within = self.within;
        let until = *self.held_up_until.get_or_insert_with(|| after(within));
        let writing = poll_fn(|ctx| self.poll(to, ctx));
        let wrote = timeout_at(until.into(), writing).await;
        wrote.unwrap_or(Ok(Wrote::NothingForTooLong))
    }

    fn poll(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        ctx: &mut Context<'_>,
    ) -> Poll<io::Result<Wrote>> {
        if let Some(rest @ [_, ..]) = self.bytes.get(self.written..) {
            match ready!(Pin::new(&mut *to).poll_write(ctx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => self.written += more,
            }
        }
        if self.written == self.bytes.len() {
            ready!(Pin::new(to).poll_flush(ctx))?;
            self.written = 0;
            self.bytes.clear();
            for done in self.waiting.drain(..) {
                // Who does not wait any more need not know.
                let _ = done.send(Ok(()));
            }
        }
        self.held_up_until = None;
        Poll::Ready(Ok(match std::mem::take(&mut self.is_held_up) {
            true => Wrote::Onwards,
            false => Wrote::Something,
        }))
    }
}

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// How much is appended before it is written.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// A buffer that has grown past this is not kept.
const BYTES_KEPT: usize = 2 * PIECE_BYTES;
