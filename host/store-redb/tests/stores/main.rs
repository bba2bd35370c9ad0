//! The same tests for every store, and those for a file.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod contract;
mod file;
mod model;

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use wasket_store::{Error, Memory, Row, Store, Write, Written};
use wasket_store_redb::FileStore;

/// A store, and where its file is, if it has one.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) name: &'static str,
    _folder: TempDir,
}

/// One store of each kind, empty.
pub(crate) fn each(bytes_max: u64) -> Vec<Bench> {
    let (file, folder) = file(bytes_max);
    vec![
        Bench {
            store: Arc::new(Memory::new(bytes_max)),
            name: "memory",
            _folder: TempDir::new().unwrap(),
        },
        Bench {
            store: Arc::new(file),
            name: "file",
            _folder: folder,
        },
    ]
}

pub(crate) fn file(bytes_max: u64) -> (FileStore, TempDir) {
    let folder = TempDir::new().unwrap();
    let file = FileStore::open(&path(&folder), bytes_max).unwrap();
    (file, folder)
}

pub(crate) fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("store.redb")
}

pub(crate) async fn write(store: &dyn Store, write: Write) -> Result<Written, Error> {
    let room = store.room(1).await?;
    store.write(write, room).await
}

pub(crate) async fn set(store: &dyn Store, key: &str, value: &[u8]) -> Result<Written, Error> {
    write(store, Write::Set(vec![(key.to_owned(), value.to_vec())])).await
}

pub(crate) async fn row(store: &dyn Store, key: &str) -> Option<Row> {
    store.read(vec![key.to_owned()]).await.unwrap().remove(0)
}

pub(crate) async fn value(store: &dyn Store, key: &str) -> Option<Vec<u8>> {
    row(store, key).await.map(|row| row.value)
}

pub(crate) const PLENTY: u64 = 1 << 30;
