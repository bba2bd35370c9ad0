use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Places for work that takes long, of which strangers ask for as much as they like: so many run at once, so many more
/// wait, and none waits longer than it is worth. Cloning it shares the places.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    running: Arc<Semaphore>,
    /// Those that run and those that wait.
    present: Arc<Semaphore>,
    wait_max: Duration,
}

/// A place, for as long as this is kept.
#[derive(Debug)]
pub(crate) struct Place {
    _running: OwnedSemaphorePermit,
    _present: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(running: usize, waiting: usize, wait_max: Duration) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running)),
            present: Arc::new(Semaphore::new(running + waiting)),
            wait_max,
        }
    }

    /// A place when there is one; `None` when too many wait already, or none came free in time.
    pub(crate) async fn enter(&self) -> Option<Place> {
        let present = Arc::clone(&self.present).try_acquire_owned().ok()?;
        let running = Arc::clone(&self.running).acquire_owned();
        let running = timeout(self.wait_max, running).await.ok()?.ok()?;
        Some(Place {
            _running: running,
            _present: present,
        })
    }

    /// Whether no more can wait.
    #[cfg(test)]
    pub(crate) fn are_full(&self) -> bool {
        self.present.available_permits() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H26
    #[tokio::test]
    async fn who_waits_too_long_gets_no_place() {
        let places = Places::new(1, 1, Duration::from_millis(1));
        let first = places.enter().await;
        assert!(first.is_some());
        assert!(places.enter().await.is_none());
        assert!(!places.are_full(), "who gave up waits no more");
        drop(first);
        assert!(places.enter().await.is_some());
    }
}
