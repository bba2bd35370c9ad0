//! Opens files beneath a directory, and nothing else, whatever links are in it and whoever changes them meanwhile.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use tracing::debug;

/// The directory, as it is now.
pub(super) struct Root(imp::Directory);

/// What has a name beneath it.
pub(super) enum Found {
    File(Opened),
    Directory,
}

/// A regular file.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) bytes: u64,
    pub(super) modified: Option<SystemTime>,
}

impl Root {
    /// # Errors
    /// When it is not there, or the system fails.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        imp::Directory::open(directory).map(Self)
    }

    /// What these names lead to, each beneath the one before; none of them is `.`, `..` or has a separator in it. `None`
    /// where nothing is there that may be served: a link that leads out, or a device, is as good as nothing.
    ///
    /// # Errors
    /// When the system fails.
    pub(super) fn find(&self, names: &[String]) -> io::Result<Option<Found>> {
        let file = match self.0.beneath(names) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => {
                debug!(?names, %error, "not served");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Ok(Some(Found::Directory));
        }
        Ok(metadata.is_file().then(|| {
            Found::File(Opened {
                bytes: metadata.len(),
                modified: metadata.modified().ok(),
                file,
            })
        }))
    }
}

/// Errors that say something of the name, as opposed to the machine.
fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let kinds = [
        Kind::NotFound,
        Kind::NotADirectory,
        Kind::PermissionDenied,
        Kind::InvalidFilename,
        Kind::InvalidInput,
        // EXDEV: out of the directory.
        Kind::CrossesDevices,
    ];
    kinds.contains(&error.kind()) || imp::is_absent(error)
}

#[cfg(target_os = "linux")]
mod imp {
    use std::fs::{self, File};
    use std::io;
    use std::os::fd::{AsRawFd as _, OwnedFd};
    use std::path::Path;

    use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
    use rustix::io::Errno;

    pub(super) struct Directory(OwnedFd);

    impl Directory {
        pub(super) fn open(path: &Path) -> io::Result<Self> {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
        }

        pub(super) fn beneath(&self, names: &[String]) -> io::Result<File> {
            match self.resolve(names) {
                // Kernels before 5.6 do not know it, and some sandboxes do not let it through.
                Err(Errno::NOSYS | Errno::PERM) => self.beneath_by_name(names),
                opened => Ok(opened?.into()),
            }
        }

        fn resolve(&self, names: &[String]) -> Result<OwnedFd, Errno> {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            let path = relative(names);
            let mut tries = TRIES;
            loop {
                let opened = openat2(&self.0, &path, FLAGS, Mode::empty(), resolve);
                match opened {
                    // Something was renamed meanwhile.
                    Err(Errno::AGAIN) if tries > 1 => tries -= 1,
                    Err(Errno::INTR) => {}
                    opened => return opened,
                }
            }
        }

        /// The same without the kernel's help: what was opened is where it says that it is, and there it is looked at.
        pub(super) fn beneath_by_name(&self, names: &[String]) -> io::Result<File> {
            let file: File = openat(&self.0, relative(names), FLAGS, Mode::empty())?.into();
            let place = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}"));
            if place(file.as_raw_fd())?.starts_with(place(self.0.as_raw_fd())?) {
                Ok(file)
            } else {
                Err(io::ErrorKind::CrossesDevices.into())
            }
        }
    }

    fn relative(names: &[String]) -> String {
        if names.is_empty() {
            ".".to_owned()
        } else {
            names.join("/")
        }
    }

    pub(super) fn is_absent(error: &io::Error) -> bool {
        let about_names = [Errno::LOOP, Errno::NXIO, Errno::NODEV, Errno::AGAIN];
        let code = error.raw_os_error();
        about_names
            .iter()
            .any(|one| Some(one.raw_os_error()) == code)
    }

    // A pipe would wait for its writer, a terminal become ours.
    const FLAGS: OFlags = OFlags::RDONLY
        .union(OFlags::CLOEXEC)
        .union(OFlags::NONBLOCK)
        .union(OFlags::NOCTTY);
    const TRIES: usize = 8;
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::fs::{self, File};
    use std::io;
    use std::path::{Path, PathBuf};

    pub(super) struct Directory(PathBuf);

    impl Directory {
        pub(super) fn open(path: &Path) -> io::Result<Self> {
            path.canonicalize().map(Self)
        }

        /// Between the look and the opening somebody who may write to the directory could put a link there.
        pub(super) fn beneath(&self, names: &[String]) -> io::Result<File> {
            let path: PathBuf = names
                .iter()
                .fold(self.0.clone(), |path, name| path.join(name));
            let path = path.canonicalize()?;
            let metadata = fs::metadata(&path)?;
            if path.starts_with(&self.0) && (metadata.is_file() || metadata.is_dir()) {
                File::open(path)
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        }
    }

    pub(super) fn is_absent(_: &io::Error) -> bool {
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
            // What older kernels get.
            let by_name = root.0.beneath_by_name(&names(path));
            if expected.is_none() && !["pipe", "null"].contains(&path) {
                assert!(by_name.is_err(), "{path}");
            } else if expected.is_some() {
                assert!(by_name.is_ok(), "{path}");
            }
        }
        assert!(root.0.beneath_by_name(&names("null")).is_err());
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
                if let Ok(mut file) = root.0.beneath_by_name(&names("folder/b")) {
                    let mut text = String::new();
                    file.read_to_string(&mut text).unwrap();
                    assert_eq!(text, "b");
                }
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
