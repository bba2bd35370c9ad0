use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

/// Where passwords are verified whose hashes are slow on purpose: half the cores at most, beside the threads that
/// connections run on. Cloning it shares the places.
#[derive(Clone)]
pub struct Hashing {
    running: Arc<Semaphore>,
    /// Those that run and those that wait.
    present: Arc<Semaphore>,
}

impl Hashing {
    /// Places for half the cores of the machine.
    #[must_use]
    pub fn new() -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self::of(cores.div_ceil(2), WAITING_MAX)
    }

    fn of(running: usize, waiting: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running)),
            present: Arc::new(Semaphore::new(running + waiting)),
        }
    }

    /// Runs this when there is a place; `None` when too many wait already. Once it has begun it runs to its end, and
    /// keeps its place so long, even when nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let present = Arc::clone(&self.present).try_acquire_owned().ok()?;
        let running = Arc::clone(&self.running).acquire_owned().await.ok()?;
        let work = move || {
            let result = work();
            drop((running, present));
            result
        };
        tokio::task::spawn_blocking(work).await.ok()
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashing").finish_non_exhaustive()
    }
}

/// Logins that wait for a place. At 50 ms each on one core the last of them waits as long as a handshake may take.
const WAITING_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    // hardening H26
    #[tokio::test(flavor = "multi_thread")]
    async fn who_finds_no_place_is_told_at_once() {
        let hashing = Hashing::of(1, 1);
        let (release, released) = mpsc::channel::<()>();
        let (began, begun) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let hashing = hashing.clone();
            async move {
                let work = move || {
                    let _ = began.send(());
                    released.recv().is_err()
                };
                hashing.run(work).await
            }
        });
        begun.await.unwrap();
        let second = tokio::spawn({
            let hashing = hashing.clone();
            async move { hashing.run(|| 2).await }
        });
        while hashing.present.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hashing.run(|| 3).await, None);
        drop(release);
        assert_eq!(first.await.unwrap(), Some(true));
        assert_eq!(second.await.unwrap(), Some(2));
        assert_eq!(hashing.run(|| 4).await, Some(4));
    }
}
