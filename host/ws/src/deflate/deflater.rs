use std::cell::RefCell;
use std::fmt;

use flate2::{Compress, Compression, FlushCompress};

use super::{WINDOW_BITS_MAX, WINDOW_BITS_MIN};

/// How messages are deflated that do not refer to earlier ones: connections with the same profile can share a
/// deflated message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    level: u8,
    window_bits: u8,
}

impl Profile {
    /// A level from 1 (quick) to 9 (small), and a window of 9 to 15 bits; what is beyond is moved to the edge.
    #[must_use]
    pub fn new(level: u8, window_bits: u8) -> Self {
        Self {
            level: level.clamp(1, 9),
            window_bits: window_bits.clamp(WINDOW_BITS_MIN, WINDOW_BITS_MAX),
        }
    }

    /// The window's size: 2 to the power of this many bytes.
    #[must_use]
    pub fn window_bits(self) -> u8 {
        self.window_bits
    }

    /// Deflates a whole message with this thread's codec and has `take` look at the result, which lies in this
    /// thread's memory. For many small messages that is one codec of about 380 KB a thread and window size.
    pub fn deflate<R>(
        self,
        payload: &[u8],
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, DeflateError> {
        let mut spare = SPARE.take();
        let mut out = std::mem::take(&mut spare.out);
        let deflated = spare
            .codec(self)
            .and_then(|codec| codec.deflate(payload, &mut out));
        let taken = deflated.map(|()| take(&out));
        out.clear();
        if out.capacity() <= OUT_BYTES_KEPT {
            spare.out = out;
        }
        SPARE.replace(spare);
        taken
    }

    /// About what a [`Deflater`] of this profile takes, in bytes.
    #[must_use]
    pub fn deflater_bytes(self) -> usize {
        // Hash heads, symbols and pending output; twice the window, and a link for each of its bytes.
        (256 << 10) + (4 << self.window_bits)
    }
}

/// Deflates the messages of one connection, which refer to earlier ones (context takeover).
pub struct Deflater {
    codec: Compress,
    profile: Profile,
}

impl Deflater {
    /// It takes [`Profile::deflater_bytes`].
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        let level = Compression::new(profile.level.into());
        Self {
            codec: Compress::new_with_window_bits(level, false, profile.window_bits),
            profile,
        }
    }

    /// Appends the deflated message to `out` (RFC 7692 section 7.2.1). The peer has to be sent it, for later messages
    /// refer to it; after an error no later message may be deflated.
    pub fn deflate(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), DeflateError> {
        if payload.is_empty() {
            // An empty block of its own (section 7.2.3.6): asked twice to flush nothing, a codec writes nothing.
            out.push(0x00);
            return Ok(());
        }
        self.feed(payload, FlushCompress::Sync, out)?;
        if !out.ends_with(&TAIL) {
            return Err(DeflateError);
        }
        out.truncate(out.len() - TAIL.len());
        Ok(())
    }

    /// The same for a part of a message that is not its last, so that a long one need not take all its time at once.
    /// What is deflated next belongs to the same message, and the last of it, which is not empty, goes by
    /// [`deflate`](Self::deflate).
    pub fn deflate_part(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), DeflateError> {
        self.feed(part, FlushCompress::None, out)
    }

    fn feed(
        &mut self,
        mut rest: &[u8],
        flush: FlushCompress,
        out: &mut Vec<u8>,
    ) -> Result<(), DeflateError> {
        loop {
            out.reserve((rest.len() / 4).max(OUT_BYTES_MIN));
            let read_before = self.codec.total_in();
            self.codec
                .compress_vec(rest, out, flush)
                .map_err(|_| DeflateError)?;
            let read = usize::try_from(self.codec.total_in() - read_before).unwrap_or(usize::MAX);
            rest = rest.get(read..).ok_or(DeflateError)?;
            // A full buffer may mean that more is to come.
            if rest.is_empty() && out.len() < out.capacity() {
                return Ok(());
            }
        }
    }

    /// Forgets all messages.
    fn reset(&mut self, level: u8) -> Result<(), DeflateError> {
        self.codec.reset();
        if level != self.profile.level {
            self.profile.level = level;
            let level = Compression::new(level.into());
            self.codec.set_level(level).map_err(|_| DeflateError)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// The codec failed, which it has no reason to: ours. Send the message as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the codec failed to deflate a message")]
pub struct DeflateError;

/// What a thread keeps for deflating.
#[derive(Default)]
struct Spare {
    /// By window size.
    codecs: [Option<Box<Deflater>>; (WINDOW_BITS_MAX - WINDOW_BITS_MIN + 1) as usize],
    out: Vec<u8>,
}

impl Spare {
    /// A codec that remembers nothing.
    fn codec(&mut self, profile: Profile) -> Result<&mut Deflater, DeflateError> {
        let place = usize::from(profile.window_bits - WINDOW_BITS_MIN);
        let codec = self.codecs.get_mut(place).ok_or(DeflateError)?;
        let codec = codec.get_or_insert_with(|| Box::new(Deflater::new(profile)));
        codec.reset(profile.level)?;
        Ok(codec)
    }
}

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// How every deflated message ends; left out on the wire (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// A buffer that one large message has grown past this is not kept.
const OUT_BYTES_KEPT: usize = 256 << 10;
/// More than the end of a message takes, so that it is not written in parts.
const OUT_BYTES_MIN: usize = 64;
