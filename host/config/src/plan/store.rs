//! `[store.NAME]`.

use crate::value::StoreName;
use std::path::PathBuf;

/// A key-value store that components may be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Its name, for services and in the log.
    pub name: StoreName,
    /// Where it is kept.
    pub kept: Kept,
    /// What its keys and values may have together, in bytes, with 64 more for each key.
    pub bytes_max: u64,
}

/// Where a store is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// In a file, for good; that of no other store.
    File(PathBuf),
    /// In memory, until the host ends.
    Memory,
}
