//! What a certificate says about itself.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;
use x509_cert::time::Time;

use super::fault::Fault;

/// A certificate's validity and names (RFC 5280, section 4.1.2).
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    not_before: Time,
    not_after: Time,
    /// As in RFC 4514, such as `CN=ada,O=Example`; may be empty.
    subject: String,
    /// The DNS names, in lower case; those with a wildcard too.
    pub(super) dns_names: Vec<String>,
    uri_names: Vec<String>,
}

impl Certificate {
    /// Reads it. It need not be one that anybody would trust.
    pub(super) fn read(der: &CertificateDer<'_>) -> Result<Self, Fault> {
        let whole = decode(der)?;
        let names = EndEntityCert::try_from(der).map_err(|error| bad(&error))?;
        let inner = whole.tbs_certificate;
        let mut subject = String::new();
        write!(subject, "{}", inner.subject).map_err(|error| bad(&error))?;
        Ok(Self {
            not_before: inner.validity.not_before,
            not_after: inner.validity.not_after,
            subject,
            dns_names: names
                .valid_dns_names()
                .map(str::to_ascii_lowercase)
                .collect(),
            uri_names: names.valid_uri_names().map(str::to_owned).collect(),
        })
    }

    /// Whether it can be shown to clients at this time.
    pub(super) fn check_time(&self, now: SystemTime) -> Result<(), Fault> {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        if now < self.not_before.to_unix_duration() {
            return Err(Fault::NotYetValid(self.not_before.to_string()));
        }
        if now > self.not_after.to_unix_duration() {
            return Err(Fault::Expired(self.not_after.to_string()));
        }
        Ok(())
    }

    /// Whom it is about: its subject, or the first of its names where that is empty.
    pub(super) fn whom(&self) -> Option<&str> {
        let names = self.uri_names.iter().chain(&self.dns_names);
        std::iter::once(&self.subject)
            .chain(names)
            .map(String::as_str)
            .find(|name| !name.is_empty())
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }
}

/// Whether this is a certificate at all: enough for those that only lead to an authority.
pub(super) fn check(der: &CertificateDer<'_>) -> Result<(), Fault> {
    decode(der).map(drop)
}

/// The raw profile passes over what authorities get wrong and nothing here looks at.
fn decode(der: &CertificateDer<'_>) -> Result<CertificateInner<Raw>, Fault> {
    CertificateInner::from_der(der).map_err(|error| bad(&error))
}

fn bad(error: &impl ToString) -> Fault {
    Fault::BadCertificate(error.to_string())
}
