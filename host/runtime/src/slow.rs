//! What a call has that did not end at once.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::budget::{Allowance, Spent};
use crate::lanes::Lanes;
use crate::turns::{OutOfTime, thread_time};

/// Its clocks, and its place among others.
pub(crate) struct Slow {
    /// How long it may run.
    time: Duration,
    /// How long it has run, and waited, since its first turn or since it had its time anew.
    ran: Duration,
    waited: Duration,
    /// Since when it waits.
    waits_since: Option<Duration>,
    clock: Pin<Box<Sleep>>,
    /// Since when the clock stands still.
    stopped_at: Option<Instant>,
    lane: Lane,
    alarm: Arc<Alarm>,
    waker: Waker,
}

/// Who may run next is decided anew at every turn, first come, first served.
enum Lane {
    Fast,
    Queued(Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>),
    Slow { _place: OwnedSemaphorePermit },
}

impl Slow {
    pub(crate) fn new(allowance: Allowance) -> Box<Self> {
        let Allowance {
            time,
            wall_time,
            events,
        } = allowance;
        let wall_time = wall_time.saturating_mul(events);
        let alarm = Arc::new(Alarm::new());
        Box::new(Self {
            time: time.saturating_mul(events),
            ran: Duration::ZERO,
            waited: Duration::ZERO,
            waits_since: None,
            clock: Box::pin(tokio::time::sleep(wall_time)),
            stopped_at: None,
            lane: Lane::Fast,
            waker: Waker::from(Arc::clone(&alarm)),
            alarm,
        })
    }

    /// For its next turn it needs a place in this lane.
    pub(crate) fn queue(&mut self, lane: &Arc<Semaphore>) {
        self.lane = Lane::Queued(Box::pin(Arc::clone(lane).acquire_owned()));
    }

    /// It waits from now on, if it has not used up its time.
    pub(crate) fn wait(&mut self) -> Result<(), OutOfTime> {
        self.lane = Lane::Fast;
        if self.ran > self.time {
            return Err(OutOfTime);
        }
        self.waits_since = Some(self.alarm.now());
        Ok(())
    }

    /// It is about to go on. Whether it has its time anew.
    pub(crate) fn wake(&mut self, lanes: &Lanes) -> bool {
        let Some(since) = self.waits_since.take() else {
            return false;
        };
        let until = self.alarm.rang_at().unwrap_or_else(|| self.alarm.now());
        let begins_anew = self.has_waited(until.saturating_sub(since), lanes.anew_after);
        if self.is_long(lanes.tick) {
            self.queue(&lanes.slow);
        }
        begins_anew
    }

    /// What it has run is forgotten when it has waited for so long in all: so it may go on without an end, if not
    /// running without one.
    fn has_waited(&mut self, waited: Duration, anew_after: Duration) -> bool {
        self.waited += waited;
        let begins_anew = self.waited >= anew_after;
        if begins_anew {
            (self.ran, self.waited) = (Duration::ZERO, Duration::ZERO);
        }
        begins_anew
    }

    /// Whether it stands back, however short the pieces are in which it runs. One that mostly waits need not.
    fn is_long(&self, tick: Duration) -> bool {
        self.ran > tick && self.ran > self.waited / WAITS_MOSTLY
    }

    pub(crate) fn may_run(&mut self, cx: &mut Context<'_>) -> bool {
        self.lane.may_run(cx)
    }

    pub(crate) fn poll<F>(
        &mut self,
        lanes: &Lanes,
        call: Pin<&mut F>,
        cx: &Context<'_>,
    ) -> Poll<F::Output>
    where
        F: Future<Output: Send> + Send,
    {
        self.alarm.set(cx.waker());
        let waker = &self.waker;
        let turn = move || {
            let began = thread_time();
            let polled = call.poll(&mut Context::from_waker(waker));
            (polled, thread_time().saturating_sub(began))
        };
        let (polled, ran) = match self.lane.is_slow() {
            true => lanes.run(turn),
            false => turn(),
        };
        self.ran += ran;
        polled
    }

