//! What the settings grant to components beside connections, and what happens without: directories, environment, sockets.

mod environment;
mod files;
mod sockets;

use crate::host::Host;

/// How many lines of the log have all of these in them, once one has.
fn told(host: &Host, parts: &[&str]) -> usize {
    host.logged(parts);
    let log = host.log();
    let has_all = |line: &&String| parts.iter().all(|part| line.contains(part));
    log.iter().filter(has_all).count()
}

/// Asserts that the guest was refused what it asked for.
fn assert_refused(answer: &str) {
    assert!(answer.contains("=failed: "), "{answer}");
}
