//! Advances the engine's epoch while guests run.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// The thread that does it, and ends with this.
pub(crate) struct Ticker {
    pulse: Pulse,
    thread: Option<JoinHandle<()>>,
}

/// Tells the ticker that guests run. While none does it is slow: an idle host rarely wakes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: AtomicU8,
    stopped: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine, step: Duration) -> io::Result<Self> {
        let engine = engine.weak();
        Self::spawn(step, move || {
            let engine = engine.upgrade();
            engine.inspect(Engine::increment_epoch).is_some()
        })
    }

    /// `advance` says whether to go on.
    fn spawn(step: Duration, advance: impl Fn() -> bool + Send + 'static) -> io::Result<Self> {
        let pulse = Pulse::default();
        let shared = Arc::clone(&pulse.shared);
        let thread = thread::Builder::new()
            .name("wasket-ticker".into())
            .spawn(move || {
                let mut quiet_steps = 0;
                while shared.wait(step, &mut quiet_steps) && advance() {}
            })?;
        let _ = pulse.shared.thread.set(thread.thread().clone());
        Ok(Self {
            pulse,
            thread: Some(thread),
        })
    }

    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.pulse.shared.stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot have panicked, and there is nothing to do if it had.
            let _ = thread.join();
        }
    }
}

impl Pulse {
    /// A guest runs. Mostly this is one look at what nobody changes.
    #[inline]
    pub(crate) fn beat(&self) {
        if self.shared.state.load(Ordering::Relaxed) != BEATING {
            self.shared.revive();
        }
    }
}

impl Shared {
    #[cold]
    fn revive(&self) {
        if self.state.swap(BEATING, Ordering::SeqCst) == SLOW
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Waits for a step: a longer one when there was no running guest for some. False when it is time to stop.
    ///
    /// It never waits for a guest alone: between a guest's beat and its deadline any time may pass, and a guest
    /// that was missed must not run for ever.
    fn wait(&self, step: Duration, quiet_steps: &mut u32) -> bool {
        let order = Ordering::SeqCst;
        if *quiet_steps < QUIET_STEPS_MAX {
            thread::park_timeout(step);
        } else if self
            .state
            .compare_exchange(QUIET, SLOW, order, order)
            .is_ok()
        {
            thread::park_timeout(step * SLOW_STEPS);
        }
        *quiet_steps = match self.state.swap(QUIET, order) {
            BEATING => 0,
            _ => quiet_steps.saturating_add(1),
        };
        !self.stopped.load(order)
    }
}

/// No guest was met running since the last step.
const QUIET: u8 = 0;
const BEATING: u8 = 1;
/// The ticker is in a long step, and may be woken.
const SLOW: u8 = 2;

/// So many steps without a running guest, and the ticker slows down.
const QUIET_STEPS_MAX: u32 = 64;
/// How many steps a long one is.
const SLOW_STEPS: u32 = 160;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    /// Waits until this many more steps were made; false when that takes too long.
    fn steps(count: &AtomicU32, more: u32) -> bool {
        let until = count.load(Ordering::SeqCst) + more;
        (0..10_000).any(|_| {
            thread::sleep(Duration::from_millis(1));
            count.load(Ordering::SeqCst) >= until
        })
    }

    #[test]
    fn it_goes_on_slowly_without_guests_and_is_woken_by_one() {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let step = Duration::from_micros(100);
        let ticker = Ticker::spawn(step, move || {
            counted.fetch_add(1, Ordering::SeqCst);
            true
        })
        .unwrap();
        let pulse = ticker.pulse();
        assert!(steps(&count, QUIET_STEPS_MAX));
        let slow = || pulse.shared.state.load(Ordering::SeqCst) == SLOW;
        assert!((0..10_000).any(|_| {
            thread::sleep(Duration::from_millis(1));
            slow()
        }));
        assert!(steps(&count, 2), "it never stops");
        pulse.beat();
        assert!(steps(&count, QUIET_STEPS_MAX));
        drop(ticker);
        assert_eq!(Arc::strong_count(&count), 1, "its thread has ended");
    }
}
