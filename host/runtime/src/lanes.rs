//! Where long calls run, so that short ones need not wait for them.

use std::sync::Arc;
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tracing::Span;

use crate::ticker::Pulse;

/// What all guests of a host share of its processors. A call that its worker did not see the end of goes on
/// in the middle lane, for one short turn, and from there to the slow one: so nobody who needs little waits
/// behind those that need much.
///
/// Turns there run on threads of their own, to which the system gives what the workers leave: sockets and short
/// calls come first however many guests loop.
#[derive(Debug)]
pub(crate) struct Lanes {
    pub(crate) middle: Arc<Semaphore>,
    pub(crate) slow: Arc<Semaphore>,
    pub(crate) pulse: Pulse,
    /// What has run for longer than this is long.
    pub(crate) tick: Duration,
    /// A call that has waited for so long in all has its time anew.
    pub(crate) anew_after: Duration,
    threads: ThreadPool,
}

impl Lanes {
    /// Each lane has as many places.
    pub(crate) fn new(
        places: usize,
        tick: Duration,
        pulse: Pulse,
    ) -> Result<Self, ThreadPoolBuildError> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(2 * places)
            .thread_name(|_| "wasket-slow".into())
            .start_handler(|_| stand_back())
            .build()?;
        Ok(Self {
            middle: Arc::new(Semaphore::new(places)),
            slow: Arc::new(Semaphore::new(places)),
            pulse,
            tick,
            anew_after: ANEW_AFTER,
            threads,
        })
    }

    /// Runs a turn on one of the threads, for whoever has a place in a lane. Meanwhile another thread goes on
    /// with the tasks of the worker that waits for it here.
    pub(crate) fn run<T: Send>(&self, turn: impl FnOnce() -> T + Send) -> T {
        match Handle::try_current() {
            Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
                let span = Span::current();
                let turn = || {
                    let _context = handle.enter();
                    span.in_scope(turn)
                };
                tokio::task::block_in_place(|| self.threads.install(turn))
            }
            // There is no other thread that could go on.
            _ => turn(),
        }
    }
}

/// Lets the thread have what others leave. Elsewhere than on Linux this would be the whole process.
#[cfg(target_os = "linux")]
fn stand_back() {
    // Where it is refused, long calls are as quick as short ones, and no more is lost.
    let _ = rustix::process::nice(NICE);
}

#[cfg(not(target_os = "linux"))]
fn stand_back() {}

/// What a call may compute it may compute in each minute of waiting: who never waits has it once.
const ANEW_AFTER: Duration = Duration::from_secs(60);

/// A tenth of the processor at least, as Linux weighs it, beside a worker that always has something to do.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes() -> Lanes {
        Lanes::new(1, Duration::ZERO, Pulse::default()).unwrap()
    }

    fn name() -> Option<String> {
        std::thread::current().name().map(str::to_owned)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_turn_runs_on_a_thread_that_stands_back_and_finds_its_runtime() {
        let there = tokio::spawn(async {
            let (name, handle) = lanes().run(|| (name(), Handle::try_current().is_ok()));
            #[cfg(target_os = "linux")]
            {
                let own = rustix::process::nice(0).unwrap();
                let lower = Ok((own + NICE).min(19));
                assert_eq!(lanes().run(|| rustix::process::nice(0)), lower);
            }
            (name, handle)
        });
        let (name, has_runtime) = there.await.unwrap();
        assert_eq!(name.as_deref(), Some("wasket-slow"));
        assert!(has_runtime);
    }

    #[tokio::test]
    async fn without_another_thread_a_turn_runs_where_it_is() {
        let here = name();
        assert_eq!(lanes().run(name), here);
    }
}
