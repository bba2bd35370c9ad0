//! In place of `pfx`, in builds without that feature.

use std::path::Path;

use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::fault::{Fault, Unusable};
use super::settings::Password;

pub(super) fn read(
    file: &Path,
    _: &Password,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Unusable> {
    Err(Unusable::new(file, Fault::WithoutPfx))
}
