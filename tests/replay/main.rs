//! The fuzz targets on every file of their corpora, on any compiler.
//!
//! An input that a fuzzer found goes into `tests/fuzz/corpus/TARGET`, and is a test from then on.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]
#![expect(clippy::print_stdout, reason = "names the input that fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wasket_fuzz_bodies::TARGETS;

// hardening H2 H3 H19 H20 H21: wrong and odd frames are refused, whole or in pieces
#[test]
fn frames() {
    replay("frames");
}

// hardening H2 H21: conversations mean the same however they are cut
#[test]
fn messages() {
    replay("messages");
}

// hardening H1 H9 H10: compressed messages mean the same however they are cut, within the limit
#[test]
fn deflate() {
    replay("deflate");
}

// hardening H7: heads are read a constant number of times
#[test]
fn handshake() {
    replay("handshake");
}

// hardening H7 H26: credentials are read or refused, and a nonce that was never issued proves nothing
#[test]
fn authorization() {
    replay("authorization");
}

// hardening H7 H17: challenges are read or passed over, and no answer breaks a line
#[test]
fn challenge() {
    replay("challenge");
}

// parity S7
#[test]
fn route() {
    replay("route");
}

// hardening H15, parity B5
#[test]
fn origin() {
    replay("origin");
}

// hardening H15 H31: nobody but a trusted proxy says who a client is
#[test]
fn proxy() {
    replay("proxy");
}

// hardening H30
#[test]
fn config() {
    replay("config");
}

#[test]
fn every_target_has_a_body_and_a_corpus() {
    let expected: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for folder in ["corpus", "fuzz_targets"] {
        let names = entries(&fuzz().join(folder)).into_iter();
        let names = names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
        assert_eq!(names.collect::<BTreeSet<_>>(), expected, "{folder}");
    }
}

/// Gives a target every file of its corpus. Its name is printed first: it is shown when the target panics.
fn replay(target: &str) {
    let (_, body) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let inputs = entries(&fuzz().join("corpus").join(target));
    assert!(inputs.len() >= 10, "{target} has {} inputs", inputs.len());
    for input in inputs {
        println!("{}", input.display());
        body(&fs::read(input).unwrap());
    }
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn entries(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let mut entries: Vec<_> = entries.collect();
    entries.sort();
    entries
}
