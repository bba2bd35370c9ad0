//! What is kept of input that ended in the middle of something.

use super::Assembly;
use super::header::{Header, Rules};
use crate::frame::{HEADER_BYTES_MAX, Opcode};
use crate::{Violation, mask};

/// What has arrived of a frame or a message that is not complete.
#[derive(Default)]
pub(super) struct Partial {
    header: [u8; HEADER_BYTES_MAX],
    pub(super) header_len: usize,
    pub(super) frame: Option<FrameUnderWay>,
    /// The payload of a control frame under way.
    pub(super) control: Vec<u8>,
    pub(super) message: Option<Assembly>,
}

impl Partial {
    /// Keeps the beginning of a header.
    pub(super) fn keep_header(&mut self, bytes: &[u8]) {
        let free = self.header.get_mut(self.header_len..).unwrap_or_default();
        for (slot, &byte) in free.iter_mut().zip(bytes) {
            *slot = byte;
            self.header_len += 1;
        }
    }

    /// Goes on with a header that earlier input began.
    pub(super) fn resume_header(
        &mut self,
        input: &mut &mut [u8],
        rules: Rules,
    ) -> Result<Option<Header>, Violation> {
        let kept = self.header_len;
        self.keep_header(input);
        let header = Header::parse(
            self.header.get(..self.header_len).unwrap_or_default(),
            rules,
        )?;
        if let Some(header) = &header {
            self.header_len = 0;
            let _header = input.split_off_mut(..header.len.saturating_sub(kept));
        }
        Ok(header)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }
}

/// A frame whose header has arrived and whose payload has not, or not all of it.
pub(super) struct FrameUnderWay {
    opcode: Opcode,
    key: Option<[u8; 4]>,
    taken: usize,
    remaining: usize,
}

/// A piece of a frame's payload, unmasked.
pub(super) struct Step<'p> {
    pub(super) opcode: Opcode,
    pub(super) payload: &'p [u8],
    /// Whether it ends the frame.
    pub(super) last: bool,
}

impl FrameUnderWay {
    pub(super) fn new(header: &Header, payload_len: usize) -> Self {
        Self {
            opcode: header.first.opcode,
            key: header.key,
            taken: 0,
            remaining: payload_len,
        }
    }

    /// Takes what belongs to this frame from the front of `input`.
    pub(super) fn take<'p>(&mut self, input: &mut &'p mut [u8]) -> Step<'p> {
        let len = self.remaining.min(input.len());
        let payload = input.split_off_mut(..len).unwrap_or_default();
        if let Some(key) = self.key {
            mask(payload, key, self.taken);
        }
        self.taken += len;
        self.remaining -= len;
        Step {
            opcode: self.opcode,
            payload,
            last: self.remaining == 0,
        }
    }
}
