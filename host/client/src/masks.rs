//! Masking keys (RFC 6455 section 10.3).

/// A source of keys that nobody can foresee: the operating system's random numbers, taken in advance.
pub(crate) struct Masks {
    pool: [u8; POOL_BYTES],
    used: usize,
}

impl Masks {
    pub(crate) fn new() -> Self {
        Self {
            pool: [0; POOL_BYTES],
            used: POOL_BYTES,
        }
    }

    /// A key that was never given before.
    ///
    /// # Panics
    /// When the operating system gives no random numbers: then nothing may be sent.
    pub(crate) fn key(&mut self) -> [u8; 4] {
        if self.used >= POOL_BYTES {
            getrandom::fill(&mut self.pool).expect("the operating system gives random numbers");
            self.used = 0;
        }
        let (keys, _) = self.pool.as_chunks::<4>();
        let key = keys.get(self.used / 4).copied();
        self.used += 4;
        key.expect("the pool has keys left")
    }
}

const POOL_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    // hardening H19
    #[test]
    fn keys_are_fresh() {
        let mut masks = Masks::new();
        let keys: HashSet<_> = (0..1000).map(|_| masks.key()).collect();
        // By chance two of a thousand are the same once in ten thousand runs; ten never.
        assert!(keys.len() > 990);
    }
}
