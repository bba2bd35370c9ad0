//! Certificates and keys in PEM (RFC 7468).

use std::path::Path;

use rustls_pki_types::pem::{Error, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::fault::{Fault, Unusable};
use super::file;

/// Every certificate of a file, in its order; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let text = file::read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(Unusable::new(path, Fault::NoCertificate))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(broken(path, &error)),
    }
}

/// The first private key of a file.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Unusable> {
    let text = file::read(path)?;
    let fault = match PrivateKeyDer::from_pem_slice(&text) {
        Ok(_) if is_encrypted(&text) => Fault::EncryptedKey,
        Ok(key) => return Ok(key),
        Err(_) if is_encrypted(&text) => Fault::EncryptedKey,
        Err(Error::NoItemsFound) => Fault::NoKey,
        Err(error) => return Err(broken(path, &error)),
    };
    Err(Unusable::new(path, fault))
}

fn broken(path: &Path, error: &Error) -> Unusable {
    Unusable::new(path, Fault::BrokenPem(error.to_string()))
}

/// PKCS#8 says it in the label, the older forms in a header field (RFC 1421, section 4.6.1.1).
fn is_encrypted(text: &[u8]) -> bool {
    let marks = [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----",
        "Proc-Type: 4,ENCRYPTED",
    ];
    text.split(|&byte| byte == b'\n')
        .any(|line| marks.iter().any(|mark| line.starts_with(mark.as_bytes())))
}
