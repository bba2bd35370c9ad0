//! What is so of a file alone.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use wasket_store::{Error, Number, ROW_BYTES, Store, Write, Written};
use wasket_store_redb::FileStore;

use crate::{PLENTY, file, path, row, set, value, write};

fn refused(folder: &TempDir) -> String {
    let opened = FileStore::open(&path(folder), PLENTY);
    opened.expect_err("it shall not open").to_string()
}

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let (store, folder) = file(100 + 2 * ROW_BYTES);
    set(&store, "a", &[1; 90]).await.unwrap();
    let revision = row(&store, "a").await.unwrap().revision;
    store.close().await.unwrap();
    let store = FileStore::open(&path(&folder), 100 + 2 * ROW_BYTES).unwrap();
    assert_eq!(value(&store, "a").await.unwrap(), [1; 90]);
    // What it has counts on, and so do revisions.
    assert_eq!(
        set(&store, "b", &[1; 10]).await,
        Err(Error::Full {
            bytes_max: 100 + 2 * ROW_BYTES
        })
    );
    set(&store, "b", &[1; 8]).await.unwrap();
    assert!(row(&store, "b").await.unwrap().revision > revision);
    // A smaller limit keeps what is there, and lets it shrink.
    store.close().await.unwrap();
    let store = FileStore::open(&path(&folder), 10).unwrap();
    assert_eq!(
        set(&store, "c", b"").await,
        Err(Error::Full { bytes_max: 10 })
    );
    assert!(set(&store, "a", &[2; 80]).await.is_ok());
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (store, folder) = file(PLENTY);
    let mode = fs::metadata(path(&folder)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    drop(store);
}

#[tokio::test]
async fn a_file_is_opened_once() {
    let (store, folder) = file(PLENTY);
    assert!(refused(&folder).contains("open in another process"));
    store.close().await.unwrap();
    assert!(FileStore::open(&path(&folder), PLENTY).is_ok());
}

#[tokio::test]
async fn what_is_no_store_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    for text in ["", "x", &"not a database ".repeat(1000)] {
        fs::write(path(&folder), text).unwrap();
        let why = refused(&folder);
        assert!(why.contains("no database") && why.contains("copy"), "{why}");
        assert_eq!(fs::read_to_string(path(&folder)).unwrap(), text);
    }
    fs::remove_file(path(&folder)).unwrap();
    let other = redb::Database::create(path(&folder)).unwrap();
    let table: redb::TableDefinition<'_, u64, u64> = redb::TableDefinition::new("theirs");
    let transaction = other.begin_write().unwrap();
    transaction.open_table(table).unwrap().insert(1, 2).unwrap();
    transaction.commit().unwrap();
    drop(other);
    assert!(refused(&folder).contains("something else"));
    let nowhere = folder.path().join("nowhere/store.redb");
    assert!(FileStore::open(&nowhere, PLENTY).is_err());
}

/// A file of a host that died: not closed, as a copy in the middle shows it, and then damaged in every page.
#[tokio::test]
async fn a_crash_is_repaired_and_damage_is_refused() {
    let (store, folder) = file(PLENTY);
    for n in 0..100_u32 {
        set(&store, &format!("{n}"), &n.to_le_bytes())
            .await
            .unwrap();
    }
    // Nobody writes, and the last commit is whole.
    let crashed = TempDir::new().unwrap();
    fs::copy(path(&folder), path(&crashed)).unwrap();
    let repaired = Arc::new(AtomicUsize::new(0));
    let open = || {
        let repaired = Arc::clone(&repaired);
        let repairing = move || {
            repaired.fetch_add(1, Ordering::Relaxed);
        };
        FileStore::open_telling(&path(&crashed), PLENTY, repairing).unwrap()
    };
    let again = open();
    assert_eq!(repaired.load(Ordering::Relaxed), 1);
    for n in 0..100_u32 {
        assert_eq!(
            value(&again, &format!("{n}")).await.unwrap(),
            n.to_le_bytes()
        );
    }
    again.close().await.unwrap();
    open().close().await.unwrap();
    assert_eq!(repaired.load(Ordering::Relaxed), 1);

    let damaged = TempDir::new().unwrap();
    let mut bytes = fs::read(path(&folder)).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte ^= 0x55;
    }
    fs::write(path(&damaged), &bytes).unwrap();
    let why = refused(&damaged);
    assert!(why.contains("damaged"), "{why}");
    // One that is cut off.
    fs::write(path(&damaged), &bytes[..5000]).unwrap();
    let why = refused(&damaged);
    assert!(
        why.contains("damaged") || why.contains("cannot be opened"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_at_once_lose_nothing() {
    let (store, _folder) = file(PLENTY);
    let store = Arc::new(store);
    let mut writers = Vec::new();
    for _ in 0..50 {
        let store = Arc::clone(&store);
        writers.push(tokio::spawn(async move {
            let mut sums = Vec::new();
            for _ in 0..20 {
                let add = Write::Increment {
                    key: "n".into(),
                    delta: 1,
                    number: Number::Unsigned,
                };
                match write(&*store, add).await.unwrap() {
                    Written::Sum(sum) => sums.push(sum),
                    other => panic!("{other:?}"),
                }
            }
            sums
        }));
    }
    let mut sums = Vec::new();
    for writer in writers {
        sums.extend(writer.await.unwrap());
    }
    sums.sort_unstable();
    assert_eq!(sums, (1..=1000).collect::<Vec<i128>>());
    assert_eq!(value(&*store, "n").await.unwrap(), b"1000");
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_whole_or_not_there() {
    let (store, _folder) = file(PLENTY);
    for n in 0..50_u8 {
        let pairs = ["a", "b"].map(|key| (key.to_owned(), vec![n; 10]));
        let room = store.room(22).await.unwrap();
        let mut writing = store.write(Write::Set(pairs.to_vec()), room);
        // Asked for, and dropped before the answer.
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(writing.as_mut().poll(cx)));
        let _ = polled.await;
        drop(writing);
        let rows = store.read(vec!["a".into(), "b".into()]).await.unwrap();
        let value = |n: usize| rows[n].as_ref().map(|row| row.value.clone());
        assert_eq!(value(0), value(1));
    }
    set(&store, "last", b"").await.unwrap();
    assert_eq!(value(&store, "a").await.unwrap(), [49; 10]);
}
