//! A client over TLS: rustls below tungstenite.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use tungstenite::client::IntoClientRequest;

use super::authority::{Authority, Issued};
use crate::host::{Client, Host};

pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// How to connect.
#[derive(Clone)]
pub(crate) struct Dial {
    pub(crate) config: Arc<ClientConfig>,
    /// The name to ask for, in TLS and in the request.
    pub(crate) name: &'static str,
    /// A header field of the request.
    pub(crate) header: Option<(&'static str, &'static str)>,
    /// What is sent before TLS begins.
    pub(crate) before: &'static [u8],
}

impl Dial {
    /// Trusts this authority, speaks these versions, and shows a certificate or none.
    pub(crate) fn with(
        authority: &Authority,
        versions: &[&'static SupportedProtocolVersion],
        own: Option<&Issued>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => builder
                .with_client_auth_cert(vec![own.certificate.clone()], own.key.clone_key())
                .unwrap(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            config: Arc::new(config),
            name: "host.example",
            header: None,
            before: b"",
        }
    }

    pub(crate) fn new(authority: &Authority) -> Self {
        Self::with(authority, rustls::ALL_VERSIONS, None)
    }

    pub(crate) fn to(&self, name: &'static str) -> Self {
        Self {
            name,
            ..self.clone()
        }
    }

    /// The TLS handshake alone.
    pub(crate) fn shake_hands(&self, host: &Host) -> Result<Stream, String> {
        let mut socket = TcpStream::connect(host.authority()).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        socket.write_all(self.before).unwrap();
        let name = self.name.try_into().unwrap();
        let mut session = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        while session.is_handshaking() {
            session
                .complete_io(&mut socket)
                .map_err(|error| error.to_string())?;
        }
        Ok(StreamOwned::new(session, socket))
    }

    /// A session of a service, or why there is none.
    pub(crate) fn connect(&self, host: &Host, service: &str) -> Result<Client<Stream>, String> {
        let stream = self.shake_hands(host)?;
        let path = host.url(service);
        let path = path.splitn(4, '/').nth(3).unwrap();
        let url = format!("wss://{}/{path}", self.name);
        let mut request = url.into_client_request().unwrap();
        if let Some((name, value)) = self.header {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match tungstenite::client(request, stream) {
            Ok((socket, answer)) => Ok(Client {
                socket,
                answer: answer.into_parts().0,
            }),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A session, over this connection.
    pub(crate) fn open(&self, host: &Host, service: &str) -> Client<Stream> {
        self.connect(host, service).expect("a session")
    }
}

impl Client<Stream> {
    /// What TLS has agreed on.
    pub(crate) fn tls(&self) -> &ClientConnection {
        &self.socket.get_ref().conn
    }
}

/// The certificate that the host has shown.
pub(crate) fn shown(session: &ClientConnection) -> CertificateDer<'static> {
    session.peer_certificates().unwrap()[0].clone().into_owned()
}
