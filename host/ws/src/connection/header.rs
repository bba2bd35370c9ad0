//! Reading a frame's header (RFC 6455 section 5.2).

use crate::frame::{FirstByte, LEN_7_MAX, LEN_IS_16_BITS, MASK_BIT, Opcode};
use crate::{Role, Violation};

/// A header that obeys every rule but the limits.
pub(super) struct Header {
    pub(super) first: FirstByte,
    pub(super) payload_len: u64,
    pub(super) key: Option<[u8; 4]>,
    /// The header's own length in bytes.
    pub(super) len: usize,
}

/// What decides whether a header is legal here.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) role: Role,
    /// Whether an extension gives RSV1 a meaning.
    pub(super) rsv1: bool,
    /// Whether a fragmented message is under way.
    pub(super) in_message: bool,
}

impl Header {
    /// The header that `bytes` begin with, or `None` if they end before it does.
    ///
    /// A violation is found with the byte that shows it, so more bytes never change the answer.
    #[inline]
    pub(super) fn parse(bytes: &[u8], rules: Rules) -> Result<Option<Self>, Violation> {
        let Some((&first, after)) = bytes.split_first() else {
            return Ok(None);
        };
        let first = parse_first(first, rules)?;
        let Some((&second, after)) = after.split_first() else {
            return Ok(None);
        };
        let masked = second & MASK_BIT != 0;
        match (masked, rules.role) {
            (true, Role::Server) | (false, Role::Client) => {}
            (false, Role::Server) => return Err(Violation::Unmasked),
            (true, Role::Client) => return Err(Violation::Masked),
        }
        let (payload_len, after) = match second & !MASK_BIT {
            len @ ..=LEN_7_MAX => (u64::from(len), after),
            _ if first.opcode.is_control() => return Err(Violation::LongControl(first.opcode)),
            long => match parse_long_len(long, after)? {
                Some(parsed) => parsed,
                None => return Ok(None),
            },
        };
        let (key, after) = if masked {
            match after.split_first_chunk::<4>() {
                Some((key, after)) => (Some(*key), after),
                None => return Ok(None),
            }
        } else {
            (None, after)
        };
        Ok(Some(Self {
            first,
            payload_len,
            key,
            len: bytes.len() - after.len(),
        }))
    }
}

fn parse_first(byte: u8, rules: Rules) -> Result<FirstByte, Violation> {
    let (fin, rsv1, opcode_bits) = (byte & FIN != 0, byte & RSV1 != 0, byte & OPCODE);
    let opcode = Opcode::from_bits(opcode_bits);
    // Compression is a property of a message, said on its first frame (RFC 7692 section 6).
    let may_rsv1 = rules.rsv1 && matches!(opcode, Some(Opcode::Text | Opcode::Binary));
    if byte & RSV2_RSV3 != 0 || (rsv1 && !may_rsv1) {
        return Err(Violation::ReservedBits {
            bits: byte & (RSV1 | RSV2_RSV3),
            opcode: opcode_bits,
        });
    }
    let opcode = opcode.ok_or(Violation::ReservedOpcode(opcode_bits))?;
    match opcode {
        Opcode::Close | Opcode::Ping | Opcode::Pong if !fin => {
            Err(Violation::FragmentedControl(opcode))
        }
        Opcode::Text | Opcode::Binary if rules.in_message => {
            Err(Violation::MessageInMessage(opcode))
        }
        Opcode::Continuation if !rules.in_message => Err(Violation::LoneContinuation),
        _ => Ok(FirstByte { fin, rsv1, opcode }),
    }
}

fn parse_long_len(form: u8, bytes: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    let (len, shorter_form_max, after) = if form == LEN_IS_16_BITS {
        let Some((len, after)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        (
            u64::from(u16::from_be_bytes(*len)),
            u64::from(LEN_7_MAX),
            after,
        )
    } else {
        let Some((len, after)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        (u64::from_be_bytes(*len), u64::from(u16::MAX), after)
    };
    if len > u64::MAX / 2 {
        return Err(Violation::LengthTopBit);
    }
    if len <= shorter_form_max {
        return Err(Violation::LengthNotMinimal(len));
    }
    Ok(Some((len, after)))
}

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_RSV3: u8 = 0x30;
const OPCODE: u8 = 0x0F;
