use std::cell::RefCell;
use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};

use crate::Violation;

/// The receiving half of an agreed permessage-deflate: see [`Parameters::inflate`](super::Parameters::inflate).
pub struct Inflate {
    context_takeover: bool,
    /// Of this connection, once the first message has come; without context takeover the thread's does.
    codec: Option<Box<Decompress>>,
}

impl Inflate {
    pub(super) fn new(context_takeover: bool) -> Self {
        Self {
            context_takeover,
            codec: None,
        }
    }

    /// Inflates a whole message of at most `bytes_max` bytes (RFC 7692 section 7.2.2), in order, and gives it to
    /// `take` in pieces. The second argument says whether it is the last piece: a small message has no other.
    ///
    /// A message that gets larger is [`Violation::MessageTooBig`] one byte past the maximum, and what is not the
    /// whole of something deflated is [`Violation::NotInflatable`].
    pub(crate) fn message(
        &mut self,
        deflated: &[u8],
        bytes_max: usize,
        take: impl FnMut(&[u8], bool) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let mut spare = SPARE.take();
        spare.buffer.resize(BUFFER_BYTES, 0);
        let codec = if self.context_takeover {
            self.codec.get_or_insert_with(new_codec)
        } else {
            let codec = spare.codec.get_or_insert_with(new_codec);
            codec.reset(false);
            codec
        };
        let mut message = Inflating {
            codec,
            buffer: &mut spare.buffer,
            filled: 0,
            room: bytes_max,
            bytes_max,
            take,
        };
        let inflated = message.run(deflated, self.context_takeover);
        SPARE.replace(spare);
        inflated
    }
}

/// The window is the largest whatever was agreed on: this codec has no smaller one.
fn new_codec() -> Box<Decompress> {
    Box::new(Decompress::new(false))
}

/// A message on its way out.
struct Inflating<'b, F> {
    codec: &'b mut Decompress,
    buffer: &'b mut [u8],
    filled: usize,
    /// What the message may still have.
    room: usize,
    bytes_max: usize,
    take: F,
}

/// How input ended.
#[derive(PartialEq, Eq)]
enum End {
    /// Within a block, or between two.
    Open,
    /// With the end of a block that said it was the last one.
    Final,
}

impl<F: FnMut(&[u8], bool) -> Result<(), Violation>> Inflating<'_, F> {
    fn run(&mut self, deflated: &[u8], context_takeover: bool) -> Result<(), Violation> {
        // Nothing at all stands for an empty message: some write it so, though it takes a byte (section 7.2.3.6). And
        // a last block whose sender left out the empty one behind it (section 7.2.3.4) leaves nothing open.
        if !deflated.is_empty() && self.feed(deflated)? == End::Open {
            let room = self.room;
            let (tail, expected): (&[u8], _) = match context_takeover {
                true => (&TAIL_AND_BLOCKS, End::Open),
                false => (&TAIL_AND_LAST_BLOCK, End::Final),
            };
            let end = self.feed(tail).map_err(|_| Violation::NotInflatable)?;
            if end != expected || self.room != room {
                return Err(Violation::NotInflatable);
            }
        }
        (self.take)(self.buffer.get(..self.filled).unwrap_or_default(), true)
    }

    /// Inflates all of `input`.
    fn feed(&mut self, mut input: &[u8]) -> Result<End, Violation> {
        loop {
            // One byte past the limit is enough to know.
            let end = self.filled.saturating_add(self.room.saturating_add(1));
            let end = end.min(self.buffer.len());
            let Some(free) = self.buffer.get_mut(self.filled..end) else {
                return Err(Violation::NotInflatable);
            };
            let (read_before, written_before) = (self.codec.total_in(), self.codec.total_out());
            let status = self.codec.decompress(input, free, FlushDecompress::None);
            let status = status.map_err(|_| Violation::NotInflatable)?;
            let read = count(read_before, self.codec.total_in());
            let written = count(written_before, self.codec.total_out());
            let full = written == free.len();
            input = input.get(read..).ok_or(Violation::NotInflatable)?;
            self.note(written)?;
            if status == Status::StreamEnd {
                // What follows is a stream of its own (section 7.2.1), as every zlib writes it.
                self.codec.reset(false);
                if input.is_empty() {
                    return Ok(End::Final);
                }
            } else if !full && input.is_empty() {
                return Ok(End::Open);
            } else if read == 0 && written == 0 {
                return Err(Violation::NotInflatable);
            }
        }
    }

    /// Counts what was written, and makes room for more.
    fn note(&mut self, written: usize) -> Result<(), Violation> {
        let Some(room) = self.room.checked_sub(written) else {
            return Err(Violation::MessageTooBig {
                bytes: (self.bytes_max as u64).saturating_add(1),
                max: self.bytes_max,
            });
        };
        self.room = room;
        self.filled += written;
        if self.filled == self.buffer.len() {
            (self.take)(self.buffer, false)?;
            self.filled = 0;
        }
        Ok(())
    }
}

fn count(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}

impl fmt::Debug for Inflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflate")
            .field("context_takeover", &self.context_takeover)
            .finish_non_exhaustive()
    }
}

/// What a thread keeps for inflating.
#[derive(Default)]
struct Spare {
    codec: Option<Box<Decompress>>,
    buffer: Vec<u8>,
}

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// About what an inflater takes that a connection has for itself, in bytes.
pub const INFLATER_BYTES: usize = 48 << 10;

/// Messages up to here are copied once.
const BUFFER_BYTES: usize = 64 << 10;

/// What was left out of a message (section 7.2.1), and empty blocks: between two blocks that changes nothing, but inside
/// of one, where damaged data may have ended, it does not go unnoticed. So many because the longest thing that takes
/// bytes and gives none, the header of a block with codes of its own, has less than 300 of them.
const TAIL_AND_BLOCKS: [u8; 4 + 5 * 64] = {
    let mut tail = [0; 4 + 5 * 64];
    let mut at = 0;
    while at < tail.len() {
        // 00 00 FF FF, then 00 00 00 FF FF again and again.
        tail[at] = if (at + 1) % 5 > 2 { 0xFF } else { 0x00 };
        at += 1;
    }
    tail
};
/// What was left out, and a block that says it is the last one, which is certain. Nothing could follow it.
const TAIL_AND_LAST_BLOCK: [u8; 9] = [0x00, 0x00, 0xFF, 0xFF, 0x01, 0x00, 0x00, 0xFF, 0xFF];
