//! What is kept of a password.

use std::fmt;

use argon2::password_hash::{self, phc::PasswordHash};
use argon2::{Argon2, Params, PasswordVerifier as _, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcrypt::HashParts;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

use crate::HashLimits;
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
    #[error("a hash that takes too long: at most {0}")]
    Cost(HashLimits),
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
    /// When it is none of them, could be that of no password, or would take more than the limits to verify.
    pub fn hash(text: &str, limits: HashLimits) -> Result<Self, SecretError> {
        if ["$2a$", "$2b$", "$2y$"]
            .iter()
            .any(|it| text.starts_with(it))
        {
            let parts: HashParts = text.parse().map_err(|_| SecretError::Broken)?;
            if text.len() != BCRYPT_BYTES {
                return Err(SecretError::Broken);
            }
            return match parts.get_cost() {
                ..4 => Err(SecretError::Broken),
                cost if cost > limits.bcrypt_cost_max => Err(SecretError::Cost(limits)),
                _ => Ok(Self(Kept::Bcrypt(text.into()))),
            };
        }
        if text.starts_with("$argon2") {
            return argon2(text, limits);
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
    pub(crate) fn is(&self, name: &str, realm: &str, password: &str) -> Result<bool, Uncompared> {
        Ok(match &self.0 {
            Kept::Plain(kept) => {
                let hash = |text: &str| Sha1::digest(text.as_bytes());
                // Hashed first, so that the length shows in no time either.
                hash(kept).ct_eq(&hash(password)).into()
            }
            // Of a longer password bcrypt takes the first 72 bytes, here as in Apache.
            Kept::Bcrypt(hash) => bcrypt::verify(password, hash).map_err(|_| Uncompared)?,
            Kept::Argon2(hash) => {
                match Argon2::default().verify_password(password.as_bytes(), &**hash) {
                    Ok(()) => true,
                    Err(password_hash::Error::PasswordInvalid) => false,
                    Err(_) => return Err(Uncompared),
                }
            }
            Kept::Sha1(digest) => Sha1::digest(password.as_bytes())
                .as_slice()
                .ct_eq(digest)
                .into(),
            Kept::Keys { md5, sha256 } => {
                let (algorithm, kept) = match (sha256, md5) {
                    (Some(kept), _) => (Algorithm::Sha256, kept),
                    (None, Some(kept)) => (Algorithm::Md5, kept),
                    (None, None) => return Ok(false),
                };
                let key = algorithm.key(name, realm, password);
                key.as_bytes().ct_eq(kept.as_bytes()).into()
            }
        })
    }
}

/// It cannot be said whether this is the password: there is no memory for finding out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uncompared;

/// All that verifying would look at is looked at here: what never verifies is a mistake, and no wrong password.
fn argon2(text: &str, limits: HashLimits) -> Result<Secret, SecretError> {
    let mut hash = PasswordHash::new(text).map_err(|_| SecretError::Broken)?;
    // As the reference implementation has it: the version came into the format with 19.
    let version = *hash.version.get_or_insert(Version::V0x10.into());
    let is_known = argon2::Algorithm::new(hash.algorithm.as_str()).is_ok()
        && Version::try_from(version).is_ok()
        && hash.hash.is_some()
        && hash.salt.is_some();
    if !is_known {
        return Err(SecretError::Broken);
    }
    let params = Params::try_from(&hash).map_err(|_| SecretError::Broken)?;
    limits
        .allow_argon2(params.m_cost(), params.t_cost(), params.p_cost())
        .then(|| Secret(Kept::Argon2(Box::new(hash))))
        .ok_or(SecretError::Cost(limits))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(text: &str) -> Result<Secret, SecretError> {
        Secret::hash(text, HashLimits::OPERATOR)
    }

    #[test]
    fn hashes_of_other_programs_verify() {
        // Made with Python's bcrypt, argon2-cffi and hashlib.
        for (hash, password) in HASHES {
            let secret = hash_of(hash).unwrap();
            let is = |password| secret.is("ada", "realm", password);
            assert_eq!(is(password), Ok(true), "{hash}");
            assert_eq!(is("Circle of life"), Ok(false), "{hash}");
            assert_eq!(is(""), Ok(false), "{hash}");
            assert!(!secret.serves(Algorithm::Md5), "{hash}");
            assert!(!format!("{secret:?}").contains(hash));
        }
    }

    const HASHES: [(&str, &str); 5] = [
        (
            "$2y$04$9NG3JcnaG7R6Iex1W3lORu8Q3oTuOrGi1jBb887SmFIRqWxtovvVq",
            "Circle of Life",
        ),
        (
            "$argon2id$v=19$m=64,t=1,p=1$awt0C/Jts+3LN68vTotIcg$0sEnqv65uoWOKKwkwPXBFbp7Chhp/v/FaB+viWOWaU4",
            "Circle of Life",
        ),
        (
            "$argon2i$v=16$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$UAz9OvATuJ93rWUypCVORhXrrH84x16A4+Pa5yK1ciY",
            "Circle of Life",
        ),
        // The same, as it was written before there were versions.
        (
            "$argon2i$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$UAz9OvATuJ93rWUypCVORhXrrH84x16A4+Pa5yK1ciY",
            "Circle of Life",
        ),
        ("{SHA}y/waJdy9m/a+D8VTRQ/e2awAzpQ=", "Circle of Life"),
    ];

    // hardening H26
    #[test]
    fn what_cannot_be_compared_is_no_wrong_password() {
        let hash = PasswordHash::new(HASHES[1].0).unwrap();
        let odd = PasswordHash {
            version: Some(7),
            ..hash
        };
        let secret = Secret(Kept::Argon2(Box::new(odd)));
        assert_eq!(secret.is("ada", "realm", "Circle of Life"), Err(Uncompared));
    }

    #[test]
    fn keys_and_plain_passwords_serve_both_schemes() {
        let (mut keys, algorithm) = Secret::key("3d78807defe7de2157e2b0b6573a855f").unwrap();
        assert_eq!(algorithm, Algorithm::Md5);
        let realm = "http-auth@example.org";
        assert_eq!(keys.is("Mufasa", realm, "Circle of Life"), Ok(true));
        assert_eq!(keys.is("Mufasa", "other", "Circle of Life"), Ok(false));
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
        assert_eq!(plain.is("", "", "Circle of Life"), Ok(true));
        assert_eq!(plain.is("", "", "Circle of Lif"), Ok(false));
    }

    // hardening H30
    #[test]
    fn what_is_no_hash_is_named() {
        let rest = "abcdefghijklmnopqrstuuO2BVfBqVd9fVzuOWoZS6yiwAvuVi4eW";
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
            (&format!("$2y$03${rest}"), SecretError::Broken),
            ("$argon2id$v=19$m=65536", SecretError::Broken),
            (
                &argon2("2id", "v=19$", "m=64,t=1,p=1", "c2FsdHNhbA"),
                SecretError::Broken,
            ),
            (
                &argon2("2id", "v=18$", "m=64,t=1,p=1", "c2FsdHNhbHQ"),
                SecretError::Broken,
            ),
            (
                &argon2("2x", "v=19$", "m=64,t=1,p=1", "c2FsdHNhbHQ"),
                SecretError::Broken,
            ),
            (
                &argon2("2id", "v=19$", "m=7,t=1,p=1", "c2FsdHNhbHQ"),
                SecretError::Broken,
            ),
        ] {
            assert_eq!(hash_of(text).err(), Some(error), "{text}");
        }
        for digits in ["", "0", &"0".repeat(31), &"0".repeat(33), &"g".repeat(64)] {
            assert_eq!(Secret::key(digits).err(), Some(SecretError::Key));
        }
    }

    fn argon2(kind: &str, version: &str, params: &str, salt: &str) -> String {
        format!("$argon{kind}${version}{params}${salt}$aGFzaGhhc2hoYXNo")
    }

    // hardening H26
    #[test]
    fn what_a_hash_may_take_is_bounded() {
        let bcrypt =
            |cost| format!("$2y${cost}$abcdefghijklmnopqrstuuO2BVfBqVd9fVzuOWoZS6yiwAvuVi4eW");
        let argon2 = |params| argon2("2id", "v=19$", params, "c2FsdHNhbHQ");
        for (text, operator, guest) in [
            (bcrypt(13), true, true),
            (bcrypt(14), true, false),
            (bcrypt(15), true, false),
            (bcrypt(16), false, false),
            (argon2("m=65536,t=4,p=4"), true, true),
            (argon2("m=65536,t=5,p=4"), true, false),
            (argon2("m=65537,t=1,p=1"), true, false),
            (argon2("m=16384,t=16,p=16"), true, true),
            (argon2("m=262144,t=4,p=1"), true, false),
            (argon2("m=262144,t=5,p=1"), false, false),
            (argon2("m=262145,t=1,p=1"), false, false),
            (argon2("m=64,t=17,p=1"), false, false),
            (argon2("m=136,t=1,p=17"), false, false),
            (argon2("m=4294967295,t=4294967295,p=1"), false, false),
        ] {
            for (limits, fits) in [(HashLimits::OPERATOR, operator), (HashLimits::GUEST, guest)] {
                let expected = (!fits).then_some(SecretError::Cost(limits));
                assert_eq!(Secret::hash(&text, limits).err(), expected, "{text}");
            }
        }
        let said = SecretError::Cost(HashLimits::GUEST).to_string();
        assert!(
            said.contains("cost 13 of bcrypt; 64 MiB, 16 passes"),
            "{said}"
        );
    }
}
