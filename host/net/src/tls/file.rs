//! Reading the files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::fault::{Fault, Unusable};

/// The whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Unusable> {
    let fault = |error| Unusable::new(path, Fault::Unreadable(error));
    let mut bytes = Vec::new();
    open(path)
        .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(fault)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= BYTES_MAX) {
        Ok(bytes)
    } else {
        Err(Unusable::new(path, Fault::TooLong))
    }
}

/// Looks at it before it is opened: a pipe would wait for its writer, and some devices never end.
fn open(path: &Path) -> io::Result<File> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    File::open(path)
}

/// Whether users who are neither its owner nor in its group may read a file.
#[cfg(unix)]
pub(super) fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
pub(super) fn is_readable_by_others(_: &Path) -> bool {
    false
}

/// A hundred times a long chain.
const BYTES_MAX: u64 = 1 << 20;
