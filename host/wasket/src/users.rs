//! Users in files, read anew when the files change.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tracing::{error, info, warn};
use wasket_net::Stamp;
use wasket_session::auth::{Algorithm, FileMistake, Realm, RoleTable, Scheme, UserTable};
use wasket_session::{Found, Lookup, Principal, Users};

/// The users of one login, as their files say.
pub(crate) struct UserFiles {
    scheme: Scheme,
    realm: Realm,
    users: PathBuf,
    roles: Option<PathBuf>,
    known: RwLock<Arc<Known>>,
    watched: Mutex<Watched>,
}

struct Known {
    users: UserTable,
    roles: RoleTable,
}

/// What is made of looking at the files.
struct Watched {
    /// When they were looked at last.
    stamps: Vec<Stamp>,
    /// They are not those that were read.
    changed: bool,
    /// What is wrong with them, told once.
    told: Option<String>,
}

/// The operator's mistake in a file of users or roles.
#[derive(Debug)]
pub(crate) enum Unusable {
    Unread(PathBuf, io::Error),
    Mistake(PathBuf, FileMistake),
}

impl UserFiles {
    /// Reads the files for the first time.
    pub(crate) fn open(
        scheme: Scheme,
        realm: Realm,
        users: &Path,
        roles: Option<&Path>,
    ) -> Result<Self, Unusable> {
        // Before reading, here and below: what changes meanwhile is seen the next time.
        let stamps = stamps(users, roles);
        let known = Known::read(scheme, &realm, users, roles)?;
        warn_of_exposed(users);
        Ok(Self {
            known: RwLock::new(Arc::new(known)),
            scheme,
            realm,
            users: users.to_owned(),
            roles: roles.map(Path::to_owned),
            watched: Mutex::new(Watched {
                stamps,
                changed: false,
                told: None,
            }),
        })
    }

    /// Looks whether they have changed, and reads them when two looks in a row find the same: a file that is being
    /// written may read like one that is whole. What cannot be read is tried again; the log is told of everything once.
    pub(crate) fn look(&self) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = self.stamps();
        if stamps != watched.stamps {
            *watched = Watched {
                stamps,
                changed: true,
                told: None,
            };
        } else if watched.changed {
            let read = self.read();
            // Somebody writes again: then it is for the next look.
            if self.stamps() == stamps
                && let Err(why) = self.take(&mut watched, read)
                && watched.told.as_ref() != Some(&why.to_string())
            {
                error!("users stay as they were: {why}");
                watched.told = Some(why.to_string());
            }
        }
    }

    /// Reads them at once. What cannot be used changes nothing.
    pub(crate) fn reload(&self) -> Result<(), Unusable> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.stamps = self.stamps();
        let taken = self.take(&mut watched, self.read());
        watched.told = taken.as_ref().err().map(ToString::to_string);
        taken
    }

    fn read(&self) -> Result<Known, Unusable> {
        Known::read(self.scheme, &self.realm, &self.users, self.roles.as_deref())
    }

    fn take(&self, watched: &mut Watched, read: Result<Known, Unusable>) -> Result<(), Unusable> {
        // What is wrong in a file stays wrong until it is another.
        watched.changed = matches!(read, Err(Unusable::Unread(..)));
        let known = read?;
        let users = known.users.len();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        info!(file = %self.users.display(), users, "users were read anew");
        warn_of_exposed(&self.users);
        Ok(())
    }

    fn stamps(&self) -> Vec<Stamp> {
        stamps(&self.users, self.roles.as_deref())
    }

    fn known(&self) -> Arc<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known)
    }
}

impl Known {
    fn read(
        scheme: Scheme,
        realm: &Realm,
        users: &Path,
        roles: Option<&Path>,
    ) -> Result<Self, Unusable> {
        let mistake = |path: &Path| {
            let path = path.to_owned();
            |mistake| Unusable::Mistake(path, mistake)
        };
        let text = read(users)?;
        let table = match scheme {
            Scheme::Basic => UserTable::htpasswd(&text),
            Scheme::Digest => UserTable::htdigest(&text, realm),
        };
        let roles = match roles {
            Some(path) => RoleTable::parse(&read(path)?).map_err(mistake(path))?,
            None => RoleTable::default(),
        };
        Ok(Self {
            users: table.map_err(mistake(users))?,
            roles,
        })
    }

    fn find(&self, name: &str) -> Found {
        match self.users.find(name) {
            Some(secret) => Found::User(
                secret.clone(),
                Principal {
                    name: name.to_owned(),
                    roles: self.roles.of(name).to_vec(),
                    claims: Vec::new(),
                },
            ),
            None => Found::Nobody(self.users.decoy(name).cloned()),
        }
    }
}

