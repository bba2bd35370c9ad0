//! What the messages carry.

use rand::Rng;

/// Payloads of one size, each different from the next, so that an echo in the wrong place is seen.
///
/// They overlap in one random pattern: no message costs the load generator more than a copy and a comparison.
#[derive(Debug)]
pub(super) struct Payload {
    pattern: Vec<u8>,
    size: usize,
    /// Text messages, of printable ASCII; otherwise binary ones, of any bytes.
    pub(super) is_text: bool,
}

impl Payload {
    pub(super) fn new(size: usize, is_text: bool, rng: &mut impl Rng) -> Self {
        let mut pattern = vec![0; size + DISTINCT];
        rng.fill_bytes(&mut pattern);
        if is_text {
            for byte in &mut pattern {
                *byte = b' ' + *byte % 95;
            }
        }
        Self {
            pattern,
            size,
            is_text,
        }
    }

    /// Text that looks like JSON, to be compressed.
    pub(super) fn json(size: usize, rng: &mut impl Rng) -> Self {
        let mut pattern = String::new();
        while pattern.len() < size + DISTINCT {
            let [id, name, score, of] = std::array::from_fn(|_| rng.next_u32() >> 16);
            let active = id % 2 == 0;
            pattern.push_str(&format!(
                r#"{{"id":{id},"name":"user{name}","score":{score}.{of},"active":{active}}},"#
            ));
        }
        pattern.truncate(size + DISTINCT);
        Self {
            pattern: pattern.into(),
            size,
            is_text: true,
        }
    }

    /// The payload of a message by its number. They repeat after [`DISTINCT`] messages.
    #[inline]
    pub(super) fn of(&self, number: u64) -> &[u8] {
        let start = usize::try_from(number % DISTINCT as u64).unwrap_or(0);
        &self.pattern[start..start + self.size]
    }

    /// Bytes in each message.
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

/// A prime, so that no pipeline's depth divides it.
const DISTINCT: usize = 251;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ_and_have_the_size() {
        for is_text in [false, true] {
            let payload = Payload::new(16, is_text, &mut rand::rng());
            for number in 0..600 {
                let bytes = payload.of(number);
                assert_eq!(bytes.len(), 16);
                assert_ne!(bytes, payload.of(number + 1));
                assert!(!is_text || bytes.iter().all(|byte| (b' '..=b'~').contains(byte)));
            }
            assert_eq!(payload.of(u64::MAX).len(), 16);
        }
        let json = Payload::json(1_000, &mut rand::rng());
        for number in 0..600 {
            let text = str::from_utf8(json.of(number)).unwrap();
            assert!(
                text.len() == 1_000 && text.contains("\"active\":"),
                "{text}"
            );
            assert_ne!(json.of(number), json.of(number + 1));
        }
        assert!(Payload::new(0, true, &mut rand::rng()).of(7).is_empty());
    }
}
