//! Messages that are deflated before they go out (RFC 7692).

use bytes::Bytes;
use wasket_ws::deflate::{DeflateError, Deflater, Profile};

/// How messages are deflated.
pub(super) struct Deflate {
    pub(super) with: With,
    pub(super) message_bytes_min: usize,
}

pub(super) enum With {
    /// Each message by itself.
    Profile(Profile),
    /// Messages refer to earlier ones.
    Own(Box<Deflater>),
    /// The codec failed: from then on messages go as they are, which is always allowed.
    Nothing,
}

/// What goes out, and whether it is deflated.
pub(super) struct Deflated {
    pub(super) rsv1: bool,
    pub(super) payload: Bytes,
}

impl Deflated {
    pub(super) fn not(payload: Bytes) -> Self {
        Self {
            rsv1: false,
            payload,
        }
    }
}

impl Deflate {
    /// Whether this message is to be deflated.
    pub(super) fn is_for(&self, payload: &[u8]) -> bool {
        payload.len() >= self.message_bytes_min && !matches!(self.with, With::Nothing)
    }

    /// A message that is not long, all at once.
    pub(super) fn deflated(&mut self, payload: Bytes) -> Deflated {
        let mut out = Vec::new();
        let deflated = match &mut self.with {
            With::Profile(profile) => {
                profile.deflate(&payload, |bytes| out.extend_from_slice(bytes))
            }
            With::Own(deflater) => deflater.deflate(&payload, &mut out),
            With::Nothing => Err(DeflateError),
        };
        self.result(deflated, out, payload)
    }

    fn result(
        &mut self,
        deflated: Result<(), DeflateError>,
        out: Vec<u8>,
        payload: Bytes,
    ) -> Deflated {
        match deflated {
            Ok(()) => Deflated {
                rsv1: true,
                payload: out.into(),
            },
            Err(DeflateError) => {
                self.with = With::Nothing;
                Deflated::not(payload)
            }
        }
    }
}

/// Whether a message is deflated a part at a time, for others want the thread, too.
pub(super) fn is_long(payload: &[u8]) -> bool {
    payload.len() > PART_BYTES
}

/// A long message, part by part.
pub(super) struct Deflating {
    payload: Bytes,
    at: usize,
    out: Vec<u8>,
    /// Where messages do not refer to earlier ones the codecs belong to threads, and this is not done on one of them.
    by_itself: Option<Box<Deflater>>,
}

impl Deflating {
    pub(super) fn new(payload: Bytes, deflate: &Deflate) -> Self {
        let by_itself = match &deflate.with {
            With::Profile(profile) => Some(Box::new(Deflater::new(*profile))),
            With::Own(_) | With::Nothing => None,
        };
        Self {
            payload,
            at: 0,
            out: Vec::new(),
            by_itself,
        }
    }

    /// Deflates the next part; all of it when that was the last.
    pub(super) fn go_on(&mut self, deflate: &mut Deflate) -> Option<Deflated> {
        let rest = self.payload.get(self.at..).unwrap_or_default();
        let deflater = match (&mut self.by_itself, &mut deflate.with) {
            (Some(deflater), _) | (None, With::Own(deflater)) => Some(deflater),
            _ => None,
        };
        let deflated = match (deflater, rest.split_at_checked(PART_BYTES)) {
            (None, _) => Err(DeflateError),
            (Some(deflater), Some((part, [_, ..]))) => {
                self.at += PART_BYTES;
                match deflater.deflate_part(part, &mut self.out) {
                    Ok(()) => return None,
                    failed => failed,
                }
            }
            (Some(deflater), _) => deflater.deflate(rest, &mut self.out),
        };
        let (out, payload) = (std::mem::take(&mut self.out), self.payload.clone());
        Some(deflate.result(deflated, out, payload))
    }
}

/// How much is deflated before others have a turn: a few milliseconds.
const PART_BYTES: usize = 256 << 10;
