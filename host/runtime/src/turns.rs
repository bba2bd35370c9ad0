//! What a call runs: how long at a time, and how long in all.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::UpdateDeadline;

use crate::budget::Meter;

/// The running time of a store's calls. It is the processor time of the thread, looked at whenever the epoch
/// advances under a guest's running code: a machine that is busy with other things costs a guest neither its
/// turn nor its budget.
///
/// A call's first turn is a step, on whatever worker has time; the second, in the middle lane, is a quarter of a
/// tick; the others, in the slow lane, are ticks. So a crowd of long calls that begin together is no long wait
/// for the others.
#[derive(Debug)]
pub(crate) struct Turns {
    event_time: Duration,
    tick: Duration,
    /// What the present call may run in all, and has run.
    allowed: Duration,
    used: Duration,
    /// What the present turn has run.
    turn: Duration,
    number: Turn,
    /// The thread's clock when the code was last met running in this turn.
    met_at: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    First,
    Second,
    Later,
}

impl Turns {
    pub(crate) fn new(event_time: Duration, tick: Duration) -> Self {
        Self {
            event_time,
            tick,
            allowed: event_time,
            used: Duration::ZERO,
            turn: Duration::ZERO,
            number: Turn::First,
            met_at: None,
        }
    }

    /// The guest has a worker from now on, for one call or several.
    pub(crate) fn begin_run(&mut self) {
        self.begin_turn(Turn::First);
    }

    /// A new call begins, for so many events.
    #[inline]
    pub(crate) fn begin_call(&mut self, events: u32) {
        self.allowed = self.event_time.saturating_mul(events);
        self.used = Duration::ZERO;
        self.number = Turn::First;
    }

    /// The epoch advanced while the guest's code ran: it goes on, or others get their turn first, or its time
    /// is up.
    pub(crate) fn step(&mut self, meter: &Meter) -> wasmtime::Result<UpdateDeadline> {
        self.step_at(meter, thread_time())
    }

    fn step_at(&mut self, meter: &Meter, now: Duration) -> wasmtime::Result<UpdateDeadline> {
        if meter.met() {
            // It waited, and may have come back on another thread.
            self.begin_turn(Turn::First);
            if meter.takes_anew() {
                self.used = Duration::ZERO;
            }
        }
        // What ran before the code was first met is not known: less than a step.
        let ran = self
            .met_at
            .map_or(Duration::ZERO, |at| now.saturating_sub(at));
        self.met_at = Some(now);
        self.used += ran;
        self.turn += ran;
        if self.used > self.allowed {
            return Err(OutOfTime.into());
        }
        let (turn_max, next) = match self.number {
            Turn::First => (step(self.tick), Turn::Second),
            Turn::Second => (self.tick / 4, Turn::Later),
            Turn::Later => (self.tick, Turn::Later),
        };
        if self.turn < turn_max {
            return Ok(UpdateDeadline::Continue(1));
        }
        meter.end_turn(self.number == Turn::First);
        self.begin_turn(next);
        Ok(UpdateDeadline::Yield(1))
    }

    fn begin_turn(&mut self, number: Turn) {
        self.number = number;
        self.turn = Duration::ZERO;
        self.met_at = None;
    }
}

/// Between two advances of the epoch.
pub(crate) fn step(tick: Duration) -> Duration {
    (tick / STEPS_A_TICK).max(STEP_MIN)
}

/// What the thread has run until now.
pub(crate) fn thread_time() -> Duration {
    // It is never negative.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

const STEPS_A_TICK: u32 = 16;

/// Below this the ticker would be a load of its own.
const STEP_MIN: Duration = Duration::from_micros(100);

/// The guest ran longer than a call may.
#[derive(Debug, thiserror::Error)]
#[error("ran longer than it may")]
pub(crate) struct OutOfTime;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::budget::Allowance;
    use crate::lanes::Lanes;
    use crate::ticker::Pulse;

    const TICK: Duration = Duration::from_millis(16);
    const STEP: Duration = Duration::from_millis(1);

    fn meter() -> Meter {
        Meter::new(Arc::new(Lanes::new(1, TICK, Pulse::default()).unwrap()))
    }

    /// The lengths of a call's turns, in steps, until its time is up.
    fn turns(turns: &mut Turns, meter: &Meter) -> Vec<u32> {
        let mut lengths = vec![0];
        for n in 0.. {
            match turns.step_at(meter, n * STEP) {
                Ok(UpdateDeadline::Continue(1)) => *lengths.last_mut().unwrap() += 1,
                Ok(UpdateDeadline::Yield(1)) => lengths.push(0),
                Ok(_) => panic!("a step at a time"),
                Err(_) => break,
            }
        }
        lengths
    }

    #[test]
    fn turns_are_short_at_first() {
        assert_eq!(step(TICK), STEP);
        let meter = meter();
        let mut call = Turns::new(40 * STEP, TICK);
        for _ in 0..2 {
            call.begin_run();
            call.begin_call(1);
            assert_eq!(turns(&mut call, &meter), [1, 4, 16, 16, 4]);
        }
        call.begin_run();
        call.begin_call(2);
        assert_eq!(turns(&mut call, &meter), [1, 4, 16, 16, 16, 16, 12]);
    }

    #[test]
    fn several_short_calls_share_a_turn() {
        let meter = meter();
        let mut calls = Turns::new(Duration::ZERO, TICK);
        calls.begin_run();
        calls.begin_call(1);
        let first = calls.step_at(&meter, STEP);
        assert!(matches!(first, Ok(UpdateDeadline::Continue(1))));
        calls.event_time = 10 * STEP;
        calls.begin_call(1);
        let second = calls.step_at(&meter, 2 * STEP);
        assert!(matches!(second, Ok(UpdateDeadline::Yield(1))));
    }

    #[test]
    fn time_that_the_thread_did_not_run_is_free() {
        let meter = meter();
        let mut call = Turns::new(STEP, TICK);
        call.begin_run();
        call.begin_call(1);
        for _ in 0..100 {
            let goes_on = call.step_at(&meter, STEP);
            assert!(matches!(goes_on, Ok(UpdateDeadline::Continue(1))));
        }
    }

    #[tokio::test]
    async fn a_turn_begins_anew_after_a_wait() {
        let meter = meter();
        let mut call = Turns::new(STEP, TICK);
        for n in 0..100 {
            let goes_on = call.step_at(&meter, n * TICK);
            assert!(matches!(goes_on, Ok(UpdateDeadline::Continue(1))));
            let allowance = Allowance {
                time: STEP,
                wall_time: Duration::ZERO,
                events: 1,
            };
            let wait = meter.run(allowance, std::future::pending::<()>());
            assert!(wait.await.is_err());
        }
    }

    #[test]
    fn the_clock_is_the_threads_own() {
        while thread_time() < Duration::from_millis(50) {}
        let other = std::thread::spawn(thread_time).join();
        assert!(other.is_ok_and(|other| other < thread_time()));
    }

    #[test]
    fn a_step_is_never_a_load() {
        assert_eq!(step(Duration::ZERO), STEP_MIN);
    }
}
