//! Masking keys (RFC 6455 section 10.3).

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A source of keys that nobody can foresee. It asks the operating system once, when a connection is opened, so that
/// there is nothing left to fail while messages are sent.
pub(crate) struct Masks(StdRng);

impl Masks {
    /// # Errors
    /// When the operating system gives no random numbers: then nothing may be sent.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self(StdRng::from_seed(seed)))
    }

    /// A key that was never given before.
    pub(crate) fn key(&mut self) -> [u8; 4] {
        let mut key = [0; 4];
        self.0.fill_bytes(&mut key);
        key
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    // hardening H19
    #[test]
    fn keys_are_fresh() {
        let mut sources = [Masks::new().unwrap(), Masks::new().unwrap()];
        let mut keys = HashSet::new();
        for _ in 0..500 {
            keys.extend(sources.each_mut().map(Masks::key));
        }
        // By chance two of a thousand are the same once in ten thousand runs; ten never.
        assert!(keys.len() > 990);
    }
}
