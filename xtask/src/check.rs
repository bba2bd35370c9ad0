//! Formatting, lints and documentation.

use crate::arguments::Arguments;
use crate::guests::{self, TARGET};
use crate::step::Step;
use crate::tree;
use anyhow::{Context, Result};

/// `cargo xtask check`. The quick ones come first; none of them compiles a dependency to machine code.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    arguments.finish()?;
    guests::add_target()?;
    Step::cargo("fmt --all --check")
        .run()
        .context("formatting; `cargo fmt --all` mends it")?;
    guests::cargo("fmt --check")
        .run()
        .context("formatting; `cargo fmt` in guests/ mends it")?;
    Step::cargo("fmt --check")
        .within(tree::root().join("tests/fuzz"))
        .run()
        .context("formatting; `cargo fmt` in tests/fuzz mends it")?;
    Step::cargo("fmt --check")
        .within(tree::root().join("tests/load"))
        .run()
        .context("formatting; `cargo fmt` in tests/load mends it")?;
    Step::cargo("clippy --workspace --all-targets -- -D warnings")
        .run()
        .context("clippy")?;
    // What is off unless asked for: only looked at, as with it wasmtime would be built anew.
    let pfx = "clippy --package wasket --package wasket-net --features wasket/pfx --all-targets";
    Step::cargo(pfx)
        .args(["--", "-D", "warnings"])
        .run()
        .context("clippy of PKCS#12")?;
    // As components, and with their tests, which run natively.
    for line in [
        format!("clippy --workspace --target {TARGET}"),
        "clippy --workspace --all-targets".to_owned(),
    ] {
        guests::cargo(&line)
            .args(["--", "-D", "warnings"])
            .run()
            .context("clippy of the guests")?;
    }
    Step::cargo("clippy --locked --all-targets -- -D warnings")
        .within(tree::root().join("tests/load"))
        .env("CARGO_TARGET_DIR", tree::target()?.join("load/rust"))
        .run()
        .context("clippy of the servers in tests/load")?;
    Step::cargo("doc --workspace --no-deps --document-private-items")
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
        .context("rustdoc")
}
