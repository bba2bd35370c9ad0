//! A message that did not come in one piece.

use std::borrow::Cow;

use super::text::Text;
use crate::frame::{FirstByte, Opcode};
use crate::{Message, Violation};

/// A message under assembly. Its memory follows what has arrived, whatever the headers declare; so a compressed one
/// stays deflated until all of it is there.
pub(super) struct Assembly {
    payload: Payload,
    /// Its frames so far.
    frames: u32,
    /// The payload bytes that its frames' headers declared so far.
    declared: usize,
    /// Whether the frame under way is its last.
    fin: bool,
}

enum Payload {
    Plain(Pieces),
    Deflated(Opcode, Vec<u8>),
}

/// What became of an assembly.
pub(super) enum Assembled {
    Message(Message<'static>),
    /// A compressed one, still deflated.
    Deflated(Opcode, Vec<u8>),
}

impl Assembly {
    pub(super) fn new(first: FirstByte) -> Self {
        Self {
            payload: match first.rsv1 {
                true => Payload::Deflated(first.opcode, Vec::new()),
                false => Payload::Plain(Pieces::new(first.opcode)),
            },
            frames: 0,
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
        matches!(self.payload, Payload::Deflated(..))
    }

    pub(super) fn declared(&self) -> usize {
        self.declared
    }

    pub(super) fn fin(&self) -> bool {
        self.fin
    }

    /// Appends payload bytes, which fit the limit.
    pub(super) fn push(&mut self, bytes: &[u8], message_bytes_max: usize) -> Result<(), Violation> {
        let len_max = match (self.fin, self.is_compressed()) {
            (true, _) => self.declared,
            (false, false) => message_bytes_max,
            (false, true) => deflated_bytes_max(message_bytes_max),
        };
        match &mut self.payload {
            Payload::Plain(pieces) => pieces.push(bytes, len_max),
            Payload::Deflated(_, deflated) => {
                append(deflated, bytes, len_max);
                Ok(())
            }
        }
    }

    pub(super) fn finish(self) -> Result<Assembled, Violation> {
        Ok(match self.payload {
            Payload::Plain(pieces) => Assembled::Message(pieces.finish()?),
            Payload::Deflated(opcode, deflated) => Assembled::Deflated(opcode, deflated),
        })
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        match &self.payload {
            Payload::Plain(pieces) => pieces.capacity(),
            Payload::Deflated(_, deflated) => deflated.capacity(),
        }
    }
}

/// A message that grows by pieces of what it says.
pub(super) enum Pieces {
    Text(Text),
    Binary(Vec<u8>),
}

impl Pieces {
    pub(super) fn new(opcode: Opcode) -> Self {
        match opcode {
            Opcode::Text => Self::Text(Text::default()),
            _ => Self::Binary(Vec::new()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Appends a piece. All pieces together are at most `len_max` bytes.
    pub(super) fn push(&mut self, bytes: &[u8], len_max: usize) -> Result<(), Violation> {
        match self {
            Self::Text(text) => {
                let additional = growth(text.len(), bytes.len(), text.capacity(), len_max);
                if additional > 0 {
                    text.reserve_exact(additional);
                }
                text.push(bytes)
            }
            Self::Binary(binary) => {
                append(binary, bytes, len_max);
                Ok(())
            }
        }
    }

    /// The message, in memory of about its size.
    pub(super) fn finish(self) -> Result<Message<'static>, Violation> {
        Ok(match self {
            Self::Text(text) => {
                let mut text = text.finish()?;
                if is_roomy(text.len(), text.capacity()) {
                    text.shrink_to_fit();
                }
                Message::Text(Cow::Owned(text))
            }
            Self::Binary(mut bytes) => {
                if is_roomy(bytes.len(), bytes.capacity()) {
                    bytes.shrink_to_fit();
                }
                Message::Binary(Cow::Owned(bytes))
            }
        })
    }

    #[cfg(test)]
    fn capacity(&self) -> usize {
        match self {
            Self::Text(text) => text.capacity(),
            Self::Binary(bytes) => bytes.capacity(),
        }
    }
}

/// What a compressed message may take on the wire. Its limit is on what comes out; this only ends what deflate could
/// not excuse.
pub(super) fn deflated_bytes_max(message_bytes_max: usize) -> usize {
    message_bytes_max.saturating_mul(2).saturating_add(1024)
}

fn append(to: &mut Vec<u8>, bytes: &[u8], len_max: usize) {
    to.reserve_exact(growth(to.len(), bytes.len(), to.capacity(), len_max));
    to.extend_from_slice(bytes);
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
