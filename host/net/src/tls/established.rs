use rustls::{CommonState, ProtocolVersion};
use wasket_session::Principal;

use super::HTTP2;
use super::x509::Certificate;
use crate::shared::{Properties, http_version};

/// What a handshake has established.
#[derive(Clone, Debug)]
pub(crate) struct Established {
    /// `1.2` or `1.3`.
    pub(crate) version: &'static str,
    /// Who the client is, if it has shown a certificate that says it.
    pub(crate) principal: Option<Principal>,
    /// Whether it was agreed to speak HTTP/2 (RFC 9113, section 3.2).
    pub(crate) http2: bool,
    /// What opening requests are told.
    pub(crate) properties: Properties,
}

impl Established {
    pub(super) fn of(state: &CommonState) -> Self {
        let version = match state.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "1.3",
            _ => "1.2",
        };
        let http2 = state.alpn_protocol() == Some(HTTP2);
        // It was verified; one that cannot be read all the same says nothing of its owner.
        let certificate = state
            .peer_certificates()
            .and_then(<[_]>::first)
            .and_then(|der| Certificate::read(der).ok());
        let mut properties: Vec<(Box<str>, Box<str>)> = vec![
            http_version(if http2 { "2" } else { "1.1" }),
            ("tls-version".into(), version.into()),
        ];
        if let Some(certificate) = &certificate {
            let subject = certificate.subject().into();
            properties.push((SUBJECT.into(), subject));
        }
        Self {
            version,
            http2,
            principal: certificate.as_ref().and_then(principal),
            properties: properties.into(),
        }
    }

    /// The same when the peer is a proxy that speaks for somebody else: the certificate is not that one's.
    pub(crate) fn of_proxy(&self) -> Self {
        let known = self.properties.iter();
        Self {
            version: self.version,
            http2: self.http2,
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
