//! A disk of a test.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;
use redb::{Builder, StorageBackend};

use crate::file::NotOpen;
use crate::synced::Synced;
use crate::tests::MEND_EVERY;
use crate::{FileStore, Reads};

/// What a disk does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fails {
    Nothing,
    Writes,
    /// Not an error, but a panic.
    WritesBadly,
    /// The next sync alone, as the kernel has it: what was written counts as synced from then on.
    NextSync,
}

/// A disk with the kernel's cache before it, which a crash takes away. A clone is the same disk.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<Held>>);

#[derive(Debug)]
struct Held {
    fails: Fails,
    cached: Vec<u8>,
    on_disk: Vec<u8>,
    unsynced: Vec<Range<usize>>,
}

impl Disk {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Held {
            fails: Fails::Nothing,
            cached: Vec::new(),
            on_disk: Vec::new(),
            unsynced: Vec::new(),
        })))
    }

    pub(super) fn store(&self) -> FileStore {
        let disk = self.clone();
        let open = move |unsynced: &_| {
            let disk = Synced::new(disk.clone(), unsynced);
            let opened = Builder::new().create_with_backend(disk);
            opened.map_err(|error| NotOpen::because(&error.to_string()))
        };
        FileStore::with(Box::new(open), 1 << 20, &Reads::new(), MEND_EVERY).unwrap()
    }

    pub(super) fn fail(&self, fails: Fails) {
        self.0.lock().fails = fails;
    }

    /// Another disk, as this one would be if the machine failed now.
    pub(super) fn crashed(&self) -> Self {
        let crashed = Self::new();
        let on_disk = self.0.lock().on_disk.clone();
        crashed.0.lock().cached.clone_from(&on_disk);
        crashed.0.lock().on_disk = on_disk;
        crashed
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().cached.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let held = self.0.lock();
        let from = usize::try_from(offset).unwrap();
        let there = held.cached.get(from..from + out.len());
        out.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut held = self.0.lock();
        held.check()?;
        let len = usize::try_from(len).unwrap();
        held.cached.resize(len, 0);
        held.on_disk.resize(len, 0);
        held.unsynced.retain(|range| range.end <= len);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut held = self.0.lock();
        held.check()?;
        let from = usize::try_from(offset).unwrap();
        let range = from..from + data.len();
        held.cached[range.clone()].copy_from_slice(data);
        held.unsynced.push(range);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let held = &mut *self.0.lock();
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
            Fails::Nothing | Fails::NextSync => Ok(()),
        }
    }
}
