//! What `wasket check` tells, for people and for programs: each `FILE.txt` and `FILE.json` is what it says of a file beside it.
//! `WASKET_WRITE=1 cargo xtask test check` writes them anew; read them before committing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::host::run;

// hardening H29
#[test]
fn everything_is_told_before_anything_runs() {
    let cases = [("good.wat", 0), ("missing.wat", 1), ("wasket.toml", 1)];
    for (file, code) in cases {
        is_told(file, code, &[], "txt");
        is_told(file, code, &["--json"], "json");
    }
}

fn is_told(file: &str, code: i32, options: &[&str], kind: &str) {
    let path = folder().join(file);
    let arguments = [&["check", path.to_str().unwrap()], options].concat();
    let (ended, out, err) = run(&arguments);
    assert_eq!(ended, Some(code), "{arguments:?}: {err}");
    let told = plain(&out);
    let transcript = path.with_extension(kind);
    if std::env::var_os("WASKET_WRITE").is_some() {
        fs::write(&transcript, &told).unwrap();
    }
    let expected = fs::read_to_string(&transcript).unwrap();
    assert_eq!(told, expected, "{}", transcript.display());
}

/// The same wherever the project lies, and whatever code the machine has.
fn plain(told: &str) -> String {
    let folder = format!("{}/", folder().display());
    let lines = told.lines().map(|line| {
        let is_code = line.contains("when it is compiled") || line.contains("\"compiled_bytes\"");
        let line = line.replace(&folder, "");
        match line
            .split_once(|c: char| c.is_ascii_digit())
            .filter(|_| is_code)
        {
            Some((before, rest)) => {
                let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{before}SIZE{rest}\n")
            }
            None => line + "\n",
        }
    });
    lines.collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/check")
}
