//! What one event may cost in time: the turns it runs in, and the time in all once it did not end at once.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::Poll;
use std::time::Duration;

use crate::lanes::Lanes;
use crate::slow::Slow;
use crate::turns::OutOfTime;

/// What a call for so many events may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// How long the guest may run, for an event.
    pub(crate) time: Duration,
    /// How long it may take altogether once it began to wait, for an event.
    pub(crate) wall_time: Duration,
    pub(crate) events: u32,
}

/// Shared by a store, whose epoch callback counts what it runs, and whoever polls its calls: tells a guest that
/// ran all the while from one that waited meanwhile.
#[derive(Debug)]
pub(crate) struct Meter {
    state: AtomicU8,
    /// What the guest waits for is its own peer.
    waits_for_peer: AtomicBool,
    /// What the call has run is forgotten, and the store has not heard of it yet.
    begins_anew: AtomicBool,
    lanes: Arc<Lanes>,
}

impl Meter {
    pub(crate) fn new(lanes: Arc<Lanes>) -> Self {
        Self {
            state: AtomicU8::new(RUNNING),
            waits_for_peer: AtomicBool::new(false),
            begins_anew: AtomicBool::new(false),
            lanes,
        }
    }

    /// Runs a call of the guest. Only a call that does not come to its end within its first turn costs
    /// more: two clocks, and for every further turn a place in a lane, so that loops cannot take every worker.
    ///
    /// The epoch does not see what a call runs between two waits that are shorter apart than its steps: that is
    /// counted here, and a call that has used up its time is over when it waits again. One that mostly waits has its
    /// time anew now and then.
    ///
    /// The call is dropped when its time is up, and its store is dead then.
    pub(crate) async fn run<F>(&self, allowance: Allowance, call: F) -> Result<F::Output, Spent>
    where
        F: Future<Output: Send> + Send,
    {
        let mut call = pin!(call);
        let mut slow: Option<Box<Slow>> = None;
        self.state.store(RUNNING, Ordering::Relaxed);
        poll_fn(move |cx| {
            self.lanes.pulse.beat();
            let polled = match &mut slow {
                Some(slow) => {
                    if slow.wake(&self.lanes) {
                        self.begins_anew.store(true, Ordering::Relaxed);
                    }
                    if !slow.may_run(cx) {
                        return slow.clock(self.waits_for_peer.load(Ordering::Relaxed), cx);
                    }
                    slow.poll(&self.lanes, call.as_mut(), cx)
                }
                None => call.as_mut().poll(cx),
            };
            if let Poll::Ready(output) = polled {
                return Poll::Ready(Ok(output));
            }
            let slow = slow.get_or_insert_with(|| {
                self.begins_anew.store(false, Ordering::Relaxed);
                Slow::new(allowance)
            });
            if self.suspend(slow).is_err() {
                return Poll::Ready(Err(Spent::Time));
            }
            slow.clock(self.waits_for_peer.load(Ordering::Relaxed), cx)
        })
        .await
    }

