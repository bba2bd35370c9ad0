//! What one event may cost in time: the turns it runs in, and the time in all once it did not end at once.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit};
use tokio::time::{Instant, Sleep};

use crate::lanes::Lanes;

/// Shared by a store, whose epoch callback counts what it runs, and whoever polls its calls: tells a guest that
/// ran all the while from one that waited meanwhile.
#[derive(Debug)]
pub(crate) struct Meter {
    state: AtomicU8,
    /// What the guest waits for is its own peer.
    waits_for_peer: AtomicBool,
    lanes: Arc<Lanes>,
}

impl Meter {
    pub(crate) fn new(lanes: Arc<Lanes>) -> Self {
        Self {
            state: AtomicU8::new(RUNNING),
            waits_for_peer: AtomicBool::new(false),
            lanes,
        }
    }

    /// Runs a call of the guest. Only a call that does not come to its end within its first turn costs
    /// more: a clock, and for every further turn a place in a lane, so that loops cannot take every worker.
    ///
    /// The call is dropped when its time is up, and its store is dead then.
    pub(crate) async fn run<F>(
        &self,
        event_wall_time: Duration,
        call: F,
    ) -> Result<F::Output, OutOfWallTime>
    where
        F: Future<Output: Send> + Send,
    {
        let mut call = pin!(call);
        let mut slow: Option<Box<Slow>> = None;
        self.state.store(RUNNING, Ordering::Relaxed);
        poll_fn(move |cx| {
            self.lanes.pulse.beat();
            if let Some(slow) = &mut slow
                && !slow.lane.may_run(cx)
            {
                return slow.clock(false, cx);
            }
            let polled = match &slow {
                Some(slow) if slow.lane.is_slow() => {
                    let waker = cx.waker();
                    let mut call = call.as_mut();
                    let poll = move || call.as_mut().poll(&mut Context::from_waker(waker));
                    self.lanes.run(poll)
                }
                _ => call.as_mut().poll(cx),
            };
            if let Poll::Ready(output) = polled {
                return Poll::Ready(Ok(output));
            }
            let slow = slow.get_or_insert_with(|| Slow::new(event_wall_time));
            // When it runs again after anything but a yield, the time that passed was not its own.
            let lane = match self.state.swap(WAITING, Ordering::Relaxed) {
                YIELDING_FIRST => Some(&self.lanes.middle),
                YIELDING => Some(&self.lanes.slow),
                _ => None,
            };
            slow.lane = lane.map_or(Lane::Fast, |lane| {
                self.state.store(RUNNING, Ordering::Relaxed);
                Lane::Queued(Box::pin(Arc::clone(lane).acquire_owned()))
            });
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

    /// The guest's code was met running. Whether it waited since it was last met.
    pub(crate) fn met(&self) -> bool {
        self.lanes.pulse.beat();
        self.state.swap(RUNNING, Ordering::Relaxed) == WAITING
    }

    /// The guest's code is about to stop running, so that others get their turn. Its first, or a later one, is
    /// over.
    pub(crate) fn end_turn(&self, is_first: bool) {
        let state = if is_first { YIELDING_FIRST } else { YIELDING };
        self.state.store(state, Ordering::Relaxed);
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

const RUNNING: u8 = 0;
const YIELDING: u8 = 1;
const WAITING: u8 = 2;
const YIELDING_FIRST: u8 = 3;

/// The call took longer than it may.
#[derive(Debug)]
pub(crate) struct OutOfWallTime;

/// What the settings are called that bound a call: an operator who reads of one can look it up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// How long the guest may run.
    pub(crate) time: &'static str,
    /// How long a call may take in all.
    pub(crate) wall_time: &'static str,
}

impl Budget {
    pub(crate) const EVENT: Self = Self {
        time: "event_time",
        wall_time: "event_wall_time",
    };
    pub(crate) const REQUEST: Self = Self {
        time: "request_time",
        wall_time: "request_wall_time",
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticker::Pulse;

    fn meter() -> Meter {
        Meter::new(Arc::new(Lanes::new(1, Pulse::default()).unwrap()))
    }

    #[test]
    fn waiting_is_told_from_running_and_yielding() {
        let meter = meter();
        assert!(!meter.met());
        meter.state.store(WAITING, Ordering::Relaxed);
        assert!(meter.met());
        assert!(!meter.met());
        meter.end_turn(true);
        assert!(!meter.met());
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
    async fn a_long_call_goes_on_in_the_middle_lane_and_then_in_the_slow_one() {
        let meter = meter();
        let lanes = Arc::clone(&meter.lanes);
        let (mut middle, mut slow) = (
            Arc::clone(&lanes.middle).try_acquire_owned().ok(),
            Arc::clone(&lanes.slow).try_acquire_owned().ok(),
        );
        let polls = AtomicU8::new(0);
        let call = poll_fn(|cx| {
            let polls = polls.fetch_add(1, Ordering::Relaxed);
            if polls < 3 {
                assert!(!meter.met());
                meter.end_turn(polls == 0);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        });
        let mut run = pin!(meter.run(Duration::from_secs(60), call));
        let mut poll = async || poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx))).await;
        let polled = || polls.load(Ordering::Relaxed);
        for _ in 0..2 {
            assert!(poll().await.is_pending());
        }
        assert_eq!(polled(), 1, "the middle lane is taken");
        drop(middle.take());
        for _ in 0..2 {
            assert!(poll().await.is_pending());
        }
        assert_eq!(polled(), 2, "the slow lane is taken");
        assert_eq!(
            lanes.middle.available_permits(),
            1,
            "its turn there is over"
        );
        drop(slow.take());
        assert!(poll().await.is_pending());
        assert_eq!(lanes.slow.available_permits(), 1, "and there");
        assert!(poll().await.is_ready());
        assert_eq!(polled(), 4);
    }
}
