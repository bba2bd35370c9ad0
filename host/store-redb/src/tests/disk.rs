//! A disk of a test.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use redb::{Builder, StorageBackend};

use crate::FileStore;
use crate::file::NotOpen;
use crate::synced::Synced;
use crate::tests::MEND_EVERY;

/// What a disk does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fails {
    Nothing,
    Writes,
    /// Not an error, but a panic.
    WritesBadly,
    /// The next read alone.
    NextRead,
    /// To become larger: it is full.
    Growth,
    /// The next sync alone, as the kernel has it: what was written counts as synced from then on.
    NextSync,
}

/// A disk with the kernel's cache before it, which a crash takes away. A clone is the same disk.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    held: Arc<Mutex<Held>>,
    /// How often it was opened.
    opened: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Held {
    fails: Fails,
    /// What it has when it is full.
    room: usize,
    cached: Vec<u8>,
    on_disk: Vec<u8>,
    unsynced: Vec<Range<usize>>,
}

impl Disk {
    pub(super) fn new() -> Self {
        let held = Held {
            fails: Fails::Nothing,
            room: 0,
            cached: Vec::new(),
            on_disk: Vec::new(),
            unsynced: Vec::new(),
        };
        Self {
            held: Arc::new(Mutex::new(held)),
            opened: Arc::default(),
        }
    }

    pub(super) fn store(&self) -> FileStore {
        let disk = self.clone();
        let open = move |unsynced: &_| {
            disk.opened.fetch_add(1, Ordering::Relaxed);
            let disk = Synced::new(disk.clone(), unsynced);
            // Whatever is read comes from the disk.
            let opened = Builder::new().set_cache_size(0).create_with_backend(disk);
            opened.map_err(|error| NotOpen::because(&error.to_string()))
        };
        FileStore::with(Box::new(open), 16 << 20, MEND_EVERY).unwrap()
    }

    pub(super) fn times_opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    pub(super) fn fail(&self, fails: Fails) {
        let mut held = self.held.lock();
        held.fails = fails;
        held.room = held.cached.len();
    }

    /// Another disk, as this one would be if the machine failed now.
    pub(super) fn crashed(&self) -> Self {
        let crashed = Self::new();
        let on_disk = self.held.lock().on_disk.clone();
        crashed.held.lock().cached.clone_from(&on_disk);
        crashed.held.lock().on_disk = on_disk;
        crashed
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.held.lock().cached.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut held = self.held.lock();
        if held.fails == Fails::NextRead {
            held.fails = Fails::Nothing;
            return Err(io::Error::other("no answer"));
        }
        let from = usize::try_from(offset).unwrap();
        let there = held.cached.get(from..from + out.len());
        out.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut held = self.held.lock();
        held.check()?;
        let len = usize::try_from(len).unwrap();
        if held.fails == Fails::Growth && len > held.room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        held.cached.resize(len, 0);
        held.on_disk.resize(len, 0);
        held.unsynced.retain(|range| range.end <= len);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut held = self.held.lock();
        held.check()?;
        let from = usize::try_from(offset).unwrap();
        let range = from..from + data.len();
        held.cached[range.clone()].copy_from_slice(data);
        held.unsynced.push(range);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let held = &mut *self.held.lock();
        let unsynced = std::mem::take(&mut held.unsynced);
        if held.fails == Fails::NextSync {
            held.fails = Fails::Nothing;
            return Err(io::Error::other("a bad sector"));
        }
        for range in unsynced {
            held.on_disk[range.clone()].copy_from_slice(&held.cached[range]);
        }
        Ok(())
    }
}

impl Held {
    fn check(&self) -> io::Result<()> {
        match self.fails {
            Fails::Writes => Err(io::Error::other("no space left")),
            Fails::WritesBadly => panic!("a write that was not expected"),
            _ => Ok(()),
        }
    }
}
