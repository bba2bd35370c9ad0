//! An authority that signs what a test needs, and puts it into files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate authority, with a folder of its own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) folder: PathBuf,
    /// Its certificate in PEM.
    pub(crate) file: PathBuf,
}

/// A certificate and its key, in files too.
pub(crate) struct Issued {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) chain_file: PathBuf,
    pub(crate) key_file: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::new_with(|_| {})
    }

    /// The same, with changes.
    pub(crate) fn new_with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let folder = own_folder();
        // By a name of its own, as authorities are told apart.
        let name = folder.file_name().unwrap().to_str().unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        let file = folder.join("ca.pem");
        fs::write(&file, certificate.pem()).unwrap();
        Self {
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
            folder,
            file,
        }
    }

    /// One that is not valid any more.
    pub(crate) fn expired() -> Self {
        Self::new_with(|params| {
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        })
    }

    /// A certificate for these names, in `NAME.pem` and `NAME-key.pem`.
    pub(crate) fn issue(&self, file: &str, names: &[&str]) -> Issued {
        self.issue_with(file, names, |_| {})
    }

    /// The same, with changes. What was in the files before is gone.
    pub(crate) fn issue_with(
        &self,
        file: &str,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let issued = Issued {
            certificate: certificate.der().clone(),
            chain_file: self.folder.join(format!("{file}.pem")),
            key_file: self.folder.join(format!("{file}-key.pem")),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        };
        fs::write(&issued.chain_file, certificate.pem()).unwrap();
        fs::write(&issued.key_file, key.serialize_pem()).unwrap();
        issued
    }
}

impl Issued {
    /// As a configuration has it: `chain = "...", key = "..."`.
    pub(crate) fn setting(&self) -> String {
        let (chain, key) = (self.chain_file.display(), self.key_file.display());
        format!("chain = \"{chain}\", key = \"{key}\"")
    }
}

fn own_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("tls-{}-{number}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}
