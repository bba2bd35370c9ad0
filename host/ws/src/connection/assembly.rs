//! A message that did not come in one piece.

use std::borrow::Cow;

use super::text::Text;
use crate::frame::{FirstByte, Opcode};
use crate::{Message, Violation};

/// A message under assembly. Its memory follows what has arrived, whatever the headers declare.
pub(crate) struct Assembly {
    payload: Payload,
    /// Its frames so far.
    frames: u32,
    compressed: bool,
    /// The payload bytes that its frames' headers declared so far.
    declared: usize,
    /// Whether the frame under way is its last.
    fin: bool,
}

enum Payload {
    Text(Text),
    Binary(Vec<u8>),
}

impl Assembly {
    pub(super) fn new(first: FirstByte) -> Self {
        let payload = match first.opcode {
            Opcode::Text => Payload::Text(Text::default()),
            _ => Payload::Binary(Vec::new()),
        };
        Self {
            payload,
            frames: 0,
            compressed: first.rsv1,
            declared: 0,
            fin: false,
        }
    }

    /// Notes that a frame of this message begins. Its length has been checked against the limits.
    pub(super) fn begin_frame(&mut self, fin: bool, payload_len: usize) {
        self.frames = self.frames.saturating_add(1);
        self.declared = self.declared.saturating_add(payload_len);
        self.fin = fin;
    }

    pub(super) fn frames(&self) -> u32 {
        self.frames
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.compressed
    }

    pub(super) fn declared(&self) -> usize {
        self.declared
    }

    pub(super) fn fin(&self) -> bool {
        self.fin
    }

    pub(crate) fn len(&self) -> usize {
        match &self.payload {
            Payload::Text(text) => text.len(),
            Payload::Binary(bytes) => bytes.len(),
        }
    }

    /// Appends payload bytes, which fit the limit.
    pub(crate) fn push(&mut self, bytes: &[u8], message_bytes_max: usize) -> Result<(), Violation> {
        let len_max = if self.fin && !self.compressed {
            self.declared
        } else {
            message_bytes_max
        };
        let additional = growth(self.len(), bytes.len(), self.capacity(), len_max);
        match &mut self.payload {
            Payload::Text(text) => {
                if additional > 0 {
                    text.reserve_exact(additional);
                }
                text.push(bytes)
            }
            Payload::Binary(binary) => {
                binary.reserve_exact(additional);
                binary.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// The message, in memory of about its size.
    pub(super) fn finish(self) -> Result<Message<'static>, Violation> {
        Ok(match self.payload {
            Payload::Text(text) => {
                let mut text = text.finish()?;
                if is_roomy(text.len(), text.capacity()) {
                    text.shrink_to_fit();
                }
                Message::Text(Cow::Owned(text))
            }
            Payload::Binary(mut bytes) => {
                if is_roomy(bytes.len(), bytes.capacity()) {
                    bytes.shrink_to_fit();
                }
                Message::Binary(Cow::Owned(bytes))
            }
        })
    }

    pub(super) fn capacity(&self) -> usize {
        match &self.payload {
            Payload::Text(text) => text.capacity(),
            Payload::Binary(bytes) => bytes.capacity(),
        }
    }
}

/// How many bytes to reserve beyond `len` for `more` of them: at most as many again as have arrived, for a peer that
/// declares much and sends little must not cost more than it sent; and no more than the message can still need.
fn growth(len: usize, more: usize, capacity: usize, len_max: usize) -> usize {
    let needed = len.saturating_add(more);
    if needed <= capacity {
        return 0;
    }
    let roomy = needed.saturating_mul(2).max(CAPACITY_MIN).min(len_max);
    roomy.max(needed) - len
}

/// Whether a finished message would pin clearly more memory than it fills.
fn is_roomy(len: usize, capacity: usize) -> bool {
    capacity - len > len / 4
}

/// So that a message of tiny fragments does not begin with many tiny steps.
const CAPACITY_MIN: usize = 64;