impl Users for UserFiles {
    fn find<'a>(&'a self, _realm: &'a str, name: &'a str) -> Lookup<'a> {
        Box::pin(std::future::ready(Ok(self.known().find(name))))
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        match self.known().users.algorithms() {
            // Where nobody is known there is something to answer, too.
            [] => vec![Algorithm::Md5],
            known => known.to_vec(),
        }
    }
}

fn stamps(users: &Path, roles: Option<&Path>) -> Vec<Stamp> {
    let files = [Some(users), roles].into_iter().flatten();
    files.map(Stamp::of).collect()
}

fn warn_of_exposed(users: &Path) {
    if let Some(warning) = exposed(users) {
        warn!("{warning}");
    }
}

/// What to tell of a file of users that everybody on this machine can read.
pub(crate) fn exposed(users: &Path) -> Option<String> {
    let is_exposed = is_readable_by_others(users);
    is_exposed.then(|| {
        format!(
            "{} has hashes of passwords that every user of this machine can read: `chmod o-r` it",
            users.display()
        )
    })
}

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = path.metadata();
    metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

fn read(path: &Path) -> Result<String, Unusable> {
    let unread = |error| Unusable::Unread(path.to_owned(), error);
    let file = File::open(path).map_err(unread)?;
    let mut text = String::new();
    file.take(BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(unread)?;
    match u64::try_from(text.len()) {
        Ok(bytes) if bytes <= BYTES_MAX => Ok(text),
        _ => Err(unread(io::ErrorKind::FileTooLarge.into())),
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(path, error) => write!(f, "{}: cannot be read: {error}", path.display()),
            Self::Mistake(path, mistake) => {
                write!(f, "{}:{}: {mistake}", path.display(), mistake.line())
            }
        }
    }
}

/// A hundred thousand users with bcrypt. What is longer is another file given by mistake.
const BYTES_MAX: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H30
    #[test]
    fn what_cannot_be_used_changes_nothing() {
        let folder = std::env::temp_dir().join(format!("wasket-users-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let users = folder.join("users");
        let write = |text: &str| std::fs::write(&users, text).unwrap();
        let open = || UserFiles::open(Scheme::Basic, "r".parse().unwrap(), &users, None);
        write("ada:secret\n");
        let said = open().err().unwrap().to_string();
        assert_eq!(
            said,
            format!(
                "{}:1: a plain password; hash it: `htpasswd -B` writes bcrypt",
                users.display()
            )
        );
        const SHA: &str = "{SHA}y/waJdy9m/a+D8VTRQ/e2awAzpQ=";
        write(&format!("ada:{SHA}\n"));
        let files = open().unwrap();
        let known = |name: &str| matches!(files.known().find(name), Found::User(..));
        write("bob\n");
        files.look();
        files.look();
        assert!(known("ada") && !known("bob"));
        write(&format!("bob:{SHA}\nada:{SHA}\n"));
        files.look();
        assert!(known("ada") && !known("bob"), "it may be written further");
        // As it may be in the middle of writing it.
        write("");
        files.look();
        write(&format!("eve:{SHA}\nbob:{SHA}\n"));
        files.look();
        assert!(
            known("ada") && !known("bob"),
            "two looks found different ones"
        );
        files.look();
        assert!(known("eve") && known("bob") && !known("ada"));
        write(&format!("ada:{SHA}\n"));
        files.reload().unwrap();
        assert!(known("ada") && !known("eve"), "SIGHUP waits for nothing");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    // hardening H30
    #[test]
    fn what_cannot_be_read_is_tried_again_and_told_once() {
        let folder = std::env::temp_dir().join(format!("wasket-unread-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let users = folder.join("users");
        std::fs::write(&users, "").unwrap();
        let files = UserFiles::open(Scheme::Basic, "r".parse().unwrap(), &users, None).unwrap();
        let watched = || {
            let watched = files.watched.lock().unwrap();
            (watched.changed, watched.told.is_some())
        };
        std::fs::remove_file(&users).unwrap();
        files.look();
        assert_eq!(watched(), (true, false));
        files.look();
        assert_eq!(watched(), (true, true));
        std::fs::write(&users, "ada\n").unwrap();
        files.look();
        files.look();
        // This is what the file says: there is nothing to try again.
        assert_eq!(watched(), (false, true));
        std::fs::remove_file(&users).unwrap();
        assert!(files.reload().is_err());
        assert_eq!(watched(), (true, true));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
