use std::fmt;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use crate::places::Places;

/// Where passwords are verified whose hashes are slow on purpose: half the cores at most, beside the threads that
/// connections run on. Cloning it shares the places.
#[derive(Clone)]
pub struct Hashing {
    places: Places,
}

impl Hashing {
    /// Places for half the cores of the machine.
    #[must_use]
    pub fn new() -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self {
            places: Places::new(cores.div_ceil(2), WAITING_MAX, WAIT_MAX),
        }
    }

    /// Runs this when there is a place; `None` when too many wait already, or too long. Once it has begun it runs to its
    /// end, and keeps its place so long, even when nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let place = self.places.enter().await?;
        let work = move || {
            let result = work();
            drop(place);
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

/// Logins that wait for a place: a hundred hashes of 50 ms are verified on two cores in the time that they may wait.
const WAITING_MAX: usize = 200;
/// Well below what a handshake may take, so that who has waited in vain is told.
const WAIT_MAX: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    // hardening H26
    #[tokio::test(flavor = "multi_thread")]
    async fn who_finds_no_place_is_told_at_once() {
        let hashing = Hashing {
            places: Places::new(1, 1, Duration::from_secs(600)),
        };
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
        while !hashing.places.are_full() {
            tokio::task::yield_now().await;
        }
        assert_eq!(hashing.run(|| 3).await, None);
        drop(release);
        assert_eq!(first.await.unwrap(), Some(true));
        assert_eq!(second.await.unwrap(), Some(2));
        assert_eq!(hashing.run(|| 4).await, Some(4));
    }
}
