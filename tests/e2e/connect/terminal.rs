//! On a terminal, which Python makes.

use std::path::Path;
use std::process::{Command, Stdio};

use super::host;
use crate::host::wasket;

// parity W13
#[test]
#[ignore = "foreign: needs python3"]
fn a_terminal_has_lines_history_and_its_modes_back() {
    let host = host();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/connect/terminal.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(wasket())
        .arg(format!("{}?timer=send:ti%1B%5B31mck", host.url("probe")))
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("connect-terminal"))
        .stdin(Stdio::null())
        .output()
        .expect("python3 is needed: `apt install python3` on Debian");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
