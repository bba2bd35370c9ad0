//! The threads that may wait for a disk, and what is said when it fails.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::time::timeout;
use tracing::warn;

use crate::counted::Counted;
use crate::places::Places;

/// Threads that may wait for a disk: 64 files are opened or read at once, whatever serves them, and 1024 more wait for
/// that. Cloning it shares the threads.
#[derive(Clone, Debug)]
pub struct Reads(Places);

impl Default for Reads {
    fn default() -> Self {
        Self::new()
    }
}

impl Reads {
    /// Threads for all the files of a host.
    #[must_use]
    pub fn new() -> Self {
        Self::at_once(READS_MAX, WAITING_MAX)
    }

    fn at_once(reads: usize, waiting: usize) -> Self {
        // How long one may wait is said with each read.
        Self(Places::new(reads, waiting, Duration::MAX))
    }

    /// Runs this on such a thread.
    ///
    /// # Errors
    /// Its own, or [`TimedOut`](io::ErrorKind::TimedOut) after this time, or at once where too many wait. A disk that does not answer keeps its thread
    /// all the same: whoever asks for what is on it waits no longer than this, and no other thread does.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        within: Duration,
        read: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let run = async {
            let Some(place) = self.0.enter().await else {
                return Err(too_slow());
            };
            let run = tokio::task::spawn_blocking(move || {
                let read = read();
                drop(place);
                read
            });
            run.await.map_err(io::Error::other)?
        };
        let run = timeout(within, run).await;
        run.unwrap_or_else(|_| Err(too_slow()))
    }
}

fn too_slow() -> io::Error {
    let text = "the disk does not answer, or is asked for more than it can";
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// The disk, as the files of one service have it.
#[derive(Clone)]
pub(super) struct Disk {
    pub(super) reads: Reads,
    pub(super) service: Arc<str>,
    pub(super) failures: Arc<Failures>,
}

/// Requests that the system kept from their files.
pub(super) struct Failures {
    directory: PathBuf,
    counted: Mutex<Counted>,
}

impl Failures {
    pub(super) fn of(directory: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            directory,
            counted: Mutex::default(),
        })
    }
}

impl Disk {
    /// Tells the operator, once a second at most.
    pub(super) fn has_failed(&self, error: &io::Error) {
        let Some(count) = self.failures.counted.lock().more(Instant::now()) else {
            return;
        };
        let (service, directory) = (&*self.service, self.failures.directory.display());
        warn!(service, %directory, %error, count, "files cannot be read");
    }
}

const READS_MAX: usize = 64;
/// What a disk that works has done in a moment.
const WAITING_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H14
    #[tokio::test]
    async fn nobody_waits_for_a_disk_for_ever() {
        let reads = Reads::at_once(1, 1);
        let (answer, answers) = std::sync::mpsc::channel::<()>();
        let hangs = move || answers.recv().map_err(io::Error::other);
        let short = Duration::from_millis(20);
        let hung = reads.run(short, hangs).await;
        assert_eq!(hung.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // Its thread is still taken.
        let waits = reads.run(short, || Ok(())).await;
        assert_eq!(waits.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // One may wait for it, and no more.
        let long = Duration::from_secs(60);
        let (waits, refused) = tokio::join!(reads.run(long, || Ok(())), async {
            let refused = reads.run(long, || Ok(())).await;
            answer.send(()).unwrap();
            refused
        });
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(waits.is_ok());
        assert!(reads.run(long, || Ok(())).await.is_ok());
    }
}
