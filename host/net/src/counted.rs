use std::time::{Duration, Instant};

/// What happens as often as peers like, of which the log is told once a second at most.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// Since somebody was told.
    count: u64,
    told_at: Option<Instant>,
}

impl Counted {
    /// Counts one more. How many there were since the last time, when it is time to tell.
    pub(crate) fn more(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        let told = |at: Instant| now.saturating_duration_since(at) < AGAIN_AFTER;
        if self.told_at.is_some_and(told) {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}

const AGAIN_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_told_is_counted_the_next_time() {
        let mut counted = Counted::default();
        let start = Instant::now();
        let told = [0, 0, 999, 1000, 1999, 5000].map(|after_ms| {
            let now = start + Duration::from_millis(after_ms);
            counted.more(now)
        });
        assert_eq!(told, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
