//! What is kept of a password.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcrypt::HashParts;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

use crate::digest::{Algorithm, unhex};

/// What is kept of a user's password. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Secret(Kept);

#[derive(Clone)]
enum Kept {
    Plain(Box<str>),
    Bcrypt(Box<str>),
    Argon2(Box<PasswordHash>),
    Sha1([u8; 20]),
    Keys {
        md5: Option<Box<str>>,
        sha256: Option<Box<str>>,
    },
}

/// The operator's (or the component's) mistake: this is kept of no password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The password itself.
    #[error("a plain password; hash it: `htpasswd -B` writes bcrypt")]
    Plain,
    /// What `crypt` makes.
    #[error("a hash of crypt(3), which is not supported; use bcrypt: `htpasswd -B`")]
    Crypt,
    /// Apache's own.
    #[error("a hash of Apache's MD5 (`$apr1$`), which is too weak; use bcrypt: `htpasswd -B`")]
    Apr1,
    /// Begins like a hash and is none.
    #[error("not a whole bcrypt, argon2 or {{SHA}} hash")]
    Broken,
    /// Verifying it once would take too long.
    #[error(
        "a hash that takes too long: at most cost 15 of bcrypt, and 256 MiB, 16 passes and 16 lanes of argon2"
    )]
    Cost,
    /// Not the hexadecimal digits of H(name ":" realm ":" password).
    #[error("not 32 (MD5) or 64 (SHA-256) hexadecimal digits, as `htdigest` writes them")]
    Key,
}

impl Secret {
    /// The password itself. For sources that keep it safe by other means: no file has it.
    #[must_use]
    pub fn plain(password: &str) -> Self {
        Self(Kept::Plain(password.into()))
    }

    /// A hash in its text form: bcrypt (`$2a$`, `$2b$`, `$2y$`), a PHC string of argon2, or `{SHA}`. Basic only.
    ///
    /// # Errors
    /// When it is none of them, or would take too long to verify.
    pub fn hash(text: &str) -> Result<Self, SecretError> {
        if ["$2a$", "$2b$", "$2y$"]
            .iter()
            .any(|it| text.starts_with(it))
        {
            let parts: HashParts = text.parse().map_err(|_| SecretError::Broken)?;
            if text.len() != BCRYPT_BYTES {
                return Err(SecretError::Broken);
            }
            let fits = (4..=BCRYPT_COST_MAX).contains(&parts.get_cost());
            return fits
                .then(|| Self(Kept::Bcrypt(text.into())))
                .ok_or(SecretError::Cost);
        }
        if text.starts_with("$argon2") {
            return argon2(text);
        }
        if let Some(digest) = text.strip_prefix("{SHA}") {
            let digest = STANDARD.decode(digest).map_err(|_| SecretError::Broken)?;
            let digest = digest.try_into().map_err(|_| SecretError::Broken)?;
            return Ok(Self(Kept::Sha1(digest)));
        }
        Err(no_hash(text))
    }

    /// Hexadecimal digits of H(name ":" realm ":" password): 32 for MD5, 64 for SHA-256.
    ///
    /// # Errors
    /// When it is neither.
    pub fn key(digits: &str) -> Result<(Self, Algorithm), SecretError> {
        let key = || Some(digits.to_ascii_lowercase().into());
        match unhex(digits).as_deref().map(<[u8]>::len) {
            Some(16) => {
                let (md5, sha256) = (key(), None);
                Ok((Self(Kept::Keys { md5, sha256 }), Algorithm::Md5))
            }
            Some(32) => {
                let (md5, sha256) = (None, key());
                Ok((Self(Kept::Keys { md5, sha256 }), Algorithm::Sha256))
            }
            _ => Err(SecretError::Key),
        }
    }

