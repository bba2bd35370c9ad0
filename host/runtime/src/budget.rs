//! What one event may cost: ticks of running, and time in all once the guest began to wait.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
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

    /// Runs a call of the guest. Only a call that does not come to its end within its first turns costs
    /// more: a clock, and for every further turn a place in the slow lane, so that loops cannot take every
    /// worker.
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
            let polled = match &slow {
                Some(slow) if slow.lane.is_slow() => beside_the_worker(|| call.as_mut().poll(cx)),
                _ => call.as_mut().poll(cx),
            };
            if let Poll::Ready(output) = polled {
                return Poll::Ready(Ok(output));
            }
            let slow = slow.get_or_insert_with(|| Slow::new(event_wall_time));
            // When it runs again after anything but a yield, the tick that passed was not its own.
            let state = self.state.swap(WAITING, Ordering::Relaxed);
            if state == YIELDING || state == YIELDING_EARLY {
                self.state.store(RUNNING, Ordering::Relaxed);
            }
            slow.lane = if state == YIELDING {
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

    /// A tick has passed while the guest's code ran, and others get their turn. Whether it counts against
    /// the guest.
    fn end_turn(&self, next: Turn) -> bool {
        let yielding = match next {
            Turn::Early => YIELDING_EARLY,
            Turn::Slow => YIELDING,
        };
        self.state.swap(yielding, Ordering::Relaxed) != WAITING
    }
}

/// What a call has that did not end at once.
struct Slow {
    clock: Pin<Box<Sleep>>,
    /// Since when the clock stands still.
    stopped_at: Option<Instant>,
    lane: Lane,
}

/// Who may run next is decided anew at every turn, first come, first served.
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
    fn is_slow(&self) -> bool {
        matches!(self, Self::Slow { .. })
    }

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

/// Runs what takes a whole tick while another thread goes on with this worker's other tasks: they would wait
/// for it else, and sockets would be looked at only after dozens of such ticks.
fn beside_the_worker<T>(run: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    match flavor {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(run),
        // There is no other thread.
        _ => run(),
    }
}

const RUNNING: u8 = 0;
const YIELDING: u8 = 1;
const YIELDING_EARLY: u8 = 2;
const WAITING: u8 = 3;

/// The engine's epoch advances so many times an `epoch_tick`. The first two turns of a call are one such step
/// each, the others a whole tick: so a crowd of calls that begin together is no long wait for the others, and a
/// short call that a step happens to meet does not end up among the long ones.
pub(crate) const STEPS_A_TICK: u32 = 4;
const EARLY_TURNS: u32 = 2;

/// What a call's next turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// A step, on whatever worker has time.
    Early,
    /// A tick, in the slow lane.
    Slow,
}

/// Steps that the present call has used and may use.
#[derive(Debug)]
pub(crate) struct Ticks {
    used: u32,
    /// The steps of the turn that goes on.
    turn: u32,
    events: u32,
    event_time: Duration,
    step: Duration,
}

impl Ticks {
    pub(crate) fn new(event_time: Duration, step: Duration) -> Self {
        Self {
            used: 0,
            turn: 1,
            events: 1,
            event_time,
            step,
        }
    }

    /// A new call begins, for so many events.
    pub(crate) fn reset(&mut self, events: u32) {
        self.used = 0;
        self.turn = 1;
        self.events = events;
    }

    /// As many steps as the call's events have time, and the early turns' again: when those begin, their step
    /// may be nearly over.
    fn max(&self) -> u32 {
        let time = self
            .event_time
            .as_nanos()
            .saturating_mul(self.events.into());
        let steps = time.div_ceil(self.step.as_nanos().max(1));
        u32::try_from(steps)
            .unwrap_or(u32::MAX)
            .saturating_add(EARLY_TURNS)
    }

    /// What becomes of a guest whose code was met running at the end of its turn: others get theirs first.
    pub(crate) fn tick(&mut self, meter: &Meter) -> wasmtime::Result<UpdateDeadline> {
        let next = if self.used.saturating_add(self.turn) < EARLY_TURNS {
            Turn::Early
        } else {
            Turn::Slow
        };
        if meter.end_turn(next) {
            self.used = self.used.saturating_add(self.turn);
        }
        if self.used > self.max() {
            return Err(OutOfTime.into());
        }
        // A turn has all the steps that are counted for it: the one in which it begins may be nearly over.
        let (turn, steps) = match next {
            Turn::Early => (1, 1),
            Turn::Slow => (STEPS_A_TICK, STEPS_A_TICK + 1),
        };
        self.turn = turn;
        Ok(UpdateDeadline::Yield(steps.into()))
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

    /// How many turns a call has before it runs out of time.
    fn turns(ticks: &mut Ticks) -> usize {
        let meter = meter();
        std::iter::repeat_with(|| ticks.tick(&meter))
            .take_while(Result::is_ok)
            .count()
    }

    #[test]
    fn a_call_has_the_time_of_its_events_in_turns() {
        let step = Duration::from_millis(1);
        // Two early turns, of which nothing may be left, then whole ticks of four steps.
        for (event_time, events, max) in [
            (Duration::ZERO, 1, 2),
            (step, 1, 2),
            (4 * step, 1, 3),
            (Duration::from_micros(11_500), 1, 5),
            (Duration::from_micros(1_500), 2, 2),
            (Duration::from_micros(1_500), 64, 26),
        ] {
            let mut ticks = Ticks::new(event_time, step);
            for _ in 0..2 {
                ticks.reset(events);
                assert_eq!(turns(&mut ticks), max, "{event_time:?} {events}");
            }
        }
        assert_eq!(Ticks::new(Duration::MAX, step).max(), u32::MAX);
    }

    #[test]
    fn the_first_turns_are_short_and_the_others_whole_ticks() {
        let mut ticks = Ticks::new(Duration::from_secs(1), Duration::from_millis(1));
        let meter = meter();
        for (state, steps) in [(YIELDING_EARLY, 1), (YIELDING, 5), (YIELDING, 5)] {
            let Ok(UpdateDeadline::Yield(delta)) = ticks.tick(&meter) else {
                panic!("it has time");
            };
            assert_eq!((meter.state.load(Ordering::Relaxed), delta), (state, steps));
        }
        assert_eq!(ticks.used, 1 + 1 + 4);
    }

    #[test]
    fn a_turn_after_a_wait_is_free() {
        let mut ticks = Ticks::new(Duration::ZERO, Duration::from_millis(1));
        let meter = meter();
        assert!(ticks.tick(&meter).is_ok());
        for _ in 0..3 {
            meter.state.store(WAITING, Ordering::Relaxed);
            assert!(ticks.tick(&meter).is_ok());
        }
        assert_eq!(ticks.used, 1);
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
    async fn a_call_that_used_its_early_turns_goes_on_in_the_slow_lane() {
        let meter = meter();
        let place = Arc::clone(&meter.slow_lane).try_acquire_owned();
        let polls = AtomicU8::new(0);
        let call = poll_fn(|cx| {
            let polls = polls.fetch_add(1, Ordering::Relaxed);
            if polls < 3 {
                let early = polls == 0;
                assert!(meter.end_turn(if early { Turn::Early } else { Turn::Slow }));
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
        assert_eq!(polls.load(Ordering::Relaxed), 2, "the lane is taken");
        drop(place);
        assert!(poll().await.is_pending());
        assert_eq!(meter.slow_lane.available_permits(), 1, "its turn is over");
        assert!(poll().await.is_ready());
        assert_eq!(polls.load(Ordering::Relaxed), 4);
    }
}
