//! What one event may cost: ticks of running, and time in all once the guest began to wait.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use wasmtime::UpdateDeadline;

/// Shared by a store, whose epoch callback counts ticks, and whoever polls its calls: tells a tick that
/// the guest ran from one that passed while it waited.
#[derive(Debug)]
pub(crate) struct Meter {
    state: AtomicU8,
    /// What the guest waits for is its own peer.
    waits_for_peer: AtomicBool,
    slow_lane: Arc<Semaphore>,
}

impl Meter {
    /// `slow_lane` has a permit for each worker that long calls may take together.
    pub(crate) fn new(slow_lane: Arc<Semaphore>) -> Self {
        Self {
            state: AtomicU8::new(RUNNING),
            waits_for_peer: AtomicBool::new(false),
            slow_lane,
        }
    }

    /// Runs a call of the guest. Only a call that does not come to its end within a tick costs more: a
    /// clock, and for every further tick a place in the slow lane, so that loops cannot take every worker.
    ///
    /// The call is dropped when its time is up, and its store is dead then.
    pub(crate) async fn run<F: Future>(
        &self,
        event_wall_time: Duration,
        call: F,
    ) -> Result<F::Output, OutOfWallTime> {
        let mut call = pin!(call);
        let mut slow: Option<Box<Slow>> = None;
        self.state.store(RUNNING, Ordering::Relaxed);
        poll_fn(move |cx| {
            if let Some(slow) = &mut slow
                && !slow.lane.may_run(cx)
            {
                return slow.clock(false, cx);
            }
            if let Poll::Ready(output) = call.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            let slow = slow.get_or_insert_with(|| Slow::new(event_wall_time));
            // When it runs again after anything but a yield, the tick that passed was not its own.
            slow.lane = if self.state.swap(WAITING, Ordering::Relaxed) == YIELDING {
                self.state.store(RUNNING, Ordering::Relaxed);
                Lane::Queued(Box::pin(Arc::clone(&self.slow_lane).acquire_owned()))
            } else {
                Lane::Fast
            };
            slow.clock(self.waits_for_peer.load(Ordering::Relaxed), cx)
        })
        .await
    }

    /// Waits within a call for the session's own peer, which is not the guest's to answer for: the event's
    /// clock stands still, and how slow the peer may be is the session's rule.
    pub(crate) async fn wait_for_peer<T>(&self, progress: impl Future<Output = T>) -> T {
        self.waits_for_peer.store(true, Ordering::Relaxed);
        let progress = progress.await;
        self.waits_for_peer.store(false, Ordering::Relaxed);
        progress
    }

    /// A tick has passed while the guest's code ran. Whether it counts against the guest.
    fn is_own_tick(&self) -> bool {
        self.state.swap(YIELDING, Ordering::Relaxed) != WAITING
    }
}

/// What a call has that did not end at once.
struct Slow {
    clock: Pin<Box<Sleep>>,
    /// Since when the clock stands still.
    stopped_at: Option<Instant>,
    lane: Lane,
}

/// Who may run next is decided anew at every tick, first come, first served.
enum Lane {
    Fast,
    Queued(Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>),
    Slow { _place: OwnedSemaphorePermit },
}

impl Slow {
    fn new(event_wall_time: Duration) -> Box<Self> {
        Box::new(Self {
            clock: Box::pin(tokio::time::sleep(event_wall_time)),
            stopped_at: None,
            lane: Lane::Fast,
        })
    }

    fn clock<T>(
        &mut self,
        waits_for_peer: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, OutOfWallTime>> {
        if waits_for_peer {
            self.stopped_at.get_or_insert_with(Instant::now);
            return Poll::Pending;
        }
        if let Some(at) = self.stopped_at.take() {
            let deadline = self.clock.deadline() + at.elapsed();
            self.clock.as_mut().reset(deadline);
        }
        self.clock.as_mut().poll(cx).map(|()| Err(OutOfWallTime))
    }
}

impl Lane {
    fn may_run(&mut self, cx: &mut Context<'_>) -> bool {
        let Self::Queued(acquire) = self else {
            return true;
        };
        match acquire.as_mut().poll(cx) {
            Poll::Ready(Ok(place)) => *self = Self::Slow { _place: place },
            // The lane is never closed.
            Poll::Ready(Err(_)) => *self = Self::Fast,
            Poll::Pending => return false,
        }
        true
    }
}

const RUNNING: u8 = 0;
const YIELDING: u8 = 1;
const WAITING: u8 = 2;

/// Ticks that the present call has used and may use.
#[derive(Debug)]
pub(crate) struct Ticks {
    used: u32,
    events: u32,
    event_time: Duration,
    tick: Duration,
}

impl Ticks {
    pub(crate) fn new(event_time: Duration, tick: Duration) -> Self {
        Self {
            used: 0,
            events: 1,
            event_time,
            tick,
        }
    }

