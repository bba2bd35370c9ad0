//! What all queues of a service, and of the host, hold together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;

/// Bytes that queues hold in memory for peers that have not read them: those of one service, which are part
/// of the whole host's.
///
/// Nothing is refused here. While more is held than the account may have, every session's outbox is as
/// small as [`OUTBOX_BYTES_ASSURED`]: slow readers meet the end of theirs at once, quick ones notice
/// nothing. So no more is ever held than the account's maximum, and for each session that or one message.
///
/// What the host counts of a service moves in steps, so that the services' threads rarely meet there; and
/// answers that a socket takes at once are never counted at all.
#[derive(Debug)]
pub struct Account {
    bytes: AtomicUsize,
    bytes_max: usize,
    /// Since the last look the account was full.
    was_full: AtomicBool,
    whole: Option<Arc<Account>>,
}

impl Account {
    /// An account of its own, such as the host's.
    #[must_use]
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Self::part_of(None, bytes_max)
    }

    /// An account whose bytes count in another one too.
    pub(crate) fn part_of(whole: Option<Arc<Self>>, bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes: AtomicUsize::new(0),
            bytes_max,
            was_full: AtomicBool::new(false),
            whole,
        })
    }

    /// Bytes held now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes that may be held before outboxes shrink.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The account that this one is a part of: the host's.
    #[must_use]
    pub fn whole(&self) -> Option<&Arc<Self>> {
        self.whole.as_ref()
    }

    /// Whether more is held than may be, here or in the whole.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes() > self.bytes_max || self.whole.as_ref().is_some_and(|whole| whole.is_full())
    }

    /// Whether the account (not the whole) was full since this was asked last, or had too little left for somebody.
    pub fn take_was_full(&self) -> bool {
        self.was_full.load(Ordering::Relaxed) && self.was_full.swap(false, Ordering::Relaxed)
    }

    /// Bytes that are counted for as long as anybody holds them.
    pub(crate) fn hold(self: &Arc<Self>, bytes: Vec<u8>) -> Bytes {
        let charge = Charge::new(self, bytes.capacity());
        Bytes::from_owner(Held {
            bytes,
            _charge: charge,
        })
    }

    /// Takes this many bytes until the charge is dropped; `None` if the account (not the whole) would be over its
    /// maximum then.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Charge> {
        let fits = |held: usize| {
            held.checked_add(bytes)
                .filter(|held| *held <= self.bytes_max)
        };
        let reserved = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        if reserved.is_err() {
            self.was_full.store(true, Ordering::Relaxed);
            return None;
        }
        Some(Charge {
            account: Arc::clone(self),
            bytes,
        })
    }

    fn add(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let after = before.saturating_add(bytes);
        if after > self.bytes_max {
            self.was_full.store(true, Ordering::Relaxed);
        }
        if let Some(whole) = &self.whole {
            let step = steps(after) - steps(before);
            if step > 0 {
                whole.add(step);
            }
        }
    }

    fn subtract(&self, bytes: usize) {
        let before = self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            let step = steps(before) - steps(before.saturating_sub(bytes));
            if step > 0 {
                whole.subtract(step);
            }
        }
    }
}

/// Bytes on an account, until it is dropped.
#[derive(Debug)]
pub struct Charge {
    account: Arc<Account>,
    bytes: usize,
}

impl Charge {
    pub(crate) fn new(account: &Arc<Account>, bytes: usize) -> Self {
        account.add(bytes);
        Self {
            account: Arc::clone(account),
            bytes,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.subtract(self.bytes);
    }
}

struct Held {
    bytes: Vec<u8>,
    _charge: Charge,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Whole steps, in bytes: each change of an account moves the whole by the steps it crossed, so that the
/// two stay in accord whoever comes between.
fn steps(bytes: usize) -> usize {
    bytes / STEP_BYTES * STEP_BYTES
}

/// What every session may have queued, however much the others hold. Bytes.
pub const OUTBOX_BYTES_ASSURED: usize = 64 << 10;

const STEP_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_until_the_last_holder_lets_go() {
        let account = Account::new(100);
        let bytes = account.hold(vec![7; 101]);
        let shared = bytes.slice(1..);
        assert!(account.is_full() && account.take_was_full());
        drop(bytes);
        assert_eq!(account.bytes(), 101);
        drop(shared);
        assert_eq!(account.bytes(), 0);
        assert!(!account.is_full() && !account.take_was_full());
    }

    #[test]
    fn what_is_reserved_is_never_more_than_the_maximum() {
        let account = Account::new(100);
        let first = account.reserve(60).expect("room");
        assert!(account.reserve(41).is_none() && account.reserve(usize::MAX).is_none());
        let second = account.reserve(40).expect("room");
        assert_eq!(account.bytes(), 100);
        drop((first, second));
        assert_eq!(account.bytes(), 0);
    }

    #[test]
    fn the_whole_counts_its_parts_in_steps() {
        let whole = Account::new(2 * STEP_BYTES);
        let parts = [0; 2].map(|_| Account::part_of(Some(Arc::clone(&whole)), usize::MAX));
        let small = parts[0].hold(vec![0; STEP_BYTES - 1]);
        assert_eq!(whole.bytes(), 0);
        let held = [&parts[0], &parts[1], &parts[1]].map(|p| p.hold(vec![0; STEP_BYTES]));
        assert_eq!(whole.bytes(), 3 * STEP_BYTES);
        assert!(parts.iter().all(|part| part.is_full()));
        drop(small);
        drop(held);
        assert_eq!(whole.bytes(), 0);
        assert!(!parts[0].is_full());
    }

    #[test]
    fn the_whole_agrees_with_its_parts_whoever_comes_between() {
        let whole = Account::new(usize::MAX);
        let part = Account::part_of(Some(Arc::clone(&whole)), usize::MAX);
        std::thread::scope(|scope| {
            for thread in 1..=4_usize {
                let part = &part;
                scope.spawn(move || {
                    for n in 0..1_000 {
                        let held = part.hold(vec![0; (n * thread) % 1_000 * 100]);
                        assert!(part.bytes() >= held.len());
                    }
                });
            }
        });
        assert_eq!((part.bytes(), whole.bytes()), (0, 0));
    }
}
