use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Names one session: unique among all sessions that ever were, on every node. At most 2^53 - 1, so that
/// it stays exact as a JavaScript number (`session-id` in the WIT). It is no secret and no authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(NonZeroU64);

impl SessionId {
    /// The id with this number; `None` for 0 and for what no host gives out.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number)
            .filter(|n| n.get() <= ID_MAX)
            .map(Self)
    }

    /// The number that guests see.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Gives out the ids of one node: 30 bits of seconds since 2026, 8 bits of node, 15 bits of sequence.
///
/// The sequence starts each second at the fraction of it that has passed, so that a host which restarts
/// within the second repeats nothing. A burst of more than 32,768 sessions a second runs ahead of the clock.
#[derive(Debug)]
pub struct IdSource {
    node: u8,
    /// Seconds and sequence of the newest id, without the node.
    newest: AtomicU64,
}

impl IdSource {
    /// A source for the node with this number. Nodes of one cluster need different numbers.
    #[must_use]
    pub fn new(node: u8) -> Self {
        Self {
            node,
            newest: AtomicU64::new(0),
        }
    }

    /// The next id.
    #[must_use]
    pub fn next(&self, now: SystemTime) -> SessionId {
        let clock = ticks(now);
        let previous = self
            .newest
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |newest| {
                Some(clock.max(newest + 1))
            })
            .unwrap_or_else(|newest| newest);
        let tick = clock.max(previous + 1);
        let (seconds, sequence) = (tick >> SEQUENCE_BITS, tick & SEQUENCE_MASK);
        let number = (seconds << (NODE_BITS + SEQUENCE_BITS)
            | u64::from(self.node) << SEQUENCE_BITS
            | sequence)
            & ID_MAX;
        SessionId(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }
}

/// Time since the start of 2026 in units of 2^-15 seconds.
fn ticks(now: SystemTime) -> u64 {
    let since = now
        .duration_since(SystemTime::UNIX_EPOCH + Duration::from_secs(YEAR_2026))
        .unwrap_or_default();
    let fraction = u64::from(since.subsec_nanos()) * (1 << SEQUENCE_BITS) / 1_000_000_000;
    (since.as_secs() << SEQUENCE_BITS) | fraction
}

/// The largest id.
pub(crate) const ID_MAX: u64 = (1 << 53) - 1;
const NODE_BITS: u32 = 8;
const SEQUENCE_BITS: u32 = 15;
const SEQUENCE_MASK: u64 = (1 << SEQUENCE_BITS) - 1;
/// 2026-01-01T00:00:00Z.
const YEAR_2026: u64 = 1_767_225_600;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, nanos: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::new(YEAR_2026 + seconds, nanos)
    }

    #[test]
    fn ids_are_laid_out_as_documented() {
        let id = IdSource::new(0xAB).next(at(3, 500_000_000)).get();
        assert_eq!(id >> 23, 3);
        assert_eq!(id >> 15 & 0xFF, 0xAB);
        assert_eq!(id & SEQUENCE_MASK, 1 << 14);
    }

    #[test]
    fn a_burst_runs_ahead_of_the_clock_and_stays_in_order() {
        let source = IdSource::new(1);
        let ids: Vec<_> = (0..100_000).map(|_| source.next(at(9, 0))).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(ids[99_999].get() >> 23, 9 + 99_999 / 32_768);
    }

    #[test]
    fn a_restart_within_the_second_repeats_nothing() {
        let before = IdSource::new(0);
        let last = (0..100).map(|_| before.next(at(5, 0))).last();
        assert!(Some(IdSource::new(0).next(at(5, 10_000_000))) > last);
    }

    #[test]
    fn only_numbers_that_javascript_keeps_exact_are_ids() {
        assert_eq!(SessionId::new(0), None);
        assert_eq!(SessionId::new(1 << 53), None);
        assert_eq!(SessionId::new(ID_MAX).map(SessionId::get), Some(ID_MAX));
        let far = at(1 << 31, 0);
        assert!(IdSource::new(255).next(far).get() <= ID_MAX);
    }
}
