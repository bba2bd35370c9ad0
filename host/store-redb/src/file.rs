//! The file: found, made, and refused.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, StorageError};

use crate::synced::{Synced, Unsynced};
use crate::table;

/// Why a file cannot be used, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct NotOpen {
    what: String,
}

impl NotOpen {
    pub(crate) fn because(what: &str) -> Self {
        Self {
            what: what.to_owned(),
        }
    }

    pub(crate) fn foreign() -> Self {
        Self::because(
            "is a database of something else, or of a newer version: name another file, or none that is there yet",
        )
    }
}

/// Called before a file is repaired.
pub(crate) type Repairing = Arc<dyn Fn() + Send + Sync>;

/// Opens the file, and makes it where there is none.
pub(crate) fn open(
    path: &Path,
    unsynced: &Unsynced,
    repairing: &Repairing,
) -> Result<Database, NotOpen> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path)?,
        _ => {}
    }
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.and_then(not_empty);
    let disk = file.map_err(|error| DatabaseError::Storage(StorageError::Io(error)));
    disk.and_then(FileBackend::new)
        .and_then(|disk| {
            let disk = Synced::new(disk, unsynced);
            telling(repairing).create_with_backend(disk)
        })
        .map_err(|error| not_open(&error))
}

/// An empty file would be taken for a new one.
fn not_empty(file: File) -> io::Result<File> {
    match file.metadata()?.len() {
        0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty")),
        _ => Ok(file),
    }
}

/// Makes the file under another name first: a crash in the middle leaves none that looks damaged. Linking it, unlike
/// renaming, leaves one alone that somebody else has made meanwhile.
fn make(path: &Path) -> Result<(), NotOpen> {
    let new = new_name(path);
    let io = |error: io::Error| NotOpen::because(&format!("cannot be made: {error}"));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    own_file(&new).map_err(io)?;
    let database = builder().create(&new).map_err(|error| not_open(&error))?;
    table::prepare(&database)?;
    database.close().map_err(|error| not_open(&error))?;
    match fs::hard_link(&new, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // Not every file system has links.
            fs::rename(&new, path).map_err(io)?;
        }
        _ => fs::remove_file(&new).map_err(io)?,
    }
    // The name has to be as durable as what is in the file.
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
    let directory = File::open(directory.unwrap_or(Path::new(".")));
    directory.and_then(|it| it.sync_all()).map_err(io)
}

fn new_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// An empty file that only its owner may read and write.
fn own_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// The database tells how far it is, again and again.
fn telling(repairing: &Repairing) -> Builder {
    let (repairing, told) = (Arc::clone(repairing), Cell::new(false));
    let mut builder = builder();
    builder.set_repair_callback(move |_| {
        if !told.replace(true) {
            repairing();
        }
    });
    builder
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn not_open(error: &DatabaseError) -> NotOpen {
    NotOpen::because(&match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            "is open in another process, or by another store of this one, and only one may have it: end that, or name another file"
                .to_owned()
        }
        DatabaseError::UpgradeRequired(_) => {
            "is of an older version of its format: name another file".to_owned()
        }
        DatabaseError::Storage(StorageError::Io(error)) => match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                format!(
                    "is no database, or a damaged one ({error}): move it away, and put a copy of yours in its place"
                )
            }
            _ => format!("cannot be opened: {error}"),
        },
        DatabaseError::Storage(StorageError::Corrupted(what)) => {
            format!("is damaged ({what}): move it away, and put a copy of yours in its place")
        }
        error => format!("cannot be opened: {error}"),
    })
}

/// What is kept of a file in memory.
const CACHE_BYTES: usize = 32 << 20;
