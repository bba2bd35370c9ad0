use std::path::{Path, PathBuf};

/// What the TLS of a listener is made of: files, and what is asked of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// At least one. Which one a client gets is decided by the name that it asks for; the first is for clients
    /// that ask for none, or for one that no certificate has.
    pub certificates: Vec<TlsCertificate>,
    /// The versions of the protocol.
    pub versions: TlsVersions,
    /// Whether clients have certificates; `None`: they are not asked for one.
    pub client_certificates: Option<ClientCertificates>,
}

/// Where a certificate and its private key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsCertificate {
    /// PEM files, which may be the same one.
    Pem {
        /// The certificate, then those that lead to its authority.
        chain: PathBuf,
        /// The private key: PKCS#8, PKCS#1 or SEC1, not encrypted.
        key: PathBuf,
    },
    /// A PKCS#12 file; read by builds with the feature `pfx`.
    Pfx {
        /// The file.
        file: PathBuf,
        /// What it is encrypted with.
        password: Password,
    },
}

/// Where the password of a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// It is the empty one.
    Empty,
    /// The first line of this file.
    File(PathBuf),
    /// The value of this environment variable.
    Environment(String),
}

/// Versions of TLS. Older ones are broken, and not to be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    Both,
    /// 1.2 alone.
    Only12,
    /// 1.3 alone.
    Only13,
}

/// Which certificates of clients are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    /// A PEM file: the authorities that sign them.
    pub ca: PathBuf,
    /// Whether a client without one is turned away.
    pub required: bool,
}

impl TlsSettings {
    /// Every file that this is made of.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let own = self.certificates.iter().flat_map(TlsCertificate::files);
        let ca = self.client_certificates.iter();
        own.chain(ca.map(|clients| clients.ca.as_path()))
    }
}

impl TlsCertificate {
    /// The file that its private key is in.
    pub(super) fn key(&self) -> &Path {
        match self {
            Self::Pem { key, .. } => key,
            Self::Pfx { file, .. } => file,
        }
    }

    /// The file that its password is in.
    pub(super) fn password(&self) -> Option<&Path> {
        match self {
            Self::Pfx {
                password: Password::File(file),
                ..
            } => Some(file),
            Self::Pem { .. } | Self::Pfx { .. } => None,
        }
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        let first = match self {
            Self::Pem { chain, .. } => Some(chain.as_path()),
            Self::Pfx { .. } => None,
        };
        [first, Some(self.key()), self.password()]
            .into_iter()
            .flatten()
    }
}
