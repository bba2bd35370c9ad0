//! Where things are in the repository and on the machine.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    // xtask runs where it was built; its own folder is one below the root.
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// The example components' own workspace.
pub(crate) fn guests() -> PathBuf {
    root().join("guests")
}

/// Where the built example components are: the path that guests/demo.toml counts on.
pub(crate) fn guests_built() -> PathBuf {
    guests().join("target/wasm32-wasip2/release")
}

/// A folder below `.cache/`, made if it is missing.
pub(crate) fn cache(name: &str) -> Result<PathBuf> {
    let folder = root().join(".cache").join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}

/// Cargo's target folder, wherever cargo was told to have it: this program lies in its `debug`.
pub(crate) fn target() -> Result<PathBuf> {
    let program = std::env::current_exe().context("finding this program")?;
    let target = program
        .parent()
        .and_then(Path::parent)
        .context("finding the target folder")?;
    Ok(target.to_owned())
}

/// A program on the search path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
