//! What a certificate says about itself.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;
use x509_cert::time::Validity;

use super::fault::Fault;

/// A certificate's validity and names (RFC 5280, section 4.1.2).
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    signer: Signer,
    /// The DNS names, in lower case; those with a wildcard too.
    pub(super) dns_names: Vec<String>,
    uri_names: Vec<String>,
}

/// An authority, or a certificate that leads to one: of these only the time matters.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    validity: Validity,
    /// As in RFC 4514, such as `CN=ada,O=Example`; may be empty.
    pub(super) subject: String,
}

impl Certificate {
    /// Reads it. It need not be one that anybody would trust.
    pub(super) fn read(der: &CertificateDer<'_>) -> Result<Self, Fault> {
        let signer = Signer::read(der)?;
        let names = EndEntityCert::try_from(der).map_err(|error| bad(&error))?;
        Ok(Self {
            signer,
            dns_names: names
                .valid_dns_names()
                .map(str::to_ascii_lowercase)
                .collect(),
            uri_names: names.valid_uri_names().map(str::to_owned).collect(),
        })
    }

    /// Whether it can be shown to clients at this time.
    pub(super) fn check_time(&self, now: SystemTime) -> Result<(), Fault> {
        self.signer.check_time(now)
    }

    /// Whom it is about: its subject, or the first of its names where that is empty.
    pub(super) fn whom(&self) -> Option<&str> {
        let names = self.uri_names.iter().chain(&self.dns_names);
        std::iter::once(&self.signer.subject)
            .chain(names)
            .map(String::as_str)
            .find(|name| !name.is_empty())
    }

    pub(super) fn subject(&self) -> &str {
        &self.signer.subject
    }
}

impl Signer {
    /// Reads it. The raw profile passes over what authorities get wrong and nothing here looks at.
    pub(super) fn read(der: &CertificateDer<'_>) -> Result<Self, Fault> {
        let whole = CertificateInner::<Raw>::from_der(der).map_err(|error| bad(&error))?;
        let inner = whole.tbs_certificate;
        let mut subject = String::new();
        write!(subject, "{}", inner.subject).map_err(|error| bad(&error))?;
        Ok(Self {
            validity: inner.validity,
            subject,
        })
    }

    /// Whether it is valid at this time.
    pub(super) fn check_time(&self, now: SystemTime) -> Result<(), Fault> {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let Validity {
            not_before,
            not_after,
            ..
        } = &self.validity;
        if now < not_before.to_unix_duration() {
            return Err(Fault::NotYetValid(not_before.to_string()));
        }
        if now > not_after.to_unix_duration() {
            return Err(Fault::Expired(not_after.to_string()));
        }
        Ok(())
    }
}

fn bad(error: &impl ToString) -> Fault {
    Fault::BadCertificate(error.to_string())
}
