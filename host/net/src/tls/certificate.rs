//! One certificate of a listener, with its key: read, and checked as far as a client would.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::fault::{Fault, Unusable};
use super::settings::TlsCertificate;
use super::x509::{Certificate, Signer};
use super::{pem, pfx};

/// A certificate that can be shown to clients, and the names that they may ask for it by.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) names: Vec<String>,
}

/// Reads a certificate. It and those behind it have to be valid now, and its key has to be its own.
pub(super) fn load(certificate: &TlsCertificate, now: SystemTime) -> Result<Loaded, Unusable> {
    match certificate {
        TlsCertificate::Pem { chain, key } => {
            let certificates = pem::certificates(chain)?;
            let private = pem::key(key)?;
            join(chain, certificates, key, &private, now)
        }
        TlsCertificate::Pfx { file, password } => {
            let (certificates, private) = pfx::read(file, password)?;
            join(file, certificates, file, &private, now)
        }
    }
}

fn join(
    chain: &Path,
    certificates: Vec<CertificateDer<'static>>,
    key: &Path,
    private: &PrivateKeyDer<'static>,
    now: SystemTime,
) -> Result<Loaded, Unusable> {
    let of_chain = |fault| Unusable::new(chain, fault);
    let of_key = |fault| Unusable::new(key, fault);
    let first = certificates
        .first()
        .ok_or_else(|| of_chain(Fault::NoCertificate))?;
    let own = Certificate::read(first).map_err(of_chain)?;
    own.check_time(now).map_err(of_chain)?;
    for further in certificates.iter().skip(1) {
        let signer = Signer::read(further).map_err(of_chain)?;
        let checked = signer.check_time(now);
        checked.map_err(|fault| of_chain(Fault::OfSigner(signer.subject, fault.into())))?;
    }
    let signing = any_supported_type(private).map_err(|_| of_key(Fault::BadKey))?;
    let certified = CertifiedKey::new(certificates, signing);
    certified
        .keys_match()
        .map_err(|_| of_key(Fault::ForeignKey(chain.to_owned())))?;
    Ok(Loaded {
        certified: Arc::new(certified),
        names: own.dns_names,
    })
}
