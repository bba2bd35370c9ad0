//! Where the socket is read to.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use tokio::io::{AsyncRead, ReadBuf};

/// What one read brought, as far as it is not received yet. While there is nothing it has no memory: the buffers belong
/// to threads, and most connections wait most of the time.
#[derive(Default)]
pub(super) struct Input {
    buffer: Vec<u8>,
    /// What of the buffer is left to receive.
    from: usize,
    to: usize,
}

impl Input {
    /// With what came right behind the handshake.
    pub(super) fn starting_with(read_ahead: &[u8]) -> Self {
        Self {
            buffer: read_ahead.to_vec(),
            from: 0,
            to: read_ahead.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// What is left.
    pub(super) fn rest(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.from..self.to).unwrap_or_default()
    }

    /// All but the last so many bytes are received.
    pub(super) fn leave(&mut self, bytes: usize) {
        self.from = self.to.saturating_sub(bytes);
        if self.is_empty() {
            give_back(std::mem::take(self).buffer);
        }
    }

    /// Reads, when nothing is left of what was read before. Dropped at any point it has lost nothing.
    pub(super) async fn read(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        poll_fn(|ctx| {
            let mut buffer = SPARE.take();
            buffer.resize(INPUT_BYTES, 0);
            let mut filled = ReadBuf::new(&mut buffer);
            let read = Pin::new(&mut *from).poll_read(ctx, &mut filled);
            let bytes = filled.filled().len();
            if bytes > 0 && matches!(read, Poll::Ready(Ok(()))) {
                (self.buffer, self.from, self.to) = (buffer, 0, bytes);
            } else {
                give_back(buffer);
            }
            read.map_ok(|()| bytes)
        })
        .await
    }
}

/// To the thread that the task runs on now.
fn give_back(buffer: Vec<u8>) {
    if buffer.len() == INPUT_BYTES {
        SPARE.set(buffer);
    }
}

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What a read brings at most.
const INPUT_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_received_everything_has_no_memory() {
        let mut input = Input::starting_with(b"ahead");
        assert_eq!(input.rest(), b"ahead");
        input.leave(2);
        assert_eq!(input.rest(), b"ad");
        assert!(!input.is_empty());
        input.leave(0);
        assert_eq!((input.is_empty(), input.buffer.capacity()), (true, 0));

        let mut socket = &b"read"[..];
        assert_eq!(input.read(&mut socket).await.unwrap(), 4);
        assert_eq!(input.rest(), b"read");
        input.leave(0);
        assert_eq!(input.buffer.capacity(), 0);
        assert_eq!(SPARE.take().len(), INPUT_BYTES);
        assert_eq!(input.read(&mut socket).await.unwrap(), 0);
        assert!(input.is_empty());
    }
}
