//! The example components.

use crate::arguments::Arguments;
use crate::step::Step;
use crate::tree;
use anyhow::{Context, Result};

/// The target that components are built for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// `cargo xtask guests`.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    arguments.finish()?;
    build()
}

/// Builds every example component.
pub(crate) fn build() -> Result<()> {
    add_target()?;
    cargo(&format!("build --release --target {TARGET}"))
        .run()
        .context("building the guests")
}

/// A cargo command in the guests' own workspace. Their target folder is fixed, since guests/demo.toml names it.
pub(crate) fn cargo(line: &str) -> Step {
    Step::cargo(line)
        .within(tree::guests())
        .env("CARGO_TARGET_DIR", tree::guests().join("target"))
}

/// Has rustup add the target, unless it is there.
pub(crate) fn add_target() -> Result<()> {
    let libraries = Step::new("rustc", ["--print", "target-libdir", "--target", TARGET]).output();
    if libraries.is_ok_and(|folder| std::path::Path::new(folder.trim()).is_dir()) {
        return Ok(());
    }
    Step::new("rustup", ["target", "add", TARGET]).run().with_context(|| {
        format!("adding the target {TARGET}; without rustup, install Rust's standard library for it by other means")
    })
}
