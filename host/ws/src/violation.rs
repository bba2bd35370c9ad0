//! What a peer can do wrong once the connection is open.

use crate::{CloseCode, CloseFrame, Opcode};

/// The peer broke the protocol or a limit; the connection has failed (RFC 6455 section 7.1.7).
///
/// Always the peer's fault. `Display` is for the log, [`peer_text`](Self::peer_text) is what the peer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// RSV2 or RSV3 is set, or RSV1 where no extension gives it a meaning.
    #[error("reserved bits {bits:#04x} are set on a frame with opcode {opcode:#x}")]
    ReservedBits {
        /// The first byte's reserved bits, in place.
        bits: u8,
        /// The first byte's opcode.
        opcode: u8,
    },
    /// An opcode that RFC 6455 does not assign.
    #[error("opcode {0:#x} is reserved")]
    ReservedOpcode(u8),
    /// A client's frame without a masking key.
    #[error("a client's frame is not masked")]
    Unmasked,
    /// A server's frame with a masking key.
    #[error("a server's frame is masked")]
    Masked,
    /// A control frame without FIN.
    #[error("a {0:?} frame is fragmented")]
    FragmentedControl(Opcode),
    /// A control frame with more than 125 bytes.
    #[error("a {0:?} frame has more than 125 bytes")]
    LongControl(Opcode),
    /// A length that fits a shorter form.
    #[error("the length {0} is not in its shortest form")]
    LengthNotMinimal(u64),
    /// A 64-bit length with its top bit set.
    #[error("a 64-bit length has its top bit set")]
    LengthTopBit,
    /// A continuation frame outside of a message.
    #[error("a continuation frame without a message to continue")]
    LoneContinuation,
    /// A message that begins inside another one.
    #[error("a {0:?} frame inside a fragmented message")]
    MessageInMessage(Opcode),
    /// A close frame whose payload is half a code.
    #[error("a close frame has a payload of one byte")]
    CloseTooShort,
    /// A close code that may not be on the wire.
    #[error("close code {0} is not valid in a close frame")]
    CloseCode(u16),
    /// A close reason that is not UTF-8.
    #[error("a close reason is not UTF-8")]
    CloseReasonNotUtf8,
    /// A text message that is not UTF-8.
    #[error("a text message is not UTF-8 at byte {at}")]
    TextNotUtf8 {
        /// Where in the message the first invalid sequence begins.
        at: usize,
    },
    /// A compressed message that does not inflate.
    #[error("a compressed message does not inflate")]
    NotInflatable,
    /// A message larger than [`Limits::message_bytes_max`](crate::Limits).
    #[error("a message has {bytes} bytes or more, the limit is {max}")]
    MessageTooBig {
        /// What its frames' headers declared, or what was inflated, so far.
        bytes: u64,
        /// The limit in bytes.
        max: usize,
    },
    /// A message in more frames than [`Limits::fragments_max`](crate::Limits).
    #[error("a message has more than {max} fragments")]
    TooManyFragments {
        /// The limit.
        max: u32,
    },
}

impl Violation {
    /// The code to close with: 1002, 1007, 1008 or 1009.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::CloseReasonNotUtf8 | Self::TextNotUtf8 { .. } | Self::NotInflatable => {
                CloseCode::INVALID_PAYLOAD
            }
            Self::TooManyFragments { .. } => CloseCode::POLICY,
            Self::MessageTooBig { .. } => CloseCode::TOO_BIG,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// What to tell the peer in the close frame: names the rule, not our settings.
    #[must_use]
    pub fn peer_text(&self) -> &'static str {
        match self {
            Self::ReservedBits { .. } => "reserved bits set",
            Self::ReservedOpcode(_) => "reserved opcode",
            Self::Unmasked => "frame not masked",
            Self::Masked => "frame masked",
            Self::FragmentedControl(_) => "fragmented control frame",
            Self::LongControl(_) => "control frame too long",
            Self::LengthNotMinimal(_) => "length not minimal",
            Self::LengthTopBit => "length out of range",
            Self::LoneContinuation => "continuation without a message",
            Self::MessageInMessage(_) => "message inside a message",
            Self::CloseTooShort => "close payload too short",
            Self::CloseCode(_) => "invalid close code",
            Self::CloseReasonNotUtf8 => "close reason not UTF-8",
            Self::TextNotUtf8 { .. } => "text not UTF-8",
            Self::NotInflatable => "compressed data damaged",
            Self::MessageTooBig { .. } => "message too big",
            Self::TooManyFragments { .. } => "too many fragments",
        }
    }

    /// Whether a limit of ours was exceeded, rather than a rule of the protocol broken.
    #[must_use]
    pub fn kind(&self) -> ViolationKind {
        match self {
            Self::MessageTooBig { .. } | Self::TooManyFragments { .. } => ViolationKind::Limit,
            _ => ViolationKind::Protocol,
        }
    }

    /// The close frame that tells the peer.
    #[must_use]
    pub fn close_frame(&self) -> CloseFrame {
        CloseFrame::truncated(self.close_code(), self.peer_text())
    }
}

/// Which kind of rule a [`Violation`] broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViolationKind {
    /// RFC 6455's, or its extension's.
    Protocol,
    /// One of our [`Limits`](crate::Limits).
    Limit,
}
