use std::sync::Arc;

use rustls::{CommonState, ProtocolVersion};
use wasket_session::Principal;

use super::x509::Certificate;

/// What a handshake has established.
#[derive(Clone, Debug)]
pub(crate) struct Established {
    /// `1.2` or `1.3`.
    pub(crate) version: &'static str,
    /// Who the client is, if it has shown a certificate that says it.
    pub(crate) principal: Option<Principal>,
    /// What opening requests are told.
    pub(crate) properties: Arc<[(Box<str>, Box<str>)]>,
}

impl Established {
    pub(super) fn of(state: &CommonState) -> Self {
        let version = match state.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "1.3",
            _ => "1.2",
        };
        // It was verified; one that cannot be read all the same says nothing of its owner.
        let certificate = state
            .peer_certificates()
            .and_then(<[_]>::first)
            .and_then(|der| Certificate::read(der).ok());
        let mut properties: Vec<(Box<str>, Box<str>)> = vec![
            ("http-version".into(), "1.1".into()),
            ("tls-version".into(), version.into()),
        ];
        if let Some(certificate) = &certificate {
            let subject = certificate.subject().into();
            properties.push((SUBJECT.into(), subject));
        }
        Self {
            version,
            principal: certificate.as_ref().and_then(principal),
            properties: properties.into(),
        }
    }

    /// The same when the peer is a proxy that speaks for somebody else: the certificate is not that one's.
    pub(crate) fn of_proxy(&self) -> Self {
        let known = self.properties.iter();
        Self {
            version: self.version,
            principal: None,
            properties: known
                .filter(|(name, _)| **name != *SUBJECT)
                .cloned()
                .collect(),
        }
    }
}

fn principal(certificate: &Certificate) -> Option<Principal> {
    Some(Principal {
        name: certificate.whom()?.to_owned(),
        roles: Vec::new(),
        claims: vec![("scheme".to_owned(), "certificate".to_owned())],
    })
}

/// The property that has a client's subject.
const SUBJECT: &str = "client-certificate-subject";
