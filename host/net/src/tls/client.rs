//! Certificates of clients: who may come, and who came.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::fault::{Fault, Unusable};
use super::pem;
use super::settings::ClientCertificates;

/// Accepts clients whose certificate the authorities of a file have signed.
pub(super) fn verifier(
    settings: &ClientCertificates,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Unusable> {
    let file = &settings.ca;
    let bad = |error: &dyn ToString| Unusable::new(file, Fault::BadCertificate(error.to_string()));
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(file)? {
        roots.add(certificate).map_err(|error| bad(&error))?;
    }
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
    if !settings.required {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|error| bad(&error))
}