    /// Adds the key of another algorithm; `false` when there is one already.
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        let (Kept::Keys { md5, sha256 }, Kept::Keys { md5: m, sha256: s }) =
            (&mut self.0, &other.0)
        else {
            return false;
        };
        let twice = md5.is_some() && m.is_some() || sha256.is_some() && s.is_some();
        *md5 = md5.take().or_else(|| m.clone());
        *sha256 = sha256.take().or_else(|| s.clone());
        !twice
    }

    /// Whether Digest can be computed with this algorithm.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        match (&self.0, algorithm) {
            (Kept::Plain(_), _) => true,
            (Kept::Keys { md5, .. }, Algorithm::Md5) => md5.is_some(),
            (Kept::Keys { sha256, .. }, Algorithm::Sha256) => sha256.is_some(),
            _ => false,
        }
    }

    /// Whether verifying a password takes milliseconds rather than microseconds, on purpose: not for a thread that
    /// others wait for.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        matches!(self.0, Kept::Bcrypt(_) | Kept::Argon2(_))
    }

    /// H(name ":" realm ":" password), if it is kept or can be computed.
    pub(crate) fn key_for(&self, algorithm: Algorithm, name: &str, realm: &str) -> Option<String> {
        match (&self.0, algorithm) {
            (Kept::Plain(password), _) => Some(algorithm.key(name, realm, password)),
            (Kept::Keys { md5, .. }, Algorithm::Md5) => md5.as_deref().map(str::to_owned),
            (Kept::Keys { sha256, .. }, Algorithm::Sha256) => sha256.as_deref().map(str::to_owned),
            _ => None,
        }
    }

    /// Whether this is the password. Takes the same time whatever differs.
    pub(crate) fn is(&self, name: &str, realm: &str, password: &str) -> bool {
        match &self.0 {
            Kept::Plain(kept) => {
                let hash = |text: &str| Sha1::digest(text.as_bytes());
                // Hashed first, so that the length shows in no time either.
                hash(kept).ct_eq(&hash(password)).into()
            }
            // Of a longer password bcrypt takes the first 72 bytes, here as in Apache.
            Kept::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Kept::Argon2(hash) => Argon2::default()
                .verify_password(password.as_bytes(), &**hash)
                .is_ok(),
            Kept::Sha1(digest) => Sha1::digest(password.as_bytes())
                .as_slice()
                .ct_eq(digest)
                .into(),
            Kept::Keys { md5, sha256 } => {
                let (algorithm, kept) = match (sha256, md5) {
                    (Some(kept), _) => (Algorithm::Sha256, kept),
                    (None, Some(kept)) => (Algorithm::Md5, kept),
                    (None, None) => return false,
                };
                let key = algorithm.key(name, realm, password);
                key.as_bytes().ct_eq(kept.as_bytes()).into()
            }
        }
    }
}

fn argon2(text: &str) -> Result<Secret, SecretError> {
    let hash = PasswordHash::new(text).map_err(|_| SecretError::Broken)?;
    let params = Params::try_from(&hash).map_err(|_| SecretError::Broken)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(SecretError::Broken);
    }
    let fits = params.m_cost() <= ARGON2_KIB_MAX
        && params.t_cost() <= ARGON2_PASSES_MAX
        && params.p_cost() <= ARGON2_LANES_MAX;
    fits.then(|| Secret(Kept::Argon2(Box::new(hash))))
        .ok_or(SecretError::Cost)
}

/// What text is that is no hash we take.
fn no_hash(text: &str) -> SecretError {
    let of_crypt = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/');
    if text.starts_with("$apr1$") {
        SecretError::Apr1
    } else if text.starts_with("$2") || text.starts_with('{') {
        SecretError::Broken
    } else if text.starts_with('$') || text.len() == 13 && text.bytes().all(of_crypt) {
        SecretError::Crypt
    } else {
        SecretError::Plain
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kept::Plain(_) => "Secret(plain)",
            Kept::Bcrypt(_) => "Secret(bcrypt)",
            Kept::Argon2(_) => "Secret(argon2)",
            Kept::Sha1(_) => "Secret(sha)",
            Kept::Keys { .. } => "Secret(digest)",
        })
    }
}

