use std::sync::Arc;

use tokio::sync::Semaphore;
use wasket_store::Error;

/// Threads that may wait for the disk of one file: 8 reads at once.
#[derive(Debug)]
pub(crate) struct Reads(Arc<Semaphore>);

impl Reads {
    pub(crate) fn new() -> Self {
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

/// Tokio has 512 such threads, so many files may hang at once.
const READS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    // hardening H29
    #[tokio::test(flavor = "multi_thread")]
    async fn a_disk_that_hangs_keeps_no_other_waiting() {
        let (hung, other) = (Reads::new(), Reads::new());
        let (hangs, hanging) = mpsc::channel();
        let mut ends = Vec::new();
        for _ in 0..READS_MAX {
            let (end, ended) = mpsc::channel::<()>();
            ends.push(end);
            let (hung, hangs) = (Reads(Arc::clone(&hung.0)), hangs.clone());
            tokio::spawn(async move {
                let read = hung.run(move || {
                    let _ = hangs.send(());
                    let _ = ended.recv();
                    Ok(())
                });
                read.await
            });
        }
        for _ in 0..READS_MAX {
            hanging.recv().unwrap();
        }
        assert_eq!(hung.0.available_permits(), 0);
        assert_eq!(other.run(|| Ok(7)).await, Ok(7));
    }
}
