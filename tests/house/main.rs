//! Tests of the house itself: its rules, checked.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod lock;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Who may name whom. ARCHITECTURE.md draws it.
const ROOMS: [(&str, &[&str]); 10] = [
    ("auth", &[]),
    ("client", &["auth", "ws"]),
    ("config", &[]),
    ("ws", &[]),
    ("session", &["auth", "ws"]),
    ("net", &["auth", "session", "ws"]),
    ("runtime", &["client", "session", "store"]),
    ("store", &[]),
    ("store-redb", &["store"]),
    (
        "wasket",
        &[
            "auth",
            "client",
            "config",
            "net",
            "runtime",
            "session",
            "store",
            "store-redb",
            "ws",
        ],
    ),
];

#[test]
fn rooms_name_only_whom_they_may() {
    let mut drawn: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (room, may_name) in ROOMS {
        drawn.insert(room, may_name.iter().copied().collect());
    }
    let found: BTreeMap<String, BTreeSet<String>> = folders(&root().join("host"))
        .into_iter()
        .map(|room| (name_of(&room), dependencies(&room)))
        .collect();
    let rooms: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(rooms, drawn.keys().copied().collect::<Vec<_>>());
    for (room, named) in &found {
        let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
        let beyond: Vec<_> = named.difference(&drawn[room.as_str()]).collect();
        assert!(
            beyond.is_empty(),
            "{room} names {beyond:?}, which it may not"
        );
    }
}

#[test]
fn two_files_may_be_unsafe() {
    for room in folders(&root().join("host")) {
        let entry = ["lib.rs", "main.rs"].map(|file| room.join("src").join(file));
        let source = entry
            .iter()
            .find_map(|file| fs::read_to_string(file).ok())
            .unwrap();
        let forbids = source.contains("#![forbid(unsafe_code)]");
        let may = ["runtime", "wasket"].contains(&name_of(&room).as_str());
        assert_eq!(forbids, !may, "{}", room.display());
    }
    let places: Vec<_> = sources(&root().join("host"))
        .into_iter()
        .filter(|file| fs::read_to_string(file).unwrap().contains("unsafe {"))
        .map(|file| name_of(&file))
        .collect();
    assert_eq!(places, ["precompiled.rs", "heap.rs"]);
}

#[test]
fn no_file_is_longer_than_a_reader_bears() {
    for folder in ["host", "guest-sdk", "guests", "tests", "xtask"] {
        for file in sources(&root().join(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(
                lines <= 500,
                "{} has {lines} lines: split it along an idea",
                file.display()
            );
        }
    }
}

#[test]
fn the_map_stays_short() {
    let lines = fs::read_to_string(root().join("ARCHITECTURE.md"))
        .unwrap()
        .lines()
        .count();
    assert!(lines <= 150, "ARCHITECTURE.md has {lines} lines");
}

/// The rooms of ours that a manifest names, for the build or for tests.
fn dependencies(room: &Path) -> BTreeSet<String> {
    let manifest = fs::read_to_string(room.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|table| manifest.get(*table)?.as_table())
        .flat_map(toml::Table::keys)
        .filter_map(|name| name.strip_prefix("wasket-"))
        .map(str::to_owned)
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = entries(of)
        .filter(|path| path.join("Cargo.toml").exists())
        .collect();
    folders.sort();
    folders
}

/// Every Rust source below a folder, but what was built.
fn sources(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in entries(below) {
        if path.is_dir() && !["target", "node_modules"].contains(&&*name_of(&path)) {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

fn entries(of: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path())
}