const BCRYPT_BYTES: usize = 60;
/// About two seconds.
const BCRYPT_COST_MAX: u32 = 15;
const ARGON2_KIB_MAX: u32 = 256 << 10;
const ARGON2_PASSES_MAX: u32 = 16;
const ARGON2_LANES_MAX: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_other_programs_verify() {
        // Made with Python's bcrypt, argon2-cffi and hashlib.
        for (hash, password) in HASHES {
            let secret = Secret::hash(hash).unwrap();
            assert!(secret.is("ada", "realm", password), "{hash}");
            assert!(!secret.is("ada", "realm", "Circle of life"), "{hash}");
            assert!(!secret.is("ada", "realm", ""), "{hash}");
            assert!(!secret.serves(Algorithm::Md5), "{hash}");
            assert!(!format!("{secret:?}").contains(hash));
        }
    }

    const HASHES: [(&str, &str); 3] = [
        (
            "$2y$04$9NG3JcnaG7R6Iex1W3lORu8Q3oTuOrGi1jBb887SmFIRqWxtovvVq",
            "Circle of Life",
        ),
        (
            "$argon2id$v=19$m=64,t=1,p=1$awt0C/Jts+3LN68vTotIcg$0sEnqv65uoWOKKwkwPXBFbp7Chhp/v/FaB+viWOWaU4",
            "Circle of Life",
        ),
        ("{SHA}y/waJdy9m/a+D8VTRQ/e2awAzpQ=", "Circle of Life"),
    ];

    #[test]
    fn keys_and_plain_passwords_serve_both_schemes() {
        let (mut keys, algorithm) = Secret::key("3d78807defe7de2157e2b0b6573a855f").unwrap();
        assert_eq!(algorithm, Algorithm::Md5);
        let realm = "http-auth@example.org";
        assert!(keys.is("Mufasa", realm, "Circle of Life"));
        assert!(!keys.is("Mufasa", "other", "Circle of Life"));
        let sha256 = Algorithm::Sha256.key("Mufasa", realm, "Circle of Life");
        let (other, algorithm) = Secret::key(&sha256.to_uppercase()).unwrap();
        assert_eq!(algorithm, Algorithm::Sha256);
        assert!(!keys.serves(Algorithm::Sha256));
        assert!(keys.join(&other) && !keys.join(&other));
        let plain = Secret::plain("Circle of Life");
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let key = |secret: &Secret| secret.key_for(algorithm, "Mufasa", realm);
            assert_eq!(key(&keys), key(&plain));
        }
        assert!(plain.is("", "", "Circle of Life") && !plain.is("", "", "Circle of Lif"));
    }

    // hardening H30
    #[test]
    fn what_is_no_hash_is_named() {
        let salt = "$2y$16$abcdefghijklmnopqrstuuO2BVfBqVd9fVzuOWoZS6yiwAvuVi4eW";
        for (text, error) in [
            ("secret", SecretError::Plain),
            ("", SecretError::Plain),
            ("rqXexS6ZhobKA", SecretError::Crypt),
            ("$6$salt$hash", SecretError::Crypt),
            ("$apr1$salt$hash", SecretError::Apr1),
            ("$2y$05$short", SecretError::Broken),
            ("$2x$05$abcdefghijklmnopqrstuu", SecretError::Broken),
            ("{SHA}AAAA", SecretError::Broken),
            ("{SSHA}AAAA", SecretError::Broken),
            ("$argon2id$v=19$m=65536", SecretError::Broken),
            (
                "$argon2id$v=19$m=999999999,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo",
                SecretError::Cost,
            ),
            (salt, SecretError::Cost),
        ] {
            assert_eq!(Secret::hash(text).err(), Some(error), "{text}");
        }
        for digits in ["", "0", &"0".repeat(31), &"0".repeat(33), &"g".repeat(64)] {
            assert_eq!(Secret::key(digits).err(), Some(SecretError::Key));
        }
    }
}
