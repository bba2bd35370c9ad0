//! How often one guest connects: not in a storm to a server that does not have it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Connections of one instance that failed, one after the other. What the guest begins next waits, as one that connects,
/// and twice as long each time.
#[derive(Debug, Default)]
pub(super) struct Pace {
    failures: AtomicU32,
}

impl Pace {
    /// Waits until it is time for another one.
    pub(super) async fn wait(&self) {
        let pause = pause(self.failures.load(Ordering::Relaxed));
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }

    /// One did not come about, or was over at once by the server's doing.
    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// One did what it was for.
    pub(super) fn served(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }
}

/// The first failures are free: a guest may try another server.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(more) => FIRST.saturating_mul(1 << more.min(DOUBLINGS_MAX)),
    }
}

const FREE: u32 = 3;
const FIRST: Duration = Duration::from_millis(250);
/// To 16 s.
const DOUBLINGS_MAX: u32 = 6;

/// A connection that lasted so long has served.
pub(super) const SERVED_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H28
    #[test]
    fn who_fails_again_and_again_waits_longer_and_longer() {
        let waits = (0..12).map(|failures| pause(failures).as_millis());
        let waits: Vec<_> = waits.collect();
        let expected = [
            0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000,
        ];
        assert_eq!(waits, expected);
        assert_eq!(pause(u32::MAX).as_secs(), 16);
    }
}
