//! A disk that fails, and works again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::InMemoryBackend;
use redb::{Builder, StorageBackend};
use wasket_store::{Error, Store, Write};

use crate::file::NotOpen;
use crate::{FileStore, Reads};

/// A disk of which every write can be made to fail; what was on it stays.
#[derive(Clone, Debug)]
struct Disk {
    bytes: Arc<InMemoryBackend>,
    fails: Arc<AtomicBool>,
}

impl Disk {
    fn new() -> Self {
        Self {
            bytes: Arc::new(InMemoryBackend::new()),
            fails: Arc::default(),
        }
    }

    fn store(&self) -> FileStore {
        let disk = self.clone();
        let open = move || {
            let opened = Builder::new().create_with_backend(disk.clone());
            opened.map_err(|error| NotOpen::because(&error.to_string()))
        };
        FileStore::with(Box::new(open), 1 << 20, &Reads::new()).unwrap()
    }

    fn check(&self) -> std::io::Result<()> {
        match self.fails.load(Ordering::Relaxed) {
            true => Err(std::io::Error::other("no space left")),
            false => Ok(()),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> std::io::Result<u64> {
        self.bytes.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.bytes.read(offset, out)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.check()?;
        self.bytes.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.check()
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.check()?;
        self.bytes.write(offset, data)
    }
}

async fn set(store: &FileStore, key: &str) -> Result<(), Error> {
    let room = store.room(1).await?;
    let pairs = vec![(key.to_owned(), vec![1; 100])];
    store.write(Write::Set(pairs), room).await.map(drop)
}

#[tokio::test]
async fn a_disk_that_works_again_is_written_again() {
    let disk = Disk::new();
    let store = disk.store();
    set(&store, "before").await.unwrap();
    disk.fails.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let failed = set(&store, "lost").await.unwrap_err();
        assert!(failed.is_failure(), "{failed}");
    }
    disk.fails.store(false, Ordering::Relaxed);
    // It is tried again after a while, also for those who only read.
    while store.read(vec!["before".into()]).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    while set(&store, "after").await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let rows = store.read(vec!["before".into(), "after".into()]).await;
    assert!(rows.unwrap().iter().all(Option::is_some));
}
