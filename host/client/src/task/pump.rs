//! A message whose bytes come from a reader: fragments in bounded memory.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use wasket_ws::Opcode;
use wasket_ws::frame::{self, FirstByte};

/// A binary message that is read as it is sent.
pub(crate) struct Pump {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    /// What is still to come, where that is known.
    left: Option<u64>,
    /// Room for one fragment.
    chunk: Vec<u8>,
    filled: usize,
    /// The chunk goes out now.
    is_ready: bool,
    is_at_end: bool,
    is_begun: bool,
}

impl Pump {
    pub(crate) fn new(reader: impl AsyncRead + Send + 'static, len: Option<u64>) -> Self {
        Self {
            reader: Box::pin(reader),
            left: len,
            chunk: Vec::new(),
            filled: 0,
            is_ready: false,
            is_at_end: false,
            is_begun: false,
        }
    }

    /// Whether a fragment of the message is out.
    pub(super) fn is_begun(&self) -> bool {
        self.is_begun
    }

    pub(super) fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Reads until the chunk is full, the end is there, or the reader has nothing more for now.
    pub(super) async fn read(&mut self) -> io::Result<()> {
        poll_fn(|ctx| self.poll(ctx)).await
    }

    fn poll(&mut self, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.chunk.is_empty() {
            self.chunk = vec![0; CHUNK_BYTES];
        }
        while !self.is_ready {
            let room = match self.left {
                Some(left) => usize::try_from(left).unwrap_or(usize::MAX),
                None => usize::MAX,
            };
            if room == 0 {
                self.is_at_end = true;
                self.is_ready = true;
                break;
            }
            let end = self.filled.saturating_add(room).min(self.chunk.len());
            let mut buf = ReadBuf::new(self.chunk.get_mut(self.filled..end).unwrap_or_default());
            match self.reader.as_mut().poll_read(ctx, &mut buf) {
                Poll::Ready(Ok(())) => {
                    let read = buf.filled().len();
                    self.took(read)?;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if self.filled > 0 => self.is_ready = true,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn took(&mut self, read: usize) -> io::Result<()> {
        self.filled += read;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(read as u64);
            if read == 0 {
                let what = "the source ended before the length that was said of it";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
            }
        }
        self.is_at_end = read == 0 || self.left == Some(0);
        self.is_ready = self.is_at_end || self.filled == self.chunk.len();
        Ok(())
    }

    /// Appends the chunk as a frame. Whether it was the last.
    pub(super) fn frame(&mut self, out: &mut Vec<u8>, key: [u8; 4]) -> bool {
        let first = FirstByte {
            fin: self.is_at_end,
            rsv1: false,
            opcode: match self.is_begun {
                true => Opcode::Continuation,
                false => Opcode::Binary,
            },
        };
        let payload = self.chunk.get(..self.filled).unwrap_or_default();
        frame::encode_first(out, first, payload, Some(key));
        self.is_begun = true;
        self.is_ready = false;
        self.filled = 0;
        self.is_at_end
    }
}

/// A fragment's payload at most.
const CHUNK_BYTES: usize = 64 << 10;
