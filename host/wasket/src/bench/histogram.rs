//! How latencies are distributed, in memory that does not grow.

use std::time::Duration;

/// Counts of durations in buckets that are at most 1/128 as wide as what they hold.
///
/// Below 128 ns a bucket is one nanosecond; above, every power of two has 128 buckets. From 2^40 ns (18 minutes) on
/// everything falls into the last one. 35 KiB, and no allocation after it is made.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max_ns: u64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; bucket(LARGEST_NS) + 1],
            total: 0,
            max_ns: 0,
        }
    }

    /// Counts `times` messages of the same latency.
    pub(super) fn record(&mut self, latency: Duration, times: u64) {
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(ns.min(LARGEST_NS))] += times;
        self.total += times;
        if times > 0 {
            self.max_ns = self.max_ns.max(ns);
        }
    }

    /// Adds what another one counted.
    pub(super) fn merge(&mut self, other: &Self) {
        for (count, others) in self.counts.iter_mut().zip(&other.counts) {
            *count += others;
        }
        self.total += other.total;
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// The latency that `per_mille` of a thousand messages do not exceed, rounded up to its bucket's edge; `None`
    /// while nothing was counted.
    pub(super) fn quantile(&self, per_mille: u32) -> Option<Duration> {
        let wanted = u128::from(self.total) * u128::from(per_mille);
        let rank = u64::try_from(wanted.div_ceil(1000)).unwrap_or(self.total);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank.max(1)
        })?;
        Some(Duration::from_nanos(upper_edge(found).min(self.max_ns)))
    }

    /// The longest latency, exactly.
    pub(super) fn max(&self) -> Option<Duration> {
        (self.total > 0).then(|| Duration::from_nanos(self.max_ns))
    }
}

/// The bucket of a latency: its magnitude and the seven bits below its leading one.
fn bucket(ns: u64) -> usize {
    let magnitude = (u64::BITS - ns.leading_zeros()).saturating_sub(PRECISION_BITS + 1);
    let row = u64::from(magnitude) << PRECISION_BITS;
    usize::try_from(row + (ns >> magnitude)).unwrap_or(usize::MAX)
}

/// The largest latency that falls into a bucket.
fn upper_edge(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    // The first two rows hold single nanoseconds.
    let magnitude = (bucket >> PRECISION_BITS).saturating_sub(1);
    let leading = bucket - (magnitude << PRECISION_BITS);
    ((leading + 1) << magnitude) - 1
}

const PRECISION_BITS: u32 = 7;
const LARGEST_NS: u64 = (1 << 40) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_and_are_narrow() {
        let mut last = 0;
        for ns in (0..100_000).chain((17..40).flat_map(|bits| {
            let power = 1_u64 << bits;
            [power - 1, power, power + power / 3]
        })) {
            let bucket = bucket(ns);
            assert!(bucket == last || bucket == last + 1 || ns > 100_000, "{ns}");
            let edge = upper_edge(bucket);
            assert!(edge >= ns && edge - ns <= ns / 128, "{ns} in {edge}");
            last = bucket;
        }
        assert_eq!(upper_edge(bucket(LARGEST_NS)), LARGEST_NS);
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_latencies() {
        let mut histogram = Histogram::new();
        for us in (1..=1000).rev() {
            histogram.record(Duration::from_micros(us), 1);
        }
        for (per_mille, us) in [(500, 500), (900, 900), (990, 990), (999, 999), (1, 1)] {
            let found = histogram.quantile(per_mille).unwrap().as_nanos();
            let exact = us * 1000;
            assert!(
                (exact..=exact + exact / 128).contains(&found),
                "{per_mille}: {found}"
            );
        }
        assert_eq!(histogram.quantile(1000), Some(Duration::from_millis(1)));
        assert_eq!(histogram.max(), Some(Duration::from_millis(1)));
    }

    #[test]
    fn merging_is_counting_together() {
        let (mut a, mut b) = (Histogram::new(), Histogram::new());
        a.record(Duration::from_nanos(100), 99);
        b.record(Duration::from_secs(10_000), 1);
        b.record(Duration::from_secs(20_000), 0);
        a.merge(&b);
        assert_eq!(a.quantile(990), Some(Duration::from_nanos(100)));
        assert_eq!(a.max(), Some(Duration::from_secs(10_000)));
    }

    #[test]
    fn nothing_has_no_quantiles() {
        let empty = Histogram::new();
        assert_eq!((empty.quantile(500), empty.max()), (None, None));
    }
}
