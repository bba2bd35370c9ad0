//! A disk that fails, and works again.

mod disk;

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use wasket_store::{Error, Store, Write};

use crate::FileStore;
use disk::{Disk, Fails};

async fn set(store: &FileStore, key: &str) -> Result<(), Error> {
    let room = store.room(1).await?;
    let pairs = vec![(key.to_owned(), vec![1; 100])];
    store.write(Write::Set(pairs), room).await.map(drop)
}

async fn is_there(store: &FileStore, key: &str) -> Result<bool, Error> {
    let rows = store.read(vec![key.into()]).await?;
    Ok(rows.iter().all(Option::is_some))
}

/// Tries until it works.
async fn at_last<T>(mut act: impl AsyncFnMut() -> Result<T, Error>) -> T {
    let trying = async {
        loop {
            match act().await {
                Ok(done) => return done,
                Err(_) => sleep(MEND_EVERY).await,
            }
        }
    };
    timeout(Duration::from_secs(30), trying).await.unwrap()
}

#[tokio::test]
async fn a_disk_that_works_again_is_written_again() {
    let disk = Disk::new();
    let store = disk.store();
    set(&store, "before").await.unwrap();
    disk.fail(Fails::Writes);
    for _ in 0..2 {
        let failed = set(&store, "lost").await.unwrap_err();
        assert!(failed.is_failure(), "{failed}");
    }
    disk.fail(Fails::Nothing);
    // It is tried again after a while, also for those who only read.
    assert!(at_last(async || is_there(&store, "before").await).await);
    at_last(async || set(&store, "after").await).await;
    assert!(is_there(&store, "before").await.unwrap());
    assert!(is_there(&store, "after").await.unwrap());
}

#[tokio::test]
async fn a_read_that_fails_once_does_so_to_nobody_else_for_long() {
    let disk = Disk::new();
    let store = disk.store();
    set(&store, "before").await.unwrap();
    disk.fail(Fails::NextRead);
    assert!(is_there(&store, "before").await.is_err());
    // Also where nobody writes.
    assert!(at_last(async || is_there(&store, "before").await).await);
    sleep(MEND_EVERY * 2).await;
    disk.fail(Fails::NextRead);
    assert!(is_there(&store, "before").await.is_err());
    // And who writes does not hear of it.
    set(&store, "after").await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_read_and_seldom_opened_anew() {
    let disk = Disk::new();
    let store = disk.store();
    set(&store, "before").await.unwrap();
    disk.fail(Fails::Growth);
    let began = Instant::now();
    let mut failed = 0;
    for n in 0..200 {
        let room = store.room(1).await.unwrap();
        let pairs = (0..4).map(|part| (format!("{n} {part}"), vec![2; 1_000_000]));
        let written = store.write(Write::Set(pairs.collect()), room).await;
        failed += usize::from(written.is_err_and(|error| error.is_failure()));
        assert!(is_there(&store, "before").await.unwrap());
    }
    assert!(failed > 100, "{failed}");
    let most = 2 + began.elapsed().as_millis() / MEND_EVERY.as_millis();
    assert!((disk.times_opened() as u128) <= most);
    disk.fail(Fails::Nothing);
    at_last(async || set(&store, "after").await).await;
}

#[tokio::test]
async fn a_panic_does_not_end_a_store() {
    let disk = Disk::new();
    let store = disk.store();
    set(&store, "before").await.unwrap();
    disk.fail(Fails::WritesBadly);
    let failed = set(&store, "lost").await.unwrap_err();
    assert!(failed.is_failure() && failed.to_string().contains("not expected"));
    disk.fail(Fails::Nothing);
    at_last(async || set(&store, "after").await).await;
    assert!(is_there(&store, "before").await.unwrap());
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_crash() {
    let disk = Disk::new();
    let store = disk.store();
    for key in ["a", "b", "c"] {
        set(&store, key).await.unwrap();
        assert!(is_there(&disk.crashed().store(), key).await.unwrap());
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_upon_what_a_disk_did_not_take() {
    let disk = Disk::new();
    let store = disk.store();
    set(&store, "before").await.unwrap();
    disk.fail(Fails::NextSync);
    // The disk works again at once, and the kernel says so.
    for _ in 0..5 {
        let failed = set(&store, "after").await.unwrap_err().to_string();
        assert!(failed.contains("a bad sector"), "{failed}");
        assert!(failed.contains("started again"), "{failed}");
        assert!(store.read(vec!["before".into()]).await.is_err());
        sleep(MEND_EVERY * 2).await;
    }
    let crashed = disk.crashed().store();
    assert!(is_there(&crashed, "before").await.unwrap());
    store.close().await.unwrap();
}

const MEND_EVERY: Duration = Duration::from_millis(10);
