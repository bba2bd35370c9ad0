//! Nonces: when they were made, sealed; and how often each was used.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Makes nonces and knows its own again. Times are milliseconds of one monotonic clock.
pub(crate) struct Nonces {
    /// A block of the hash, as HMAC fills it up.
    key: [u8; 64],
    lifetime_ms: u64,
    next: AtomicU64,
    used: Mutex<Used>,
}

/// The counts that each nonce was used with: bounded, and nothing is forgotten that could come again.
struct Used {
    counts: BTreeMap<u64, Counts>,
    /// Nonces with lower numbers were forgotten: they count as expired.
    from: u64,
    max: usize,
}

/// The counts that one nonce was used with. Requests on several connections overtake each other, so the last few are
/// kept one by one; what is further behind the highest counts as used.
#[derive(Default)]
struct Counts {
    highest: u32,
    /// Bit n: the count n below the highest was used.
    used: u64,
}

/// What became of a nonce that a client used, with a response that is right otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is fresh, and the count was not used.
    Fresh,
    /// It has expired, or is none of these: the client may answer to another.
    Stale,
    /// The same count was used, or one that is more than 63 higher.
    Replayed,
}

impl Nonces {
    pub(crate) fn new(key: [u8; 32], lifetime_ms: u64) -> Self {
        let mut block = [0; 64];
        let (front, _) = block.split_at_mut(key.len());
        front.copy_from_slice(&key);
        Self {
            key: block,
            lifetime_ms,
            next: AtomicU64::new(0),
            used: Mutex::new(Used {
                counts: BTreeMap::new(),
                from: 0,
                max: NONCES_USED_MAX,
            }),
        }
    }

    /// A nonce that nobody has.
    pub(crate) fn issue(&self, now_ms: u64) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0; NONCE_BYTES];
        let (body, seal) = bytes.split_at_mut(BODY_BYTES);
        let (time, rest) = body.split_at_mut(8);
        time.copy_from_slice(&now_ms.to_be_bytes());
        rest.copy_from_slice(&number.to_be_bytes());
        let full = self.seal(body).finalize().into_bytes();
        for (byte, sealed) in seal.iter_mut().zip(full) {
            *byte = sealed;
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Uses a nonce once more. The caller has found the response right: a guess uses up nothing.
    pub(crate) fn spend(&self, nonce: &str, count: u32, now_ms: u64) -> Use {
        let Some((made_ms, number)) = self.open(nonce) else {
            return Use::Stale;
        };
        if now_ms.saturating_sub(made_ms) >= self.lifetime_ms {
            return Use::Stale;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.spend(number, count)
    }

    /// When a nonce of ours was made, and its number.
    fn open(&self, nonce: &str) -> Option<(u64, u64)> {
        let mut bytes = [0; NONCE_BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes).ok()?;
        let (body, seal) = bytes.split_at(BODY_BYTES);
        let whole = length == NONCE_BYTES;
        (whole && self.seal(body).verify_truncated_left(seal).is_ok()).then_some(())?;
        let (time, number) = body.split_at(8);
        let read = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).ok();
        Some((read(time)?, read(number)?))
    }

    fn seal(&self, body: &[u8]) -> Hmac<Sha256> {
        let mut seal = Hmac::new(&self.key.into());
        seal.update(body);
        seal
    }
}

impl Used {
    fn spend(&mut self, number: u64, count: u32) -> Use {
        if number < self.from {
            return Use::Stale;
        }
        // RFC 7616, section 3.4: the first is 1.
        if count == 0 || !self.counts.entry(number).or_default().take(count) {
            return Use::Replayed;
        }
        if self.counts.len() > self.max
            && let Some((oldest, _)) = self.counts.pop_first()
        {
            self.from = oldest + 1;
        }
        Use::Fresh
    }
}

impl Counts {
    /// Whether the count was not used; from now on it is.
    fn take(&mut self, count: u32) -> bool {
        if let Some(more) = count.checked_sub(self.highest).filter(|more| *more > 0) {
            self.used = self.used.checked_shl(more).unwrap_or_default() | 1;
            self.highest = count;
            return true;
        }
        let bit = 1u64.checked_shl(self.highest - count).unwrap_or_default();
        let unused = bit > 0 && self.used & bit == 0;
        self.used |= bit;
        unused
    }
}