    /// Decides how the call goes on. The time that passes until one that waits runs again is not its own.
    fn suspend(&self, slow: &mut Slow) -> Result<(), OutOfTime> {
        match self.state.swap(WAITING, Ordering::Relaxed) {
            YIELDING_FIRST => slow.queue(&self.lanes.middle),
            YIELDING => slow.queue(&self.lanes.slow),
            _ => return slow.wait(),
        }
        self.state.store(RUNNING, Ordering::Relaxed);
        Ok(())
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

    /// Whether what the call has run until now is to be forgotten; once.
    pub(crate) fn takes_anew(&self) -> bool {
        self.begins_anew.swap(false, Ordering::Relaxed)
    }

    /// The guest's code is about to stop running, so that others get their turn. Its first, or a later one, is
    /// over.
    pub(crate) fn end_turn(&self, is_first: bool) {
        let state = if is_first { YIELDING_FIRST } else { YIELDING };
        self.state.store(state, Ordering::Relaxed);
    }
}

const RUNNING: u8 = 0;
const YIELDING: u8 = 1;
const WAITING: u8 = 2;
const YIELDING_FIRST: u8 = 3;

/// What of its allowance a call has used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    Time,
    WallTime,
}

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
    use crate::turns::thread_time;

    const TICK: Duration = Duration::from_millis(5);
    const MILLISECOND: Duration = Duration::from_millis(1);

    fn meter() -> Meter {
        Meter::new(Arc::new(lanes()))
    }

    fn lanes() -> Lanes {
        Lanes::new(1, TICK, Pulse::default()).unwrap()
    }

    /// For a call that may run as long as it likes.
    fn within(wall_time: Duration) -> Allowance {
        Allowance {
            time: Duration::MAX,
            wall_time,
            events: 1,
        }
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
        assert!(meter.run(within(Duration::ZERO), async { 1 }).await.is_ok());
        assert!(
            meter
                .run(within(long), tokio::task::yield_now())
                .await
                .is_ok()
        );
        assert!(meter.run(within(Duration::ZERO), waiting()).await.is_err());
    }

    #[tokio::test]
    async fn the_clock_stands_still_while_the_peer_is_waited_for() {
        let meter = meter();
        let (short, longer) = (Duration::from_millis(1), Duration::from_millis(20));
        let peer = || meter.wait_for_peer(tokio::time::sleep(longer));
        assert!(meter.run(within(short), peer()).await.is_ok());
        let then_others = async {
            peer().await;
            std::future::pending::<()>().await;
        };
        assert!(meter.run(within(short), then_others).await.is_err());
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
        let mut run = pin!(meter.run(within(Duration::from_secs(60)), call));
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

    /// Runs for a millisecond between two waits, so many times.
    fn in_pieces(pieces: &AtomicU8, count: u8) -> impl Future<Output = ()> + Send {
        poll_fn(move |cx| {
            let until = thread_time() + Duration::from_millis(1);
            while thread_time() < until {}
            if pieces.fetch_add(1, Ordering::Relaxed) == count {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    // hardening H28
    #[tokio::test]
    async fn what_runs_between_waits_is_counted_too() {
        let meter = meter();
        let allowance = Allowance {
            time: Duration::from_millis(10),
            wall_time: Duration::from_secs(60),
            events: 2,
        };
        let pieces = AtomicU8::new(0);
        let spent = meter.run(allowance, in_pieces(&pieces, 100)).await;
        assert_eq!(spent, Err(Spent::Time));
        // The first turn has no clock.
        let run = pieces.load(Ordering::Relaxed);
        assert!((2..=21).contains(&run), "{run}");
        let pieces = AtomicU8::new(0);
        assert!(meter.run(allowance, in_pieces(&pieces, 1)).await.is_ok());
    }

    // hardening H28
    #[tokio::test]
    async fn a_call_that_was_long_in_pieces_stands_back() {
        let meter = meter();
        let slow = Arc::clone(&meter.lanes.slow).try_acquire_owned();
        let pieces = AtomicU8::new(0);
        let mut run = pin!(meter.run(within(Duration::from_secs(60)), in_pieces(&pieces, 100)));
        let mut poll = async || poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx))).await;
        for _ in 0..100 {
            assert!(poll().await.is_pending());
        }
        let before = pieces.load(Ordering::Relaxed);
        assert!((1..=7).contains(&before), "{before}");
        drop(slow);
        assert!(poll().await.is_pending());
        assert_eq!(pieces.load(Ordering::Relaxed), before + 1);
        assert_eq!(meter.lanes.slow.available_permits(), 1, "while it waits");
    }

    /// Waits for so long after each millisecond that it runs.
    async fn mostly_waiting(pause: Duration, count: u8) {
        for _ in 0..count {
            let until = thread_time() + Duration::from_millis(1);
            while thread_time() < until {}
            tokio::time::sleep(pause).await;
        }
    }

    #[tokio::test]
    async fn a_call_that_mostly_waits_does_not_stand_back() {
        let meter = meter();
        let slow = Arc::clone(&meter.lanes.slow).try_acquire_owned();
        let call = mostly_waiting(20 * MILLISECOND, 10);
        let run = meter.run(within(Duration::from_secs(10)), call).await;
        assert_eq!(run, Ok(()));
        drop(slow);
    }

    #[tokio::test]
    async fn nor_is_it_ended_for_what_it_ran_long_ago() {
        let mut lanes = lanes();
        lanes.anew_after = 20 * MILLISECOND;
        let meter = Meter::new(Arc::new(lanes));
        let allowance = Allowance {
            time: 15 * MILLISECOND,
            wall_time: Duration::from_secs(60),
            events: 1,
        };
        let call = mostly_waiting(10 * MILLISECOND, 40);
        assert_eq!(meter.run(allowance, call).await, Ok(()));
        assert!(meter.takes_anew(), "what the epoch sees is forgotten too");
        assert!(!meter.takes_anew());
        // Not in the next call, which has its own time.
        meter.begins_anew.store(true, Ordering::Relaxed);
        let run = meter.run(allowance, tokio::task::yield_now()).await;
        assert!(run.is_ok() && !meter.takes_anew());
    }

    #[tokio::test]
    async fn the_clock_stands_still_also_in_the_queue_of_a_lane() {
        let meter = meter();
        let slow = Arc::clone(&meter.lanes.slow).try_acquire_owned();
        let pieces = AtomicU8::new(0);
        let call = meter.wait_for_peer(in_pieces(&pieces, 10));
        let mut run = pin!(meter.run(within(MILLISECOND), call));
        let mut poll = async || poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx))).await;
        for _ in 0..20 {
            assert!(poll().await.is_pending());
        }
        let before = pieces.load(Ordering::Relaxed);
        assert!(before < 10, "{before}: it has to stand back");
        tokio::time::sleep(20 * MILLISECOND).await;
        assert!(poll().await.is_pending());
        drop(slow);
        let ended = run.await;
        assert_eq!(ended, Ok(()));
    }
}
