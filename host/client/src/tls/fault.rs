//! What rustls says, in words that say what to do.

use std::io;

use rustls::{CertificateError, Error};

use crate::error::{CertificateFault, TlsFault};

pub(super) fn fault_of(error: io::Error) -> TlsFault {
    let rustls = error.get_ref().and_then(|inner| inner.downcast_ref());
    match rustls {
        Some(Error::InvalidCertificate(certificate)) => {
            TlsFault::Certificate(certificate_fault(certificate))
        }
        _ => TlsFault::Failed(error),
    }
}

fn certificate_fault(error: &CertificateError) -> CertificateFault {
    match error {
        CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => CertificateFault::Time,
        CertificateError::NotValidForName => CertificateFault::Name(String::new()),
        CertificateError::NotValidForNameContext { presented, .. } => {
            CertificateFault::Name(names(presented))
        }
        other => CertificateFault::Other(other.to_string()),
    }
}

/// The first few: a certificate may have hundreds.
fn names(presented: &[String]) -> String {
    let shown: Vec<_> = presented
        .iter()
        .take(NAMES_SHOWN_MAX)
        .map(|name| name.escape_debug().to_string())
        .collect();
    match (shown.is_empty(), presented.len() > NAMES_SHOWN_MAX) {
        (true, _) => String::new(),
        (false, false) => format!(" ({})", shown.join(", ")),
        (false, true) => format!(" ({}, ...)", shown.join(", ")),
    }
}

const NAMES_SHOWN_MAX: usize = 4;
