//! hardening H32: the cache's rules.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::harness::{Bench, Log, Setup, load, runtime_of};
use crate::wat::{ECHO, service};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    (folder, cache)
}

async fn load_with(cache: &Path) {
    load(&runtime_of(1, Some(cache.to_owned())), &service(ECHO)).await;
}

fn entries(cache: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache).expect("the cache");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[tokio::test]
async fn an_entry_is_written_once_and_used_again() {
    let (_folder, cache) = folder();
    load_with(&cache).await;
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
    assert_eq!(mode(&cache), 0o700);
    let first = entries(&cache);
    assert_eq!(first.len(), 1);
    assert_eq!(mode(&first[0]), 0o600);
    let written = fs::metadata(&first[0])
        .expect("there")
        .modified()
        .expect("a time");
    load_with(&cache).await;
    assert_eq!(entries(&cache), first);
    let again = fs::metadata(&first[0])
        .expect("there")
        .modified()
        .expect("a time");
    assert_eq!(written, again);
}

#[tokio::test]
async fn a_damaged_entry_is_compiled_again() {
    let (_folder, cache) = folder();
    load_with(&cache).await;
    let entry = entries(&cache).remove(0);
    let whole = fs::read(&entry).expect("there");
    for damaged in [&whole[..whole.len() / 2], b"not machine code", b""] {
        fs::write(&entry, damaged).expect("written");
        load_with(&cache).await;
        assert_eq!(fs::read(&entry).expect("there").len(), whole.len());
    }
}

#[tokio::test]
async fn a_cache_that_others_reach_is_not_used() {
    let (folder, cache) = folder();
    load_with(&cache).await;
    let planted = entries(&cache).remove(0);
    // Were it loaded, it would be found damaged and removed.
    fs::write(&planted, "planted").expect("written");
    let untouched = || fs::read(&planted).is_ok_and(|bytes| bytes == b"planted");

    let link = folder.path().join("link");
    symlink(&cache, &link).expect("linked");
    load_with(&link).await;
    assert!(untouched(), "through a symbolic link");

    for mode in [0o701, 0o720, 0o777] {
        fs::set_permissions(&cache, Permissions::from_mode(mode)).expect("set");
        load_with(&cache).await;
        assert!(untouched(), "{mode:o}");
    }
    fs::set_permissions(&cache, Permissions::from_mode(0o700)).expect("set");
}

/// Whether the echo component echoes when it is loaded with this cache.
async fn echoes(cache: &Path) -> bool {
    let runtime = runtime_of(1, Some(cache.to_owned()));
    let component = load(&runtime, &service(ECHO)).await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    bench.open("/").await.ask("x").await == ["x"]
}

#[tokio::test]
async fn a_planted_file_is_not_run() {
    let (folder, cache) = folder();
    load_with(&cache).await;
    let entry = entries(&cache).remove(0);
    // Valid code of another component, which does nothing, under the name of this one.
    fs::remove_file(&entry).expect("removed");
    load(&runtime_of(1, Some(cache.clone())), &service("")).await;
    let other = entries(&cache).remove(0);
    let planted = folder.path().join("planted");
    fs::rename(&other, &planted).expect("moved");

    // Where only the host's user can have put it, it is believed: this is what the rules guard.
    fs::copy(&planted, &entry).expect("copied");
    fs::set_permissions(&entry, Permissions::from_mode(0o600)).expect("set");
    assert!(!echoes(&cache).await);

    fs::set_permissions(&entry, Permissions::from_mode(0o620)).expect("set");
    assert!(echoes(&cache).await, "a file that others may write");

    fs::remove_file(&entry).expect("removed");
    symlink(&planted, &entry).expect("linked");
    assert!(echoes(&cache).await, "a symbolic link");
}

#[tokio::test]
async fn why_it_is_not_used_is_said() {
    let (_folder, cache) = folder();
    fs::create_dir(&cache).expect("made");
    fs::set_permissions(&cache, Permissions::from_mode(0o755)).expect("set");
    let runtime = runtime_of(1, Some(cache.clone()));
    let source = service(ECHO);
    let (log, _recording) = Log::record();
    let on_worker = log.clone();
    // It is said on the thread that compiles.
    let said = std::thread::spawn(move || {
        let workers = tokio::runtime::Builder::new_current_thread()
            .on_thread_start(move || on_worker.attach())
            .enable_all()
            .build()
            .expect("a tokio runtime");
        workers.block_on(load(&runtime, &source));
        log.text()
    })
    .join()
    .expect("the thread");
    assert!(
        said.contains("has mode 0755: other users reach it"),
        "{said}"
    );
    assert!(entries(&cache).is_empty());
}
