//! Users in files, read anew when the files change.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use tracing::{error, info};
use wasket_session::auth::{Algorithm, FileMistake, Realm, RoleTable, Scheme, UserTable};
use wasket_session::{Found, Lookup, Principal, Users};

/// The users of one login, as their files say.
pub(crate) struct UserFiles {
    scheme: Scheme,
    realm: Realm,
    users: PathBuf,
    roles: Option<PathBuf>,
    known: RwLock<Arc<Known>>,
    /// What the files looked like when they were last read.
    seen: Mutex<Vec<Look>>,
}

struct Known {
    users: UserTable,
    roles: RoleTable,
}

/// What tells one version of a file from another without reading it.
type Look = Option<(SystemTime, u64)>;

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
        let looks = looks(users, roles);
        Ok(Self {
            known: RwLock::new(Arc::new(Known::read(scheme, &realm, users, roles)?)),
            scheme,
            realm,
            users: users.to_owned(),
            roles: roles.map(Path::to_owned),
            seen: Mutex::new(looks),
        })
    }

    /// Reads them again if they look other than before, and tells the log.
    pub(crate) fn refresh(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == looks(&self.users, self.roles.as_deref()) {
            return;
        }
        if let Err(why) = self.read_anew(&mut seen) {
            error!("users stay as they were: {why}");
        }
    }

    /// Reads them again, whatever they look like. What cannot be used changes nothing.
    pub(crate) fn reload(&self) -> Result<(), Unusable> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.read_anew(&mut seen)
    }

    fn read_anew(&self, seen: &mut Vec<Look>) -> Result<(), Unusable> {
        // Before reading: what changes meanwhile is seen the next time.
        *seen = looks(&self.users, self.roles.as_deref());
        let known = Known::read(self.scheme, &self.realm, &self.users, self.roles.as_deref())?;
        let users = known.users.len();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        info!(file = %self.users.display(), users, "users were read anew");
        Ok(())
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

fn looks(users: &Path, roles: Option<&Path>) -> Vec<Look> {
    let look = |path: &Path| {
        let metadata = path.metadata().ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    [Some(users), roles]
        .into_iter()
        .flatten()
        .map(look)
        .collect()
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
        files.refresh();
        assert!(known("ada") && !known("bob"));
        write(&format!("bob:{SHA}\nada:{SHA}\n"));
        files.refresh();
        assert!(known("ada") && known("bob"));
        std::fs::remove_file(&users).unwrap();
        assert!(files.reload().is_err());
        assert!(known("ada") && known("bob"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
