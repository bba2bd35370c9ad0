//! What rustls says, in words that say what to do.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

use crate::error::{CertificateFault, TlsFault};

/// What a socket of TLS fails with.
pub(super) fn fault_of_io(error: io::Error) -> TlsFault {
    let rustls = error.get_ref().and_then(|inner| inner.downcast_ref());
    match rustls {
        Some(rustls) => fault_of(Error::clone(rustls)),
        None => TlsFault::Failed(error),
    }
}

pub(crate) fn fault_of(error: Error) -> TlsFault {
    match &error {
        Error::InvalidCertificate(certificate) => {
            TlsFault::Certificate(certificate_fault(certificate))
        }
        Error::AlertReceived(alert) if is_about_us(*alert) => {
            TlsFault::Declined(format!("{alert:?}"))
        }
        _ => TlsFault::Failed(io::Error::other(error)),
    }
}

/// What servers say of the certificate of a client (RFC 8446 section 6.2).
fn is_about_us(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
    )
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
        .map(|name| plain(name).escape_debug().to_string())
        .collect();
    match (shown.is_empty(), presented.len() > NAMES_SHOWN_MAX) {
        (true, _) => String::new(),
        (false, false) => format!(" ({})", shown.join(", ")),
        (false, true) => format!(" ({}, ...)", shown.join(", ")),
    }
}

/// `DnsName("example.com")`, as rustls has it, is `example.com` to everybody else.
fn plain(name: &str) -> &str {
    match name.split_once('(') {
        Some((_, rest)) => rest.trim_end_matches(')').trim_matches('"'),
        None => name,
    }
}

const NAMES_SHOWN_MAX: usize = 4;
