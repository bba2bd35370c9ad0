use std::sync::Arc;

use tokio::sync::Semaphore;
use wasket_store::Error;

/// Threads that may wait for a disk: 16 reads at once, whatever file they are of. Cloning it shares the threads.
#[derive(Clone, Debug)]
pub struct Reads(Arc<Semaphore>);

impl Default for Reads {
    fn default() -> Self {
        Self::new()
    }
}

impl Reads {
    /// Threads for all the files of a host.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(READS_MAX)))
    }

    /// Runs this on such a thread. What it has read counts as being read until it is taken: so what waits to be taken is
    /// bounded, too.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = Arc::clone(&self.0).acquire_owned().await;
        let permit = permit.map_err(|_| Error::Closed)?;
        let run = tokio::task::spawn_blocking(move || (read(), permit));
        match run.await {
            Ok((read, _permit)) => read,
            Err(ended) => Err(Error::Failed(format!("a read ended early: {ended}").into())),
        }
    }
}

const READS_MAX: usize = 16;
