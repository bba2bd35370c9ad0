use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file that TLS cannot be made of: the operator's to mend.
#[derive(Debug, thiserror::Error)]
#[error("{} {fault}: {}", file.display(), fault.help())]
pub struct Unusable {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a file. Written behind its name: `key.pem has no private key`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The system does not give it.
    Unreadable(io::Error),
    /// It is longer than any certificate or key.
    TooLong,
    /// It is PEM that breaks off, or has other than base64 in it.
    BrokenPem(String),
    /// No certificate is in it.
    NoCertificate,
    /// A certificate in it cannot be understood.
    BadCertificate(String),
    /// No private key is in it.
    NoKey,
    /// Its private key is encrypted.
    EncryptedKey,
    /// Its private key is damaged or of a kind that cannot be used.
    BadKey,
    /// Its private key belongs to another certificate than the first one of this file.
    ForeignKey(PathBuf),
    /// Its certificate was valid until then.
    Expired(String),
    /// Its certificate will be valid from then on.
    NotYetValid(String),
    /// A certificate behind the first, of this subject, has such a fault.
    OfSigner(String, Box<Fault>),
    /// It is not PKCS#12, or damaged.
    BadPfx(String),
    /// The password does not open it.
    WrongPassword,
    /// The environment variable with its password is not set, or not text.
    NoPassword(String),
    /// This build cannot read PKCS#12.
    WithoutPfx,
}

impl Unusable {
    pub(super) fn new(file: &Path, fault: Fault) -> Self {
        Self {
            file: file.to_owned(),
            fault,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot be read ({error})"),
            Self::TooLong => f.write_str("is longer than 1 MiB"),
            Self::BrokenPem(why) => write!(f, "is broken PEM ({why})"),
            Self::NoCertificate => f.write_str("has no certificate in it"),
            Self::BadCertificate(why) => write!(f, "has a certificate that cannot be used ({why})"),
            Self::NoKey => f.write_str("has no private key in it"),
            Self::EncryptedKey => f.write_str("has an encrypted private key"),
            Self::BadKey => f.write_str("has a private key that cannot be used"),
            Self::ForeignKey(chain) => write!(
                f,
                "has the key of another certificate than {}",
                chain.display()
            ),
            Self::Expired(until) => write!(f, "has expired: it was valid until {until}"),
            Self::NotYetValid(from) => write!(f, "is not valid yet, but from {from} on"),
            Self::OfSigner(subject, fault) => write!(
                f,
                "has behind its first certificate that of {subject}, which {fault}"
            ),
            Self::BadPfx(why) => write!(f, "is no PKCS#12 that can be read ({why})"),
            Self::WrongPassword => f.write_str("is not opened by its password"),
            Self::NoPassword(name) => write!(
                f,
                "needs the password in the environment variable {name}, which is not there"
            ),
            Self::WithoutPfx => f.write_str("is PKCS#12, which this build of wasket cannot read"),
        }
    }
}

impl Fault {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unreadable(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                "let the user who runs wasket read it"
            }
            Self::Unreadable(_) | Self::TooLong => "name the file with the certificate or the key",
            Self::BrokenPem(_) => "copy the file again, whole",
            Self::NoCertificate => {
                "it takes PEM, with a line -----BEGIN CERTIFICATE-----; `openssl x509 -inform der` makes it of DER"
            }
            Self::BadCertificate(_) => "`openssl x509 -text -noout -in FILE` shows what is in it",
            Self::NoKey => "it takes PEM, with a line such as -----BEGIN PRIVATE KEY-----",
            Self::EncryptedKey => {
                "decrypt it with `openssl pkey -in FILE -out NEW`, or use a PKCS#12 file with `pfx` and `password_file`"
            }
            Self::BadKey => {
                "it takes RSA of 2048 bits or more, ECDSA P-256, P-384 or P-521, or Ed25519"
            }
            Self::ForeignKey(_) => {
                "give the key that the certificate was made for; the host's own certificate comes first in its chain"
            }
            Self::Expired(_) => "renew it",
            Self::NotYetValid(_) => "wait, or look at the machine's clock",
            Self::OfSigner(..) => {
                "take the chain that your authority gives out now, without what is not valid any more"
            }
            Self::BadPfx(_) => "`openssl pkcs12 -info -in FILE` shows what is in it",
            Self::WrongPassword => "look at `password_file` or `password_env`",
            Self::NoPassword(_) => {
                "set it for the process that runs wasket, or use `password_file`"
            }
            Self::WithoutPfx => {
                "build it with `--features pfx`, or convert the file with `openssl pkcs12 -in FILE -nodes -out NEW.pem`"
            }
        }
    }
}
