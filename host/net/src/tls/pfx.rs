//! A certificate and its key in PKCS#12 (RFC 7292).

use std::path::Path;

use p12_keystore::KeyStore;
use p12_keystore::error::Error;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::fault::{Fault, Unusable};
use super::file;
use super::settings::Password;

/// The first private key of a file, and the certificates that lead from its own to its authority.
pub(super) fn read(
    path: &Path,
    password: &Password,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Unusable> {
    let of_file = |fault| Unusable::new(path, fault);
    let bytes = file::read(path)?;
    let password = text_of(password, path)?;
    let store = KeyStore::from_pkcs12(&bytes, &password).map_err(|error| of_file(fault(&error)))?;
    let (_, own) = store
        .private_key_chain()
        .ok_or_else(|| of_file(Fault::NoKey))?;
    let chain = own.chain().iter();
    let chain: Vec<_> = chain
        .map(|certificate| CertificateDer::from(certificate.as_der().to_vec()))
        .collect();
    let key = PrivatePkcs8KeyDer::from(own.key().to_vec());
    Ok((chain, key.into()))
}

fn text_of(password: &Password, pfx: &Path) -> Result<String, Unusable> {
    match password {
        Password::Empty => Ok(String::new()),
        Password::File(path) => {
            let bytes = file::read(path)?;
            // What an editor adds to a line is none of the password.
            let line = bytes
                .split(|&byte| byte == b'\n')
                .next()
                .unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            String::from_utf8(line.to_vec()).map_err(|_| Unusable::new(pfx, Fault::WrongPassword))
        }
        Password::Environment(name) => {
            std::env::var(name).map_err(|_| Unusable::new(pfx, Fault::NoPassword(name.clone())))
        }
    }
}

fn fault(error: &Error) -> Fault {
    match error {
        Error::MacError(_) => Fault::WrongPassword,
        other => Fault::BadPfx(other.to_string()),
    }
}
