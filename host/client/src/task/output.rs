//! What is written to the socket, and who waits for it.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::outgoing::Done;

/// Bytes on their way, and those whose messages end in them.
pub(super) struct Output {
    /// Lent by a thread as long as something is in it.
    bytes: Vec<u8>,
    written: usize,
    waiting: Vec<Done>,
    /// The socket had no room when it was last written to.
    is_held_up: bool,
}

/// What writing has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// What the socket had room for.
    Something,
    /// The same after it had none: the server has taken something.
    Onwards,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            written: 0,
            waiting: Vec::new(),
            is_held_up: false,
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
    }

    /// Writes something; once all is written, flushes and tells. Dropped at any point it has lost nothing.
    pub(super) async fn write(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<Wrote> {
        let mut wrote = Wrote::Something;
        if let Some(rest @ [_, ..]) = self.bytes.get(self.written..) {
            let is_held_up = &mut self.is_held_up;
            let written = poll_fn(|ctx| {
                let written = Pin::new(&mut *to).poll_write(ctx, rest);
                if written.is_pending() {
                    *is_held_up = true;
                } else if std::mem::take(is_held_up) {
                    wrote = Wrote::Onwards;
                }
                written
            });
            match written.await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                more => self.written += more,
            }
        }
        if self.written < self.bytes.len() {
            return Ok(wrote);
        }
        to.flush().await?;
        self.written = 0;
        self.bytes.clear();
        for done in self.waiting.drain(..) {
            // Who does not wait any more need not know.
            let _ = done.send(Ok(()));
        }
        Ok(wrote)
    }
}

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// How much is appended before it is written.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// A buffer that has grown past this is not kept.
const BYTES_KEPT: usize = 2 * PIECE_BYTES;
