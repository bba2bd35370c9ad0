//! Certificates of clients: who may come, and who came.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::fault::{Fault, Unusable};
use super::pem;
use super::settings::ClientCertificates;
use super::warning::Warning;
use super::x509::Signer;

/// Accepts clients whose certificate an authority of a file has signed. Those that are not valid now are left out,
/// with a warning, unless none is.
pub(super) fn verifier(
    settings: &ClientCertificates,
    provider: &Arc<CryptoProvider>,
    now: SystemTime,
) -> Result<(Arc<dyn ClientCertVerifier>, Vec<Warning>), Unusable> {
    let (roots, left_out) = roots(&settings.ca, now)?;
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
    if !settings.required {
        builder = builder.allow_unauthenticated();
    }
    let verifier = builder.build();
    let verifier = verifier
        .map_err(|error| Unusable::new(&settings.ca, Fault::BadCertificate(error.to_string())))?;
    Ok((verifier, left_out))
}

/// Nobody else looks at the time of an authority that is trusted as such (RFC 5280, section 6.1.1).
fn roots(file: &Path, now: SystemTime) -> Result<(RootCertStore, Vec<Warning>), Unusable> {
    let wrong = |fault| Unusable::new(file, fault);
    let mut roots = RootCertStore::empty();
    let mut left_out = Vec::new();
    let mut last = Fault::NoCertificate;
    for certificate in pem::certificates(file)? {
        let signer = Signer::read(&certificate).map_err(wrong)?;
        if let Err(fault) = signer.check_time(now) {
            left_out.push(Warning::LeftOut {
                file: file.to_owned(),
                subject: signer.subject,
                why: fault.to_string(),
            });
            last = fault;
            continue;
        }
        let added = roots.add(certificate);
        added.map_err(|error| wrong(Fault::BadCertificate(error.to_string())))?;
    }
    if roots.is_empty() {
        return Err(wrong(last));
    }
    Ok((roots, left_out))
}
