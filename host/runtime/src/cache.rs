//! Compiled components on disk.
//!
//! A file in the cache is machine code that will run with all the host's rights. So the directory must
//! be ours alone, else it is not used at all; and a file's name says exactly what it was made from.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::Digest;
use crate::precompiled;

/// The cache of one engine.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    /// Of the engine: code that one engine made does not run in another.
    compatibility: Digest,
}

impl Cache {
    pub(crate) fn new(directory: PathBuf, engine: &Engine) -> Self {
        let mut hasher = Sha256Hasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self {
            directory,
            compatibility: Digest(hasher.0.finalize().into()),
        }
    }

    /// Where it is, if it is there already.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The compiled component of these bytes, if the cache has it and may be trusted.
    pub(crate) fn load(&self, engine: &Engine, wasm: &Digest) -> Option<Component> {
        let file = self.file(wasm);
        if !file.exists() {
            return None;
        }
        if let Err(reason) = self.check(&file) {
            self.warn(&reason);
            return None;
        }
        match precompiled::load(engine, &file) {
            Ok(component) => Some(component),
            Err(e) => {
                tracing::warn!(
                    file = %file.display(),
                    "a cached component is damaged and is compiled again: {e:#}"
                );
                let _ = fs::remove_file(&file);
                None
            }
        }
    }

    /// Keeps a compiled component. That it cannot is the operator's business, not the caller's.
    pub(crate) fn store(&self, wasm: &Digest, component: &Component) {
        let stored = self.prepare().and_then(|()| {
            let code = component.serialize().map_err(|e| format!("{e:#}"))?;
            self.write(&self.file(wasm), &code)
                .map_err(|e| e.to_string())
        });
        if let Err(reason) = stored {
            self.warn(&reason);
        }
    }

    fn file(&self, wasm: &Digest) -> PathBuf {
        self.directory
            .join(format!("{wasm}-{}.cwasm", self.compatibility))
    }

    /// Makes the directory if it is missing.
    fn prepare(&self) -> Result<(), String> {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory);
        made.map_err(|e| e.to_string())?;
        check_directory(&self.directory)
    }

    fn check(&self, file: &Path) -> Result<(), String> {
        check_directory(&self.directory)?;
        let metadata = fs::symlink_metadata(file).map_err(|e| e.to_string())?;
        if !metadata.is_file() {
            return Err(format!("{} is not a regular file", file.display()));
        }
        check_owner(file, &metadata, 0o022)
    }

    /// Whole or not at all, also across a crash.
    fn write(&self, file: &Path, code: &[u8]) -> io::Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.{}-{number}.tmp", self.compatibility, std::process::id());
        let temporary = self.directory.join(name);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|mut out| {
                out.write_all(code)?;
                out.sync_all()
            })
            .and_then(|()| fs::rename(&temporary, file));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written?;
        File::open(&self.directory)?.sync_all()
    }

    fn warn(&self, reason: &str) {
        tracing::warn!(
            directory = %self.directory.display(),
            "the cache of compiled components is not used: {reason}"
        );
    }
}

fn check_directory(directory: &Path) -> Result<(), String> {
    let metadata = fs::symlink_metadata(directory).map_err(|e| e.to_string())?;
    if metadata.is_symlink() {
        return Err("it is a symbolic link; name the directory itself".into());
    }
    if !metadata.is_dir() {
        return Err("it is not a directory".into());
    }
    check_owner(directory, &metadata, 0o077)
}

/// That it belongs to the host's user, and that others have none of these rights.
fn check_owner(path: &Path, metadata: &Metadata, others: u32) -> Result<(), String> {
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user {
        return Err(format!(
            "{} belongs to user {}, not to the host's user {user}",
            path.display(),
            metadata.uid()
        ));
    }
    if metadata.mode() & others != 0 {
        return Err(format!(
            "{} has mode {:04o}: other users reach it; `chmod go= {0}` if nobody has used that",
            path.display(),
            metadata.mode() & 0o7777,
        ));
    }
    Ok(())
}

/// The engine only tells its identity to a `Hasher`; 64 bits of one would be few.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest: [u8; 32] = self.0.clone().finalize().into();
        digest
            .iter()
            .take(8)
            .fold(0, |n, byte| n << 8 | u64::from(*byte))
    }
}
