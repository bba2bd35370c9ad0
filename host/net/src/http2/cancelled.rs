use std::time::Instant;

/// The requests that a peer has taken back before they were answered: so many at once, and so many a second. To ask and
/// to take it back costs a peer nothing, and us the work (CVE-2023-44487).
#[derive(Debug)]
pub(super) struct Cancelled {
    /// What is left, in thousandths of a request.
    left: u64,
    /// What there was.
    most: u64,
    refilled_at: Instant,
}

impl Cancelled {
    /// For one that may have so many requests open at once, all of which it may take back whatever it did before.
    pub(super) fn new(now: Instant, open_max: u32) -> Self {
        let most = (AT_ONCE + u64::from(open_max)) * 1000;
        Self {
            left: most,
            most,
            refilled_at: now,
        }
    }

    /// Counts one more. False: it is one too many.
    pub(super) fn one_more(&mut self, now: Instant) -> bool {
        self.refill(now);
        match self.left.checked_sub(1000) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Whether another one would be too many.
    pub(super) fn is_used_up(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.left < 1000
    }

    /// Whether it is as if there had been none.
    pub(super) fn is_forgiven(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.left == self.most
    }

    fn refill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.refilled_at);
        let since_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        // A thousandth a millisecond is one a second.
        let refill = since_ms.saturating_mul(A_SECOND);
        self.left = self.left.saturating_add(refill).min(self.most);
        self.refilled_at = now;
    }
}

/// More than a page has things to load when its reader goes on to the next.
const AT_ONCE: u64 = 100;
const A_SECOND: u64 = 10;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    // hardening H25
    #[test]
    fn a_burst_passes_and_a_flood_does_not() {
        let begin = Instant::now();
        let mut cancelled = Cancelled::new(begin, 1);
        let burst = |cancelled: &mut Cancelled, after_ms| {
            let now = begin + Duration::from_millis(after_ms);
            (0..1000).take_while(|_| cancelled.one_more(now)).count()
        };
        let bursts = [0, 0, 99, 199, 700, 1_000_000].map(|at| burst(&mut cancelled, at));
        assert_eq!(bursts, [101, 0, 0, 1, 6, 101]);
        let mut slow = Cancelled::new(begin, 1);
        let many = burst(&mut Cancelled::new(begin, 200), 0);
        assert_eq!(many, 300);
        assert!((0..10_000).all(|n| slow.one_more(begin + Duration::from_millis(n * 100))));
    }
}
