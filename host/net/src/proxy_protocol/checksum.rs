//! What stands behind the addresses in version 2 (section 2.2.1): of the extras, only the checksum matters here.

use super::HeadError;

/// Walks the extras, all of which have a type, a length and a value; where the checksum is among them, it has to be
/// that of the whole head. `extras` is the end of `head`.
pub(super) fn check(head: &[u8], extras: &[u8]) -> Result<(), HeadError> {
    let mut rest = extras;
    while let Some((&kind, after)) = rest.split_first() {
        let cut = HeadError("an extra that is cut off");
        let (length, after) = after.split_first_chunk::<2>().ok_or(cut)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (value, behind) = after.split_at_checked(length).ok_or(cut)?;
        if kind == CRC32C {
            let told: [u8; 4] = value
                .try_into()
                .map_err(|_| HeadError("a checksum of odd length"))?;
            let end = head.len() - behind.len();
            if crc32c(head, end - told.len()..end) != u32::from_be_bytes(told) {
                return Err(HeadError("a checksum that does not fit"));
            }
        }
        rest = behind;
    }
    Ok(())
}

/// CRC-32C (RFC 9260, appendix A), reflected, with the bytes of one range taken as zero. A bit at a time: few send it,
/// once a connection.
fn crc32c(bytes: &[u8], zeroed: std::ops::Range<usize>) -> u32 {
    let mut crc = !0_u32;
    for (at, byte) in bytes.iter().enumerate() {
        crc ^= if zeroed.contains(&at) {
            0
        } else {
            u32::from(*byte)
        };
        for _ in 0..8 {
            let carry = crc & 1;
            crc >>= 1;
            crc ^= POLYNOMIAL * carry;
        }
    }
    !crc
}

/// The type of the checksum among the extras.
const CRC32C: u8 = 0x03;
const POLYNOMIAL: u32 = 0x82f6_3b78;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_checksums() {
        for (bytes, crc) in [
            (&b"123456789"[..], 0xe306_9283),
            (b"", 0),
            // RFC 3720, appendix B.4.
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
        ] {
            assert_eq!(crc32c(bytes, 0..0), crc);
        }
        assert_eq!(crc32c(&[0xff; 32], 0..32), 0x8a91_36aa);
    }
}
