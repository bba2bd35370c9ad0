//! What a component is granted beside what it may connect to.

use crate::value::{GuestPath, SocketRange};
use std::path::PathBuf;

/// Nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Directories that it sees, in the order of the file; no two at the same path, 64 at most.
    pub directories: Vec<Directory>,
    /// Environment variables, in the order of the file; 32 KiB at most.
    pub environment: Vec<(String, String)>,
    /// Variables of the host's own environment that it has too, none of them one of `environment`; 64 at most.
    pub environment_from: Vec<String>,
    /// What it may reach through `wasi:sockets`; 256 at most.
    pub sockets: Vec<SocketRange>,
}

/// A directory that a component sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where.
    pub path: GuestPath,
    /// Which.
    pub directory: PathBuf,
    /// Whether it may change what is in it.
    pub writable: bool,
}
