use std::fmt;
use std::path::PathBuf;

/// What works and should not be as it is: the operator's to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Every user of the machine can read the private key in this file.
    ExposedKey(PathBuf),
    /// Every user of the machine can read the password in this file.
    ExposedPassword(PathBuf),
    /// An authority in the file of those who sign clients' certificates is not valid now, and left out.
    LeftOut {
        /// The file.
        file: PathBuf,
        /// The authority's subject.
        subject: String,
        /// Since or until when, to be written behind it.
        why: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExposedKey(file) => write!(
                f,
                "{} has a private key that every user of this machine can read: `chmod o-r` it",
                file.display()
            ),
            Self::ExposedPassword(file) => write!(
                f,
                "{} has a password that every user of this machine can read: `chmod o-r` it",
                file.display()
            ),
            Self::LeftOut { file, subject, why } => write!(
                f,
                "{} has the authority {subject}, which {why}: clients with its certificates are refused",
                file.display()
            ),
        }
    }
}
