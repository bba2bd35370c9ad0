//! Whether a disk has taken what was written.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use redb::{BackendError, StorageBackend};

/// Set once a disk has refused to take what was written, for as long as the process lives. A clone is the same.
///
/// The kernel tells that once: it keeps the pages in its cache, where they look as if they were on the disk, and the next
/// sync succeeds without them. So a file that is opened again after that seems whole, has what may be nowhere, and all
/// that is built upon it is lost with it when the machine fails.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unsynced(Arc<OnceLock<Arc<str>>>);

impl Unsynced {
    /// Why the file must not be used any more, and what to do.
    pub(crate) fn why(&self) -> Option<Arc<str>> {
        self.0.get().map(Arc::clone)
    }

    fn set(&self, error: &io::Error) {
        let why = format!(
            "its disk did not take what was written ({error}), and what of it is there is not known: closed until the host \
             is started again; look at the disk before, and put a copy of the file in its place if it was at fault"
        );
        // The first is the cause.
        let _ = self.0.set(why.into());
    }
}

/// A disk of which is noted when it does not take what was written.
#[derive(Debug)]
pub(crate) struct Synced<B> {
    disk: B,
    unsynced: Unsynced,
}

impl<B> Synced<B> {
    pub(crate) fn new(disk: B, unsynced: &Unsynced) -> Self {
        let unsynced = unsynced.clone();
        Self { disk, unsynced }
    }
}

type Edge = Bound<u64>;

impl<B: StorageBackend> StorageBackend for Synced<B> {
    fn sync_data(&self) -> io::Result<()> {
        let synced = self.disk.sync_data();
        synced.inspect_err(|error| self.unsynced.set(error))
    }

    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.set_len(len)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.disk.close()
    }

    fn try_lock_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.disk.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.disk.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.disk.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.disk.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.disk.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.disk.query_lock_range(start, end)
    }
}
