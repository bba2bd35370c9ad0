//! Messages on their way out: masked, in frames, in pieces.

use std::io;

use bytes::Bytes;
use tokio::sync::oneshot;
use wasket_ws::frame::{self, FirstByte};
use wasket_ws::{Opcode, mask};

use super::deflate::{self, Deflate, Deflated, Deflating};
use super::output::{Output, PIECE_BYTES};
use super::pump::Pump;
use crate::masks::Masks;

/// A message to be sent, and who wants to know that it was.
pub(crate) struct Outgoing {
    pub(crate) body: Body,
    pub(crate) done: Done,
}

pub(crate) enum Body {
    Text(String),
    Binary(Bytes),
    Pumped(Pump),
}

/// Told when a message is written, or that its source failed; dropped when the connection closed before.
pub(crate) type Done = oneshot::Sender<Result<(), io::Error>>;

/// The message that is being sent, and what all of them share.
pub(super) struct Sending {
    current: Option<(Current, Done)>,
    masks: Masks,
    deflate: Option<Deflate>,
    frame_bytes_max: usize,
}

enum Current {
    Whole(Whole),
    Pumped(Pump),
    /// A long one, before anything of it goes out.
    Deflating(Opcode, Deflating),
}

impl Current {
    fn whole(opcode: Opcode, deflated: Deflated) -> Self {
        Self::Whole(Whole::new(opcode, deflated.rsv1, deflated.payload))
    }
}

impl Sending {
    pub(super) fn new(masks: Masks, deflate: Option<Deflate>, frame_bytes_max: usize) -> Self {
        Self {
            current: None,
            masks,
            deflate,
            frame_bytes_max: frame_bytes_max.max(1),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.current.is_none()
    }

    /// Whether a frame is begun and not ended, so that nothing else may be written.
    pub(super) fn is_within_frame(&self) -> bool {
        matches!(&self.current, Some((Current::Whole(whole), _)) if whole.left_of_frame > 0)
    }

    /// Whether the current message comes from a source that has to be asked for more.
    pub(super) fn wants_bytes(&self) -> bool {
        match &self.current {
            Some((Current::Pumped(pump), _)) => !pump.is_ready(),
            Some((Current::Deflating(..), _)) => true,
            _ => false,
        }
    }

    /// Asks it. Dropped at any point it has lost nothing.
    pub(super) async fn pump(&mut self) -> io::Result<()> {
        match (&mut self.current, &mut self.deflate) {
            (Some((Current::Pumped(pump), _)), _) => pump.read().await,
            (Some((current @ Current::Deflating(..), _)), Some(deflate)) => {
                if let Current::Deflating(opcode, deflating) = current
                    && let Some(deflated) = deflating.go_on(deflate)
                {
                    *current = Current::whole(*opcode, deflated);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether the current message is being deflated, a part at a time.
    pub(super) fn is_deflating(&self) -> bool {
        matches!(&self.current, Some((Current::Deflating(..), _)))
    }

    /// Takes the next message, when there is no current one.
    pub(super) fn begin(&mut self, message: Outgoing, output: &mut Output) {
        let (opcode, payload) = match message.body {
            Body::Pumped(pump) => {
                self.current = Some((Current::Pumped(pump), message.done));
                return;
            }
            Body::Text(text) => (Opcode::Text, Bytes::from(text)),
            Body::Binary(bytes) => (Opcode::Binary, bytes),
        };
        let deflate = self.deflate.as_mut().filter(|it| it.is_for(&payload));
        let current = match deflate {
            Some(deflate) if deflate::is_long(&payload) => {
                Current::Deflating(opcode, Deflating::new(payload, deflate))
            }
            Some(deflate) => Current::whole(opcode, deflate.deflated(payload)),
            None => Current::whole(opcode, Deflated::not(payload)),
        };
        self.current = Some((current, message.done));
        self.fill(output, false);
    }

    /// Appends what there is room for, up to the end of a frame: control frames may go behind it.
    pub(super) fn fill(&mut self, output: &mut Output, only_this_frame: bool) {
        let Some((current, _)) = &mut self.current else {
            return;
        };
        let is_over = match current {
            Current::Whole(whole) => {
                if output.has_room() && !(only_this_frame && whole.left_of_frame == 0) {
                    whole.piece(output.bytes(), &mut self.masks, self.frame_bytes_max);
                }
                whole.is_over()
            }
            Current::Pumped(pump) if pump.is_ready() && !only_this_frame => {
                pump.frame(output.bytes(), self.masks.key())
            }
            Current::Pumped(_) | Current::Deflating(..) => false,
        };
        if is_over && let Some((_, done)) = self.current.take() {
            output.tell(done);
        }
    }

    /// The source of the current message has failed. Whether part of the message is out already.
    pub(super) fn give_up(&mut self, error: io::Error) -> bool {
        match self.current.take() {
            Some((Current::Pumped(pump), done)) => {
                // Who does not wait any more need not know.
                let _ = done.send(Err(error));
                pump.is_begun()
            }
            _ => false,
        }
    }

    /// Forgets the current message.
    pub(super) fn abandon(&mut self) {
        self.current = None;
    }
}

/// A message that is there whole.
struct Whole {
    opcode: Opcode,
    rsv1: bool,
    payload: Bytes,
    at: usize,
    is_begun: bool,
    left_of_frame: usize,
    key: [u8; 4],
    /// How much of the frame's payload is out.
    masked: usize,
}

impl Whole {
    fn new(opcode: Opcode, rsv1: bool, payload: Bytes) -> Self {
        Self {
            opcode,
            rsv1,
            payload,
            at: 0,
            is_begun: false,
            left_of_frame: 0,
            key: [0; 4],
            masked: 0,
        }
    }

    fn is_over(&self) -> bool {
        self.is_begun && self.left_of_frame == 0 && self.at == self.payload.len()
    }

    /// Appends a piece, with a header where a frame begins.
    fn piece(&mut self, out: &mut Vec<u8>, masks: &mut Masks, frame_bytes_max: usize) {
        if self.left_of_frame == 0 {
            self.begin_frame(out, masks.key(), frame_bytes_max);
        }
        let room = PIECE_BYTES.saturating_sub(out.len()).max(1);
        let end = self.at + self.left_of_frame.min(room);
        let piece = self.payload.get(self.at..end).unwrap_or_default();
        let start = out.len();
        out.extend_from_slice(piece);
        if let Some(piece) = out.get_mut(start..) {
            mask(piece, self.key, self.masked);
        }
        self.masked += end - self.at;
        self.left_of_frame -= end - self.at;
        self.at = end;
    }

    fn begin_frame(&mut self, out: &mut Vec<u8>, key: [u8; 4], frame_bytes_max: usize) {
        let left = self.payload.len() - self.at;
        let len = left.min(frame_bytes_max);
        let first = FirstByte {
            fin: len == left,
            rsv1: self.rsv1 && !self.is_begun,
            opcode: match self.is_begun {
                true => Opcode::Continuation,
                false => self.opcode,
            },
        };
        frame::encode_header(out, first, len, Some(key));
        self.is_begun = true;
        self.left_of_frame = len;
        self.key = key;
        self.masked = 0;
    }
}
