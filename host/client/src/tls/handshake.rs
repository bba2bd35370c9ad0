//! The TLS handshake.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::Tls;
use super::fault::fault_of_io;
use crate::error::TlsFault;
use crate::observe::{Observer, Step};

/// Secures a socket that leads to `name`.
pub(crate) async fn secure(
    tls: &Tls,
    stream: TcpStream,
    name: ServerName<'static>,
    within: Duration,
    observer: &Observer,
) -> Result<TlsStream<TcpStream>, TlsFault> {
    let securing = async {
        let connector = TlsConnector::from(config(tls).await?);
        connector.connect(name, stream).await.map_err(fault_of_io)
    };
    let stream = match timeout(within, securing).await {
        Ok(secured) => secured?,
        Err(_) => return Err(TlsFault::TimedOut(within)),
    };
    let (_, connection) = stream.get_ref();
    if let (Some(version), Some(suite)) = (
        connection.protocol_version().and_then(|it| it.as_str()),
        connection
            .negotiated_cipher_suite()
            .and_then(|it| it.suite().as_str()),
    ) {
        observer.see(&Step::Secured {
            version,
            cipher_suite: suite,
        });
    }
    Ok(stream)
}

/// Reading hundreds of certificates is nothing for a thread that others wait for.
async fn config(tls: &Tls) -> Result<Arc<ClientConfig>, TlsFault> {
    if let Some(made) = tls.made.get() {
        return Ok(Arc::clone(made));
    }
    let tls = tls.clone();
    tokio::task::spawn_blocking(move || tls.config())
        .await
        .map_err(|error| TlsFault::Failed(std::io::Error::other(error)))?
}

/// The name that the certificate has to be for; `None` for what can be in no certificate.
pub(crate) fn name_of(tls: &Tls, host: &Host) -> Option<ServerName<'static>> {
    if let Some(name) = &tls.server_name {
        return Some(name.clone());
    }
    match host {
        Host::Domain(name) => ServerName::try_from(name.clone()).ok(),
        Host::Ipv4(address) => Some(ServerName::from(std::net::IpAddr::V4(*address))),
        Host::Ipv6(address) => Some(ServerName::from(std::net::IpAddr::V6(*address))),
    }
}
