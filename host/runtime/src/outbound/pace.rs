//! How often one guest connects: not in a storm to a server that does not have it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Connections of one instance that failed, one after the other. What the guest begins next waits, as one that connects,
/// and twice as long each time. After a while without failures they are forgotten.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Failures>);

#[derive(Debug, Default)]
struct Failures {
    count: u32,
    last: Option<Instant>,
}

impl Pace {
    /// Waits until it is time for another one.
    pub(super) async fn wait(&self) {
        let pause = self.pause(Instant::now());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }

    /// One did not come about, or its server hung up at once without a word.
    pub(super) fn failed(&self) {
        self.failed_at(Instant::now());
    }

    /// One did what it was for.
    pub(super) fn served(&self) {
        *self.0.lock() = Failures::default();
    }

    fn failed_at(&self, now: Instant) {
        let mut failures = self.0.lock();
        failures.count = failures.count.saturating_add(1);
        failures.last = Some(now);
    }

    /// The first failures are free: a guest may try another server.
    fn pause(&self, now: Instant) -> Duration {
        let mut failures = self.0.lock();
        let since = |at| now.saturating_duration_since(at);
        if failures.last.is_some_and(|at| since(at) >= FORGOTTEN_AFTER) {
            *failures = Failures::default();
        }
        match failures.count.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(more) => FIRST.saturating_mul(1 << more.min(DOUBLINGS_MAX)),
        }
    }
}

const FREE: u32 = 3;
const FIRST: Duration = Duration::from_millis(250);
/// To 16 s.
const DOUBLINGS_MAX: u32 = 6;
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// A connection that lasted so long has served.
pub(super) const SERVED_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H28
    #[test]
    fn who_fails_again_and_again_waits_longer_and_longer() {
        let (pace, now) = (Pace::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..12 {
            waits.push(pace.pause(now).as_millis());
            pace.failed_at(now);
        }
        let expected = [
            0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000,
        ];
        assert_eq!(waits, expected);
        pace.served();
        assert!(pace.pause(now).is_zero());
    }

    #[test]
    fn old_failures_are_forgotten() {
        let (pace, now) = (Pace::default(), Instant::now());
        for _ in 0..20 {
            pace.failed_at(now);
        }
        let just_before = FORGOTTEN_AFTER - Duration::from_millis(1);
        assert_eq!(pace.pause(now + just_before).as_secs(), 16);
        assert!(pace.pause(now + FORGOTTEN_AFTER).is_zero());
        assert!(pace.pause(now).is_zero());
    }
}
