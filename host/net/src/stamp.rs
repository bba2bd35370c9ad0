use std::fs::{self, Metadata};
use std::path::Path;
use std::time::SystemTime;

/// What shows that a file has changed, without reading it: two that differ are of different versions of it. On Unix a
/// file that was put in its place, or whose times were set back, has another one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(Option<Look>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    modified: SystemTime,
    bytes: u64,
    identity: Identity,
}

impl Stamp {
    /// A file that is not there has a stamp too.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let look = |metadata: Metadata| {
            Some(Look {
                modified: metadata.modified().ok()?,
                bytes: metadata.len(),
                identity: identity(&metadata),
            })
        };
        Self(fs::metadata(path).ok().and_then(look))
    }
}

/// Which file it is, and when anything about it changed last, in seconds and nanoseconds.
#[cfg(unix)]
type Identity = (u64, u64, i64, i64);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    (metadata.dev(), metadata.ino(), changed.0, changed.1)
}

#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_file_in_the_place_of_another_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["one", "other"].map(|name| folder.path().join(name));
        let none = Stamp::of(&path);
        let write = |path: &Path, text: &str| {
            fs::write(path, text).unwrap();
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        };
        write(&path, "one");
        let one = Stamp::of(&path);
        assert_ne!(one, none);
        assert_eq!(one, Stamp::of(&path));
        // As long, and as old.
        write(&other, "two");
        fs::rename(&other, &path).unwrap();
        assert_ne!(one, Stamp::of(&path));
    }
}