    /// A new call begins, for so many events.
    pub(crate) fn reset(&mut self, events: u32) {
        self.used = 0;
        self.events = events;
    }

    /// As many ticks as the call's events have time, and one more, since the first may be nearly over.
    fn max(&self) -> u32 {
        let time = self
            .event_time
            .as_nanos()
            .saturating_mul(self.events.into());
        let ticks = time.div_ceil(self.tick.as_nanos().max(1));
        u32::try_from(ticks).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// What becomes of a guest whose code was met running at a tick: others get their turn first.
    pub(crate) fn tick(&mut self, meter: &Meter) -> wasmtime::Result<UpdateDeadline> {
        if meter.is_own_tick() {
            self.used = self.used.saturating_add(1);
        }
        if self.used > self.max() {
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

    fn meter() -> Meter {
        Meter::new(Arc::new(Semaphore::new(1)))
    }

    #[test]
    fn an_event_has_its_ticks_and_the_one_that_had_begun() {
        let mut ticks = Ticks::new(Duration::from_millis(11), Duration::from_millis(5));
        let meter = meter();
        for _ in 0..4 {
            assert!(ticks.tick(&meter).is_ok());
        }
        assert!(ticks.tick(&meter).is_err());
        ticks.reset(1);
        assert!(ticks.tick(&meter).is_ok());
    }

    #[test]
    fn a_call_has_the_time_of_all_its_events() {
        let mut ticks = Ticks::new(Duration::from_micros(1_500), Duration::from_millis(1));
        let meter = meter();
        for (events, max) in [(1, 3), (2, 4), (64, 97)] {
            ticks.reset(events);
            for _ in 0..max {
                assert!(ticks.tick(&meter).is_ok(), "{events}");
            }
            assert!(ticks.tick(&meter).is_err(), "{events}");
        }
        ticks.event_time = Duration::MAX;
        assert_eq!(ticks.max(), u32::MAX);
    }

    #[test]
    fn a_tick_after_a_wait_is_free() {
        let mut ticks = Ticks::new(Duration::ZERO, Duration::from_millis(5));
        let meter = meter();
        assert!(ticks.tick(&meter).is_ok());
        meter.state.store(WAITING, Ordering::Relaxed);
        assert!(ticks.tick(&meter).is_ok());
        assert!(ticks.tick(&meter).is_err());
    }

    #[tokio::test]
    async fn the_clock_runs_once_a_call_waits() {
        let meter = meter();
        let long = Duration::from_secs(3600);
        let waiting = std::future::pending::<()>;
        // No time at all is enough for a call that does not wait.
        assert!(meter.run(Duration::ZERO, async { 1 }).await.is_ok());
        assert!(meter.run(long, tokio::task::yield_now()).await.is_ok());
        assert!(meter.run(Duration::ZERO, waiting()).await.is_err());
    }

    #[tokio::test]
    async fn the_clock_stands_still_while_the_peer_is_waited_for() {
        let meter = meter();
        let (short, longer) = (Duration::from_millis(1), Duration::from_millis(20));
        let peer = || meter.wait_for_peer(tokio::time::sleep(longer));
        assert!(meter.run(short, peer()).await.is_ok());
        let then_others = async {
            peer().await;
            std::future::pending::<()>().await;
        };
        assert!(meter.run(short, then_others).await.is_err());
    }

    // hardening H28
    #[tokio::test]
    async fn a_call_that_used_a_tick_goes_on_in_the_slow_lane() {
        let meter = meter();
        let place = Arc::clone(&meter.slow_lane).try_acquire_owned();
        let polls = AtomicU8::new(0);
        let call = poll_fn(|cx| {
            if polls.fetch_add(1, Ordering::Relaxed) < 2 {
                assert!(meter.is_own_tick());
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        });
        let mut run = pin!(meter.run(Duration::from_secs(60), call));
        let mut poll = async || poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx))).await;
        for _ in 0..3 {
            assert!(poll().await.is_pending());
        }
        assert_eq!(polls.load(Ordering::Relaxed), 1, "the lane is taken");
        drop(place);
        assert!(poll().await.is_pending());
        assert_eq!(meter.slow_lane.available_permits(), 1, "its turn is over");
        assert!(poll().await.is_ready());
        assert_eq!(polls.load(Ordering::Relaxed), 3);
    }
}
