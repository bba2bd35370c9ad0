use crate::Principal;

/// Optional: know users for the host's HTTP authentication. Not tied to a [`Behavior`](crate::Behavior): a component
/// may be nothing else.
///
/// ```
/// use wasket_guest::{Credentials, Principal, Secret};
///
/// struct Login;
///
/// impl Credentials for Login {
///     fn find(_realm: &str, name: &str) -> Option<(Secret, Principal)> {
///         let hash = wasket_guest::config::get(name)?;
///         Some((Secret::Hashed(hash), Principal::new(name)))
///     }
/// }
///
/// wasket_guest::export!(Login as Credentials);
/// # fn main() {}
/// ```
///
/// Each lookup has an instance of its own, with the time of one event. A trap lets nobody in and counts as a failed
/// login; so does a secret that the host cannot use, or a principal without a name or of more than 16 KiB. Where there
/// is no such user the host takes as long to refuse as for the user that was found last; how long `find` takes is the
/// component's.
pub trait Credentials {
    /// The secret of this name, which is whatever a client wrote, and who that is then. `None`: there is no such user.
    fn find(realm: &str, name: &str) -> Option<(Secret, Principal)>;
}

/// What is kept of a password. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The password itself.
    Plain(String),
    /// bcrypt or a PHC string (argon2): Basic only.
    Hashed(String),
    /// Hex of MD5(name ":" realm ":" password), for Digest.
    DigestMd5(String),
    /// Hex of SHA-256(name ":" realm ":" password), for Digest.
    DigestSha256(String),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Hashed(_) => "Hashed",
            Self::DigestMd5(_) => "DigestMd5",
            Self::DigestSha256(_) => "DigestSha256",
        })
    }
}
