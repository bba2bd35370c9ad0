//! Directories that guests see.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wasmtime_wasi::filesystem::WasiFilesystemCtx;
use wasmtime_wasi::{FsPerms, WasiCtx};

use crate::Error;

/// A directory of the host that guests see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Where they find it.
    pub path: String,
    /// Which it is.
    pub directory: PathBuf,
    /// Whether they may change what is in it.
    pub writable: bool,
}

/// Opens them for all instances. No call of a guest that waits for them keeps a worker: it waits on a thread for such.
pub(super) fn open(
    directories: &[Directory],
    cache: Option<&Path>,
) -> Result<WasiFilesystemCtx, Error> {
    let mut builder = WasiCtx::builder();
    for wanted in directories {
        let unusable = |what: String| Error::Directory {
            directory: wanted.directory.clone(),
            what,
        };
        // What was looked at is what is opened.
        let real = wanted.directory.canonicalize();
        let real = real.map_err(|error| unusable(error.to_string()))?;
        if cache.is_some_and(|cache| share_files(&real, cache)) {
            return Err(unusable(SHARED.to_owned()));
        }
        let perms = match wanted.writable {
            true => FsPerms::ReadWrite,
            false => FsPerms::ReadOnly,
        };
        builder
            .preopened_dir(&real, &wanted.path, perms)
            .map_err(|error| unusable(format!("{error:#}")))?;
    }
    Ok(builder.build().filesystem().clone())
}

/// Whether one of two directories is, holds or lies in the other, whatever links lead there. They need not exist.
#[must_use]
pub fn share_files(one: &Path, other: &Path) -> bool {
    match (real(one), real(other)) {
        (Ok(one), Ok(other)) => one.starts_with(&other) || other.starts_with(&one),
        // What cannot be looked at cannot be told apart.
        _ => true,
    }
}

/// Without links, as far as it exists.
fn real(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut missing: Vec<OsString> = Vec::new();
    let mut there = path.as_path();
    loop {
        match fs::canonicalize(there) {
            Ok(real) => {
                return Ok(missing
                    .iter()
                    .rev()
                    .fold(real, |real, name| real.join(name)));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(error) => {
                let (Some(parent), Some(name)) = (there.parent(), there.file_name()) else {
                    return Err(error);
                };
                missing.push(name.to_owned());
                there = parent;
            }
        }
    }
}

const SHARED: &str = "it is, holds or lies in the host's cache of compiled components";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("wasket-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("cache/deep")).unwrap();
            fs::create_dir_all(path.join("cache-too")).unwrap();
            symlink(path.join("cache"), path.join("link")).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    // hardening H32
    #[test]
    fn a_directory_shares_nothing_with_the_cache() {
        let folder = Folder::new("shares");
        let at = |name: &str| folder.0.join(name);
        let cases = [
            ("cache", true),
            ("", true),
            ("cache/deep", true),
            ("link", true),
            ("link/deep", true),
            ("cache-too/../cache", true),
            ("cache-too", false),
            ("not-there", false),
            ("cache/not-there", true),
        ];
        for (name, shares) in cases {
            assert_eq!(share_files(&at(name), &at("cache")), shares, "{name}");
            assert_eq!(share_files(&at("link"), &at(name)), shares, "{name}");
        }
        // A cache that is not made yet, behind a link.
        assert!(share_files(&at("cache"), &at("link/new/one")));
        assert!(!share_files(&at("cache-too"), &at("link/new/one")));
    }

    // hardening H29 H32
    #[test]
    fn what_cannot_be_granted_is_not_opened() {
        let folder = Folder::new("opens");
        let open = |name: &str, cache: Option<&Path>| {
            let wanted = Directory {
                path: "/data".into(),
                directory: folder.0.join(name),
                writable: true,
            };
            open(&[wanted], cache).map(drop).map_err(|e| e.to_string())
        };
        let cache = folder.0.join("cache");
        assert_eq!(open("cache-too", Some(&cache)), Ok(()));
        assert_eq!(open("cache", None), Ok(()));
        let shared = open("link", Some(&cache)).unwrap_err();
        assert!(shared.contains("cache of compiled components"), "{shared}");
        let missing = open("not-there", None).unwrap_err();
        assert!(missing.contains("not-there"), "{missing}");
    }
}
