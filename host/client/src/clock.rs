//! Times to come.

use std::time::{Duration, Instant};

/// So much later than now; what is further away than anybody waits is as far as the clock can tell.
pub(crate) fn after(time: Duration) -> Instant {
    Instant::now() + time.min(FAR)
}

/// Thirty years, which every clock can tell.
pub(crate) const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
