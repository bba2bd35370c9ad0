//! What is written to the socket, and who waits for it.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::outgoing::Done;

/// Bytes on their way, and those whose messages end in them.
pub(super) struct Output {
    bytes: Vec<u8>,
    written: usize,
    waiting: Vec<Done>,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            written: 0,
            waiting: Vec::new(),
        }
    }

    /// Where to append. Only what ends a frame may be followed by another.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
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
    pub(super) async fn write(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if let Some(rest @ [_, ..]) = self.bytes.get(self.written..) {
            match to.write(rest).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                more => self.written += more,
            }
        }
        if self.written < self.bytes.len() {
            return Ok(());
        }
        to.flush().await?;
        self.written = 0;
        self.bytes.clear();
        self.bytes.shrink_to(BYTES_KEPT);
        for done in self.waiting.drain(..) {
            // Who does not wait any more need not know.
            let _ = done.send(Ok(()));
        }
        Ok(())
    }
}

/// How much is appended before it is written.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// A buffer that has grown past this is not kept.
const BYTES_KEPT: usize = 2 * PIECE_BYTES;
