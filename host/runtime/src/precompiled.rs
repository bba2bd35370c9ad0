//! The one place with unsafe code: machine code from the cache is mapped and believed.

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps a compiled component.
///
/// The caller is [`cache`](crate::cache) alone, which has checked that the file and its directory belong to
/// the host's user and that nobody else may write them.
#[expect(
    unsafe_code,
    reason = "the cache is what makes a JavaScript component load in 1 ms instead of 10 s"
)]
pub(crate) fn load(engine: &Engine, file: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the bytes must be what this engine's `Component::serialize` gave, and must not change while
    // they are mapped. Only the host's user can write the file (mode 0600 in a directory of mode 0700, both
    // owned by that user, neither a symbolic link; checked by the caller just now), and everything that
    // runs as this user and writes there is this module's caller: it writes a temporary file, syncs it and
    // renames it, so that a file with a final name is complete and is never written again, only unlinked or
    // replaced. The name carries the hash of the engine's version and settings, and wasmtime checks them once
    // more in the file's header. Guests are never given this directory.
    unsafe { Component::deserialize_file(engine, file) }
}