    /// The time that it may take altogether. It stands still while the call waits for its peer.
    pub(crate) fn clock<T>(
        &mut self,
        waits_for_peer: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Spent>> {
        if waits_for_peer {
            self.stopped_at.get_or_insert_with(Instant::now);
            return Poll::Pending;
        }
        if let Some(at) = self.stopped_at.take() {
            let deadline = self.clock.deadline() + at.elapsed();
            self.clock.as_mut().reset(deadline);
        }
        self.clock.as_mut().poll(cx).map(|()| Err(Spent::WallTime))
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

/// Knows when the call was woken: until it runs again a busy host takes its time, and that is no waiting of the guest's.
/// Except for the first time that it waits: its first turn had no alarm yet, so its wait lasts until it runs again.
struct Alarm {
    made_at: Instant,
    /// In nanoseconds since then; none while it has not rung.
    rang_at: AtomicU64,
    task: AtomicWaker,
}

impl Alarm {
    fn new() -> Self {
        Self {
            made_at: Instant::now(),
            rang_at: AtomicU64::new(SILENT),
            task: AtomicWaker::new(),
        }
    }

    fn now(&self) -> Duration {
        self.made_at.elapsed()
    }

    fn set(&self, task: &Waker) {
        self.rang_at.store(SILENT, Ordering::Relaxed);
        self.task.register(task);
    }

    fn rang_at(&self) -> Option<Duration> {
        let at = self.rang_at.load(Ordering::Relaxed);
        (at != SILENT).then(|| Duration::from_nanos(at))
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let now = u64::try_from(self.now().as_nanos()).unwrap_or(SILENT);
        let order = Ordering::Relaxed;
        // The first of several is when it was ready.
        let _ = self.rang_at.compare_exchange(SILENT, now, order, order);
        self.task.wake();
    }
}

const SILENT: u64 = u64::MAX;

/// One that waits so many times as long as it runs mostly waits.
const WAITS_MOSTLY: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const MILLISECOND: Duration = Duration::from_millis(1);

    fn slow(time: Duration) -> Box<Slow> {
        Slow::new(Allowance {
            time,
            wall_time: MINUTE,
            events: 1,
        })
    }

    // hardening H28
    #[tokio::test]
    async fn its_time_is_anew_when_it_has_waited_for_a_minute_in_all() {
        let mut slow = slow(MILLISECOND);
        for _ in 0..3 {
            slow.ran += MILLISECOND;
            assert!(slow.wait().is_ok(), "all of it, and no more");
            assert!(!slow.has_waited(MINUTE / 2, MINUTE));
            assert!(!slow.has_waited(MINUTE / 2 - MILLISECOND, MINUTE));
            slow.ran += Duration::from_nanos(1);
            assert!(slow.wait().is_err());
            assert!(slow.has_waited(MILLISECOND, MINUTE));
            assert!(slow.wait().is_ok());
        }
    }

    // hardening H28
    #[tokio::test]
    async fn a_call_is_long_that_ran_for_a_tick_and_does_not_mostly_wait() {
        let tick = 5 * MILLISECOND;
        for (ran, waited, is_long) in [(5, 0, false), (6, 0, true), (6, 47, true), (6, 49, false)] {
            let mut slow = slow(MINUTE);
            (slow.ran, slow.waited) = (ran * MILLISECOND, waited * MILLISECOND);
            assert_eq!(slow.is_long(tick), is_long, "{ran} of {waited}");
        }
    }

    #[tokio::test]
    async fn a_wait_ends_when_it_is_woken_and_not_when_it_runs_again() {
        let (alarm, long) = (Arc::new(Alarm::new()), 50 * MILLISECOND);
        alarm.set(Waker::noop());
        assert_eq!(alarm.rang_at(), None);
        Waker::from(Arc::clone(&alarm)).wake();
        let rang_at = alarm.rang_at().expect("it rang");
        std::thread::sleep(long);
        Waker::from(Arc::clone(&alarm)).wake();
        assert_eq!(alarm.rang_at(), Some(rang_at));
        assert!(alarm.now() >= rang_at + long);
        alarm.set(Waker::noop());
        assert_eq!(alarm.rang_at(), None);
    }
}
