//! A key-value store in a file.
//!
//! Writes go through one thread a file: all that wait become one transaction, which is on the disk before any of them is
//! answered. So a disk that syncs in a millisecond does far more than a thousand writes a second, as long as many wait.
//! Reads go to tokio's blocking threads, a bounded number at once of each file, so that a disk that hangs keeps no other waiting: most find their page in the
//! cache and are done in microseconds, but any may wait for a disk, and that none of tokio's workers may. A read sees the
//! last transaction, waits for no writer, and none waits for it.
#![forbid(unsafe_code)]

mod file;
mod reads;
mod slot;
mod synced;
mod table;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};
use wasket_store::{Answer, Error, Page, Room, Row, Store, Write, Written};

pub use file::NotOpen;
use reads::Reads;
use slot::Slot;
use writer::{Job, Writer};

/// A store in a file.
#[derive(Debug)]
pub struct FileStore {
    slot: Arc<Slot>,
    reads: Reads,
    room: Arc<Semaphore>,
    queue: mpsc::Sender<Job>,
    bytes_max: u64,
}

impl FileStore {
    /// Opens the file, or makes one that only its owner may read and write, and repairs what a crash has left. Its keys and
    /// values may have so many bytes together, see [`wasket_store::ROW_BYTES`]; the file is larger. Blocks.
    ///
    /// # Errors
    /// When the file cannot be used: another process has it open, it is damaged, or it is something else.
    pub fn open(path: &Path, bytes_max: u64) -> Result<Self, NotOpen> {
        Self::open_telling(path, bytes_max, || {})
    }

    /// The same, and calls this before it repairs the file, which takes the longer the larger it is: now, or when it is opened
    /// anew after a failure.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_telling(
        path: &Path,
        bytes_max: u64,
        repairing: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, NotOpen> {
        let path = path.to_owned();
        let repairing: file::Repairing = Arc::new(repairing);
        let open = Box::new(move |unsynced: &_| file::open(&path, unsynced, &repairing));
        Self::with(open, bytes_max, MEND_EVERY)
    }

    fn with(open: slot::Open, bytes_max: u64, mend_every: Duration) -> Result<Self, NotOpen> {
        let (slot, totals) = Slot::open(open)?;
        let slot = Arc::new(slot);
        let (queue, jobs) = mpsc::channel(WAITING_MAX);
        let writer = Writer {
            slot: Arc::clone(&slot),
            jobs,
            totals,
            bytes_max,
            mend_every,
            failed: None,
            mend_from: None,
        };
        writer.start()?;
        Ok(Self {
            slot,
            reads: Reads::new(),
            room: Arc::new(Semaphore::new(WAITING_BYTES_MAX)),
            queue,
            bytes_max,
        })
    }

    /// Reads, and has the file opened anew if that failed: of a read that fails the database does not recover by itself.
    async fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Slot) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let slot = Arc::clone(&self.slot);
        let read = self.reads.run(move || read(&slot)).await;
        if matches!(read, Err(Error::Failed(_))) && self.slot.is_open() {
            // Where writes wait these look at it as well.
            let _ = self.queue.try_send(Job::Mend);
        }
        read
    }

    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Job,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let sent = self.queue.send(job(answer)).await;
        sent.map_err(|_| self.ended())?;
        answered.await.map_err(|_| self.ended())?
    }

    /// Why the thread does not answer.
    fn ended(&self) -> Error {
        match self.slot.is_closed() {
            true => Error::Closed,
            false => Error::Failed("the thread that writes it has ended".into()),
        }
    }
}

impl Store for FileStore {
    fn read(&self, keys: Vec<String>) -> Answer<'_, Vec<Option<Row>>> {
        Box::pin(self.look(move |slot| table::read(slot, &keys)))
    }

    fn revision(&self, key: String) -> Answer<'_, Option<u64>> {
        Box::pin(self.look(move |slot| table::revision(slot, &key)))
    }

    fn keys(&self, after: Option<String>) -> Answer<'_, Page> {
        Box::pin(self.look(move |slot| table::keys(slot, after.as_deref())))
    }

    fn room(&self, bytes: usize) -> Answer<'_, Room> {
        let room = Arc::clone(&self.room);
        let permits = u32::try_from(bytes.min(WAITING_BYTES_MAX)).unwrap_or(u32::MAX);
        Box::pin(async move {
            let permit = room.acquire_many_owned(permits).await;
            permit.map(Room::from).map_err(|_| Error::Closed)
        })
    }

    fn write(&self, write: Write, room: Room) -> Answer<'_, Written> {
        Box::pin(self.ask(|answer| Job::Write {
            write,
            answer,
            room,
        }))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(self.ask(Job::Close))
    }

    fn bytes_max(&self) -> u64 {
        self.bytes_max
    }
}

/// Writes that wait for their turn; whoever brings one more waits before that.
const WAITING_MAX: usize = 1_024;

/// What they may have together, in bytes.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// How often a file that failed is tried again.
const MEND_EVERY: Duration = Duration::from_secs(1);
