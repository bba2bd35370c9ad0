//! `[listen.tls]`.

use std::path::PathBuf;

/// How a listener's connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// At least one; the first is for clients that ask for no name, or for one that no certificate has.
    pub certificates: Vec<Certificate>,
    /// The versions of the protocol.
    pub versions: TlsVersions,
    /// Which clients have certificates; `None`: they are not asked.
    pub client_certificates: Option<ClientCertificates>,
}

/// A certificate and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// In PEM files.
    Pem {
        /// The certificate, then those that lead to its authority.
        chain: PathBuf,
        /// Its key; may be the same file.
        key: PathBuf,
    },
    /// In a PKCS#12 file.
    Pfx {
        /// The file.
        file: PathBuf,
        /// What it is encrypted with.
        password: Password,
    },
}

/// Where a password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// It is the empty one.
    Empty,
    /// In the first line of this file.
    File(PathBuf),
    /// In this environment variable.
    Environment(String),
}

/// Versions of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    Both,
    /// 1.2 alone.
    Only12,
    /// 1.3 alone.
    Only13,
}

/// Which certificates clients have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificates {
    /// The authorities that sign them.
    pub ca: PathBuf,
    /// Whether a client without one is turned away.
    pub required: bool,
}
