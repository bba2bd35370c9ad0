//! Writing frames (RFC 6455 section 5.2).
//!
//! A frame's header and its payload can be written apart, so that one payload serves many connections: a server's
//! frames are not masked, so the whole frame can even be shared.
//!
//! A compressed message (RFC 7692) is written like any other: [deflate](crate::deflate) the payload first, then write
//! it with [`FirstByte::deflated`].

use crate::mask;

/// What a frame carries (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// More of the message that began before.
    Continuation = 0x0,
    /// UTF-8 text.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
    /// The end of the connection.
    Close = 0x8,
    /// A question for a sign of life.
    Ping = 0x9,
    /// The answer to a ping.
    Pong = 0xA,
}

impl Opcode {
    /// The opcode of these four bits; `None` for the reserved ones.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// The four bits on the wire.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// Whether this is a close, ping or pong: never fragmented, at most [`CONTROL_PAYLOAD_BYTES_MAX`] bytes.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

/// A frame's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstByte {
    /// Whether this is the message's last frame.
    pub fin: bool,
    /// Whether the message is compressed: only on its first frame, only where permessage-deflate is agreed on.
    pub rsv1: bool,
    /// What the frame carries.
    pub opcode: Opcode,
}

impl FirstByte {
    /// The first byte of a frame that is a whole message, or a control frame, without compression.
    #[must_use]
    pub const fn whole(opcode: Opcode) -> Self {
        Self {
            fin: true,
            rsv1: false,
            opcode,
        }
    }

    /// The first byte of a frame that is a whole message, compressed.
    #[must_use]
    pub const fn deflated(opcode: Opcode) -> Self {
        Self {
            fin: true,
            rsv1: true,
            opcode,
        }
    }

    /// The byte on the wire.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        ((self.fin as u8) << 7) | ((self.rsv1 as u8) << 6) | self.opcode.bits()
    }
}

/// Appends a frame's header: 2 to [`HEADER_BYTES_MAX`] bytes, the length in the fewest bytes possible.
///
/// With a key the caller [`mask`](crate::mask())s the payload. Clients always mask, with a fresh unpredictable key
/// for each frame; servers never do.
#[inline]
pub fn encode_header(
    out: &mut Vec<u8>,
    first: FirstByte,
    payload_len: usize,
    mask: Option<[u8; 4]>,
) {
    let mask_bit = if mask.is_some() { MASK_BIT } else { 0 };
    let first = first.to_byte();
    if let Ok(len @ ..=LEN_7_MAX) = u8::try_from(payload_len) {
        out.extend_from_slice(&[first, mask_bit | len]);
    } else if let Ok(len) = u16::try_from(payload_len) {
        let [a, b] = len.to_be_bytes();
        out.extend_from_slice(&[first, mask_bit | LEN_IS_16_BITS, a, b]);
    } else {
        out.extend_from_slice(&[first, mask_bit | LEN_IS_64_BITS]);
        out.extend_from_slice(&(payload_len as u64).to_be_bytes());
    }
    if let Some(key) = mask {
        out.extend_from_slice(&key);
    }
}

/// Appends one whole frame: FIN set, header and payload, masked if there is a key.
pub fn encode(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>) {
    encode_first(out, FirstByte::whole(opcode), payload, mask);
}

/// The same with any first byte.
#[inline]
pub fn encode_first(out: &mut Vec<u8>, first: FirstByte, payload: &[u8], mask: Option<[u8; 4]>) {
    out.reserve(HEADER_BYTES_MAX + payload.len());
    encode_header(out, first, payload.len(), mask);
    let start = out.len();
    out.extend_from_slice(payload);
    if let (Some(key), Some(payload)) = (mask, out.get_mut(start..)) {
        mask::mask(payload, key, 0);
    }
}

/// The longest header: two bytes, a 64-bit length, a masking key.
pub const HEADER_BYTES_MAX: usize = 14;

/// The most a control frame carries (RFC 6455 section 5.5).
pub const CONTROL_PAYLOAD_BYTES_MAX: usize = 125;

pub(crate) const MASK_BIT: u8 = 0x80;
pub(crate) const LEN_7_MAX: u8 = 125;
pub(crate) const LEN_IS_16_BITS: u8 = 126;
pub(crate) const LEN_IS_64_BITS: u8 = 127;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assigned_opcodes_can_be_built() {
        for bits in 0..=u8::MAX {
            let assigned = matches!(bits, 0x0..=0x2 | 0x8..=0xA);
            assert_eq!(
                Opcode::from_bits(bits).map(Opcode::bits),
                assigned.then_some(bits)
            );
        }
    }

    /// RFC 6455 section 5.2: the fewest bytes that can hold the length. hardening H20
    #[test]
    fn lengths_are_minimal() {
        let cases: [(usize, &[u8]); 6] = [
            (0, &[0x82, 0]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (65_535, &[0x82, 126, 0xFF, 0xFF]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (1 << 31, &[0x82, 127, 0, 0, 0, 0, 0x80, 0, 0, 0]),
        ];
        for (len, expected) in cases {
            let mut out = Vec::new();
            encode_header(&mut out, FirstByte::whole(Opcode::Binary), len, None);
            assert_eq!(out, expected, "{len}");

            let mut masked = Vec::new();
            encode_header(
                &mut masked,
                FirstByte::whole(Opcode::Binary),
                len,
                Some([1, 2, 3, 4]),
            );
            let mut expected = expected.to_vec();
            expected[1] |= MASK_BIT;
            expected.extend([1, 2, 3, 4]);
            assert_eq!(masked, expected, "{len}");
            assert!(masked.len() <= HEADER_BYTES_MAX);
        }
    }

    #[test]
    fn the_first_byte_has_fin_rsv1_and_opcode() {
        let first = FirstByte {
            fin: false,
            rsv1: true,
            opcode: Opcode::Text,
        };
        assert_eq!(first.to_byte(), 0x41);
        assert_eq!(FirstByte::whole(Opcode::Pong).to_byte(), 0x8A);
    }

    #[test]
    fn encode_appends_header_and_masked_payload() {
        let mut out = vec![0xEE];
        encode(
            &mut out,
            Opcode::Text,
            b"Hello",
            Some([0x37, 0xFA, 0x21, 0x3D]),
        );
        // RFC 6455 section 5.7, the masked text message.
        let expected = [
            0xEE, 0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
        ];
        assert_eq!(out, expected);
    }
}
