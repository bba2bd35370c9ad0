use std::time::{Duration, Instant, SystemTime};

/// The host's two times, tied together at its start: the monotonic one for deadlines, and the one on the
/// wall for what guests and logs see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    base: Instant,
    base_unix_ms: u64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let unix = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            base: Instant::now(),
            base_unix_ms: millis(unix),
        }
    }

    /// Milliseconds of the monotonic clock since the host's start.
    pub(crate) fn monotonic_ms(&self, at: Instant) -> u64 {
        millis(at.saturating_duration_since(self.base))
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) fn unix_ms(&self, at: Instant) -> u64 {
        self.base_unix_ms.saturating_add(self.monotonic_ms(at))
    }

    /// When it was so many milliseconds since the Unix epoch; the host's start, if that was later.
    pub(crate) fn at(&self, unix_ms: u64) -> Instant {
        let since = Duration::from_millis(unix_ms.saturating_sub(self.base_unix_ms));
        self.base.checked_add(since).unwrap_or(self.base)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
