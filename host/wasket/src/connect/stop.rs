//! Ctrl-c and SIGTERM: once closes the connection, twice ends at once.

use std::io;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::raw;
use crate::signal::{Ending, Signals};

/// The first wish to end. A task of its own waits for the second, which comes when everything else may be stuck, such
/// as in writing to a stdout that nobody reads.
pub(super) struct Stop {
    first: mpsc::Receiver<Ending>,
    _watch: JoinSet<()>,
}

impl Stop {
    /// From now on the signals do not end the process by themselves.
    ///
    /// # Errors
    /// When signals cannot be handled.
    pub(super) fn new() -> io::Result<Self> {
        let mut signals = Signals::new(false)?;
        let (to, first) = mpsc::channel(1);
        let mut watch = JoinSet::new();
        watch.spawn(async move {
            let _ = to.send(signals.ending().await).await;
            let second = signals.ending().await;
            raw::restore();
            std::process::exit(second.exit_code());
        });
        Ok(Self {
            first,
            _watch: watch,
        })
    }

    /// Waits for it. Cancelling this loses nothing.
    pub(super) async fn asked(&mut self) -> Ending {
        match self.first.recv().await {
            Some(ending) => ending,
            // It was asked before.
            None => std::future::pending().await,
        }
    }
}
