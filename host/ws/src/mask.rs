//! Masking (RFC 6455 section 5.3).

/// Masks or unmasks `bytes` in place; the operation is its own inverse.
///
/// `offset` is how many bytes of the same payload came before these.
#[inline]
pub fn mask(bytes: &mut [u8], key: [u8; 4], offset: usize) {
    let key = rotated(key, offset);
    let [a, b, c, d] = key;
    let key_32 = [
        a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b,
        c, d,
    ];
    let (blocks, rest) = bytes.as_chunks_mut::<32>();
    for block in blocks {
        // A fixed length: this becomes one or two vector instructions.
        for (byte, key) in block.iter_mut().zip(key_32) {
            *byte ^= key;
        }
    }
    let (words, rest) = rest.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// The key for bytes of which the first is number `offset` of its payload.
fn rotated(key: [u8; 4], offset: usize) -> [u8; 4] {
    let bits = match offset % 4 {
        0 => 0,
        1 => 8,
        2 => 16,
        _ => 24,
    };
    u32::from_be_bytes(key).rotate_left(bits).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn byte_by_byte(bytes: &[u8], key: [u8; 4], offset: usize) -> Vec<u8> {
        let masked = bytes.iter().enumerate();
        masked
            .map(|(i, byte)| byte ^ key[(i + offset) % 4])
            .collect()
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(bytes: Vec<u8>, key: [u8; 4], offset in 0_usize..100) {
            let mut masked = bytes.clone();
            mask(&mut masked, key, offset);
            prop_assert_eq!(&masked, &byte_by_byte(&bytes, key, offset));
            mask(&mut masked, key, offset);
            prop_assert_eq!(masked, bytes);
        }

        #[test]
        fn goes_on_where_it_stopped(bytes: Vec<u8>, key: [u8; 4], cut: prop::sample::Index) {
            let cut = cut.index(bytes.len() + 1);
            let mut masked = bytes.clone();
            let (before, after) = masked.split_at_mut(cut);
            mask(before, key, 0);
            mask(after, key, cut);
            prop_assert_eq!(masked, byte_by_byte(&bytes, key, 0));
        }
    }

    #[test]
    fn an_offset_may_be_as_large_as_a_length() {
        let mut bytes = [0; 2];
        mask(&mut bytes, [1, 2, 3, 4], usize::MAX);
        assert_eq!(bytes, [4, 1]);
    }
}