/// Nonces whose counts are kept: those of clients that have authenticated. About 3 MiB.
const NONCES_USED_MAX: usize = 65_536;
/// A time and a number.
const BODY_BYTES: usize = 16;
/// The body and half a SHA-256.
const NONCE_BYTES: usize = BODY_BYTES + 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nonces() -> Nonces {
        Nonces::new([7; 32], 1000)
    }

    // hardening H26
    #[test]
    fn counts_are_good_once_and_nonces_expire() {
        let nonces = nonces();
        let (one, two) = (nonces.issue(500), nonces.issue(500));
        assert_ne!(one, two);
        assert_eq!(nonces.spend(&one, 1, 500), Use::Fresh);
        assert_eq!(nonces.spend(&one, 1, 501), Use::Replayed);
        assert_eq!(nonces.spend(&one, 0, 501), Use::Replayed);
        assert_eq!(nonces.spend(&one, 7, 501), Use::Fresh);
        // It was overtaken.
        assert_eq!(nonces.spend(&one, 6, 502), Use::Fresh);
        assert_eq!(nonces.spend(&one, 6, 502), Use::Replayed);
        assert_eq!(nonces.spend(&one, 7, 502), Use::Replayed);
        assert_eq!(nonces.spend(&two, 0, 502), Use::Replayed);
        assert_eq!(nonces.spend(&two, 1, 1499), Use::Fresh);
        assert_eq!(nonces.spend(&two, 2, 1500), Use::Stale);
    }

    // hardening H26
    #[test]
    fn what_was_overtaken_by_far_is_a_replay() {
        let nonces = nonces();
        let nonce = nonces.issue(0);
        let uses = [
            (100, Use::Fresh),
            (36, Use::Replayed),
            (37, Use::Fresh),
            (37, Use::Replayed),
            (u32::MAX, Use::Fresh),
            (100, Use::Replayed),
            (u32::MAX - 63, Use::Fresh),
            (u32::MAX - 64, Use::Replayed),
            (u32::MAX, Use::Replayed),
        ];
        for (count, expected) in uses {
            assert_eq!(nonces.spend(&nonce, count, 0), expected, "{count}");
        }
    }

    // hardening H26
    #[test]
    fn nonces_of_others_are_stale() {
        let (nonces, other) = (nonces(), Nonces::new([8; 32], 1000));
        let mut long = nonces.issue(0);
        long.push('A');
        for nonce in [
            other.issue(0),
            String::new(),
            "!".into(),
            "A".repeat(43),
            long,
        ] {
            assert_eq!(nonces.spend(&nonce, 1, 0), Use::Stale, "{nonce}");
        }
    }

    // hardening H26
    #[test]
    fn what_is_forgotten_never_comes_again() {
        let nonces = nonces();
        nonces.used.lock().unwrap().max = 2;
        let issued: Vec<_> = (0..4).map(|_| nonces.issue(0)).collect();
        for nonce in &issued {
            assert_eq!(nonces.spend(nonce, 1, 0), Use::Fresh);
        }
        let again = |n: usize, count| nonces.spend(&issued[n], count, 0);
        assert_eq!((again(0, 2), again(1, 2)), (Use::Stale, Use::Stale));
        assert_eq!((again(2, 1), again(3, 2)), (Use::Replayed, Use::Fresh));
        assert_eq!(nonces.used.lock().unwrap().counts.len(), 2);
    }

    proptest! {
        // hardening H26
        #[test]
        fn no_count_is_taken_twice(
            uses in proptest::collection::vec((0usize..4, prop_oneof![0u32..6, 0u32..200]), 0..40),
            max in 1usize..5,
        ) {
            let nonces = nonces();
            nonces.used.lock().unwrap().max = max;
            let issued: Vec<_> = (0..4).map(|_| nonces.issue(0)).collect();
            let mut taken = Vec::new();
            for (nonce, count) in uses {
                let highest = taken.iter().filter(|(of, _)| *of == nonce).map(|(_, count)| *count).max();
                let near = count > 0 && count + 64 > highest.unwrap_or(0);
                let unused = !taken.contains(&(nonce, count));
                match nonces.spend(&issued[nonce], count, 0) {
                    Use::Fresh => {
                        prop_assert!(near && unused);
                        taken.push((nonce, count));
                    }
                    Use::Replayed => prop_assert!(!near || !unused),
                    Use::Stale => {}
                }
                prop_assert!(nonces.used.lock().unwrap().counts.len() <= max);
            }
        }

        // hardening H26
        #[test]
        fn a_changed_nonce_is_none_of_ours(at in 0usize..43, to in "[A-Za-z0-9_-]") {
            let nonces = nonces();
            let issued = nonces.issue(0);
            let mut changed = issued.clone();
            changed.replace_range(at..=at, &to);
            let expected = if changed == issued { Use::Fresh } else { Use::Stale };
            prop_assert_eq!(nonces.spend(&changed, 1, 0), expected);
        }
    }
}
