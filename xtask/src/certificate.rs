//! A certificate for a host on this machine. It has signed itself: browsers ask before they go on, and other clients
//! have to be told to trust it.

use anyhow::{Context, Result};
use rcgen::{CertificateParams, DnType, KeyPair};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A certificate and its key, in PEM files.
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificate {
    /// The one for hosts on this address, made where there is none: so that a browser which was told to trust it need
    /// not be told again each time.
    pub(crate) fn for_address(address: &str, folder: &Path) -> Result<Self> {
        let address: SocketAddr = address
            .parse()
            .with_context(|| format!("`{address}` is not an address and a port"))?;
        let name = address.ip().to_string();
        let certificate = Self {
            chain: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}-key.pem")),
        };
        if !certificate.is_fresh() {
            certificate.make(&name)?;
        }
        Ok(certificate)
    }

    fn is_fresh(&self) -> bool {
        let written = fs::metadata(&self.chain).and_then(|metadata| metadata.modified());
        let age = written.ok().and_then(|at| at.elapsed().ok());
        self.key.exists() && age.is_some_and(|age| age < VALID / 2)
    }

    fn make(&self, name: &str) -> Result<()> {
        let names = ["localhost", "127.0.0.1", "::1", name].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "wasket on this machine");
        // Clocks of clients may be behind.
        params.not_before = (SystemTime::now() - DAY).into();
        params.not_after = (SystemTime::now() + VALID).into();
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        write_private(&self.key, &key.serialize_pem())
            .with_context(|| format!("writing {}", self.key.display()))?;
        fs::write(&self.chain, certificate.pem())
            .with_context(|| format!("writing {}", self.chain.display()))
    }
}

/// Writes a file that is for this user alone.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const VALID: Duration = DAY.saturating_mul(90);
