//! What one event may cost: ticks of running, and time in all once the guest began to wait.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;
use std::time::Duration;

use wasmtime::UpdateDeadline;

/// Shared by a store, whose epoch callback counts ticks, and whoever polls its calls: tells a tick that
/// the guest ran from one that passed while it waited.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    state: AtomicU8,
}

impl Meter {
    /// Runs a call of the guest. A clock is only set once the call has to wait.
    ///
    /// The call is dropped when its time is up, and its store is dead then.
    pub(crate) async fn run<F: Future>(
        &self,
        event_wall_time: Duration,
        call: F,
    ) -> Result<F::Output, OutOfWallTime> {
        let mut call = pin!(call);
        let mut clock = None;
        self.state.store(RUNNING, Ordering::Relaxed);
        poll_fn(move |cx| {
            if let Poll::Ready(output) = call.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            // When it runs again after anything but a yield, the tick that passed was not its own.
            if self.state.swap(WAITING, Ordering::Relaxed) == YIELDING {
                self.state.store(RUNNING, Ordering::Relaxed);
            }
            let clock = clock.get_or_insert_with(|| Box::pin(tokio::time::sleep(event_wall_time)));
            clock.as_mut().poll(cx).map(|()| Err(OutOfWallTime))
        })
        .await
    }

    /// A tick has passed while the guest's code ran. Whether it counts against the guest.
    fn is_own_tick(&self) -> bool {
        self.state.swap(YIELDING, Ordering::Relaxed) != WAITING
    }
}

const RUNNING: u8 = 0;
const YIELDING: u8 = 1;
const WAITING: u8 = 2;

/// Ticks that the present event has used and may use.
#[derive(Debug)]
pub(crate) struct Ticks {
    used: u32,
    max: u32,
}

impl Ticks {
    /// As many ticks as `event_time` has, and one more, since the first may be nearly over.
    pub(crate) fn new(event_time: Duration, tick: Duration) -> Self {
        let ticks = event_time.as_nanos().div_ceil(tick.as_nanos().max(1));
        Self {
            used: 0,
            max: u32::try_from(ticks).unwrap_or(u32::MAX).saturating_add(1),
        }
    }

    /// A new event begins.
    pub(crate) fn reset(&mut self) {
        self.used = 0;
    }

    /// What becomes of a guest whose code was met running at a tick: others get their turn first.
    pub(crate) fn tick(&mut self, meter: &Meter) -> wasmtime::Result<UpdateDeadline> {
        if meter.is_own_tick() {
            self.used = self.used.saturating_add(1);
        }
        if self.used > self.max {
            return Err(OutOfTime.into());
        }
        Ok(UpdateDeadline::Yield(1))
    }
}

/// The guest ran longer than an event may.
#[derive(Debug, thiserror::Error)]
#[error("ran longer than event_time")]
pub(crate) struct OutOfTime;

/// The event took longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("took longer than event_wall_time")]
pub(crate) struct OutOfWallTime;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_its_ticks_and_the_one_that_had_begun() {
        let mut ticks = Ticks::new(Duration::from_millis(11), Duration::from_millis(5));
        let meter = Meter::default();
        for _ in 0..4 {
            assert!(ticks.tick(&meter).is_ok());
        }
        assert!(ticks.tick(&meter).is_err());
        ticks.reset();
        assert!(ticks.tick(&meter).is_ok());
    }

    #[test]
    fn a_tick_after_a_wait_is_free() {
        let mut ticks = Ticks::new(Duration::ZERO, Duration::from_millis(5));
        let meter = Meter::default();
        assert!(ticks.tick(&meter).is_ok());
        meter.state.store(WAITING, Ordering::Relaxed);
        assert!(ticks.tick(&meter).is_ok());
        assert!(ticks.tick(&meter).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_runs_once_a_call_waits() {
        let meter = Meter::default();
        let long = Duration::from_secs(10);
        assert!(meter.run(Duration::ZERO, async { 1 }).await.is_ok());
        assert!(meter.run(long, tokio::time::sleep(long / 2)).await.is_ok());
        assert!(meter.run(long, tokio::time::sleep(long * 2)).await.is_err());
    }
}
