//! Opens files beneath a directory, and nothing else, whatever links are in it and whoever changes them meanwhile.
//!
//! cap-primitives does it: with `openat2` where there is one, step by step elsewhere, and without opening anything outside.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cap_primitives::ambient_authority;
use cap_primitives::fs::{self, FollowSymlinks, OpenOptions};
use tracing::debug;

/// The directory, as it is now.
pub(super) struct Root(File);

/// What has a name beneath it.
pub(super) enum Found {
    File(Opened),
    Directory,
}

/// A regular file.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) bytes: u64,
    pub(super) times: Times,
}

/// When a file changed last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Its content; whoever may write it can set this to whatever he likes, and so do `cp -p` and most deployments.
    pub(super) content: Option<SystemTime>,
    /// Anything about it, where the system tells: nobody sets that.
    pub(super) anything: Option<SystemTime>,
}

impl Root {
    /// # Errors
    /// When it is not there, or the system fails.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        fs::open_ambient_dir(directory, ambient_authority()).map(Self)
    }

    /// What these names lead to, each beneath the one before; none of them is `.`, `..` or has a separator in it. `None`
    /// where nothing is there that may be served: a link that leads out, or a device, is as good as nothing.
    ///
    /// # Errors
    /// When the system fails.
    pub(super) fn find(&self, names: &[String]) -> io::Result<Option<Found>> {
        match self.beneath(names) {
            Err(error) if is_absent(&error) => {
                debug!(?names, %error, "not served");
                Ok(None)
            }
            found => found,
        }
    }

    fn beneath(&self, names: &[String]) -> io::Result<Option<Found>> {
        if names.is_empty() {
            return Ok(Some(Found::Directory));
        }
        let path: PathBuf = names.iter().collect();
        // Looked at before it is opened: that of a pipe or a device is felt at its other end.
        let metadata = fs::stat(&self.0, &path, FollowSymlinks::Yes)?;
        if metadata.is_dir() {
            return Ok(Some(Found::Directory));
        }
        if !metadata.is_file() {
            return Ok(None);
        }
        let file = fs::open(&self.0, &path, &for_reading())?;
        let metadata = file.metadata()?;
        Ok(metadata.is_file().then(|| {
            Found::File(Opened {
                bytes: metadata.len(),
                times: Times::of(&metadata),
                file,
            })
        }))
    }
}

impl Times {
    fn of(metadata: &Metadata) -> Self {
        Self {
            content: metadata.modified().ok(),
            anything: changed(metadata),
        }
    }
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt as _;
    use std::time::{Duration, UNIX_EPOCH};

    let seconds = u64::try_from(metadata.ctime()).ok()?;
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).ok()?;
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> Option<SystemTime> {
    None
}

fn for_reading() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use cap_primitives::fs::OpenOptionsExt as _;
        use rustix::fs::OFlags;

        // What was put in its place meanwhile: a pipe would wait for its writer, a terminal become ours.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
        options.custom_flags(flags.cast_signed());
    }
    options
}

/// Errors that say something of the name, as opposed to the machine.
fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let kinds = [
        Kind::NotFound,
        Kind::NotADirectory,
        // Out of the directory, too.
        Kind::PermissionDenied,
        Kind::InvalidFilename,
        Kind::InvalidInput,
    ];
    kinds.contains(&error.kind()) || is_loop(error)
}

/// A link that leads to itself, or too many of them. (What the standard library calls it is not stable yet.)
fn is_loop(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP)
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::{fs, thread};

    use super::*;

    fn names(path: &str) -> Vec<String> {
        path.split('/').map(str::to_owned).collect()
    }

    fn content(found: Option<Found>) -> Option<String> {
        let Some(Found::File(mut opened)) = found else {
            return None;
        };
        let mut text = String::new();
        opened.file.read_to_string(&mut text).unwrap();
        Some(text)
    }

    /// `public` with links of every kind in it, and a `secret` beside it.
    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("public/sub")).unwrap();
        fs::create_dir_all(at("outside")).unwrap();
        fs::write(at("public/a"), "a").unwrap();
        fs::write(at("public/sub/b"), "b").unwrap();
        fs::write(at("outside/secret"), "secret").unwrap();
        for (link, target) in [
            ("public/inside", "sub/b".to_owned()),
            ("public/sub/up", "../a".to_owned()),
            ("public/folder", "sub".to_owned()),
            ("public/out", "../outside/secret".to_owned()),
            ("public/outdir", "../outside".to_owned()),
            ("public/up", "..".to_owned()),
            (
                "public/absolute",
                at("outside/secret").display().to_string(),
            ),
            ("public/chain", "out".to_owned()),
            ("public/loop", "loop".to_owned()),
            ("public/dangling", "nothing".to_owned()),
            ("public/root", "/proc/self/root".to_owned()),
            ("public/null", "/dev/null".to_owned()),
        ] {
            symlink(target, at(link)).unwrap();
        }
        let made = Command::new("mkfifo").arg(at("public/pipe")).status();
        assert!(made.unwrap().success());
        drop(UnixListener::bind(at("public/socket")).unwrap());
        folder
    }

    // hardening H27
    #[test]
    fn nothing_outside_is_opened_whatever_links_there_are() {
        let folder = tree();
        let root = Root::open(&folder.path().join("public")).unwrap();
        let cases = [
            ("a", Some("a")),
            ("sub/b", Some("b")),
            ("inside", Some("b")),
            ("folder/b", Some("b")),
            ("sub/up", Some("a")),
            ("out", None),
            ("outdir/secret", None),
            ("up/outside/secret", None),
            ("absolute", None),
            ("chain", None),
            ("loop", None),
            ("dangling", None),
            ("root/etc/passwd", None),
            ("null", None),
            ("pipe", None),
            ("socket", None),
            ("nothing", None),
            ("a/b", None),
        ];
        for (path, expected) in cases {
            let found = content(root.find(&names(path)).unwrap());
            assert_eq!(found.as_deref(), expected, "{path}");
        }
        assert!(matches!(root.find(&[]), Ok(Some(Found::Directory))));
        assert!(matches!(
            root.find(&names("folder")),
            Ok(Some(Found::Directory))
        ));
        assert!(root.find(&["x".repeat(300)]).unwrap().is_none());
    }

    // hardening H27
    #[test]
    fn a_directory_that_becomes_a_link_meanwhile_leads_nowhere() {
        let folder = tree();
        let at = |path: &str| folder.path().join(path);
        fs::write(at("outside/b"), "secret").unwrap();
        fs::rename(at("public/sub"), at("public/real")).unwrap();
        fs::remove_file(at("public/folder")).unwrap();
        let root = Root::open(&at("public")).unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                for (turn, target) in ["real", "../outside"].iter().cycle().enumerate() {
                    if turn == 4000 || done.load(Ordering::Relaxed) {
                        return;
                    }
                    let new = at("new");
                    symlink(target, &new).unwrap();
                    fs::rename(new, at("public/folder")).unwrap();
                }
            });
            for _ in 0..4000 {
                let found = content(root.find(&names("folder/b")).unwrap());
                assert!(matches!(found.as_deref(), None | Some("b")), "{found:?}");
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
