//! Connections that are only dialled.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wasket_client::{CertificateFault, Connect, ConnectFault, Error, TlsFault};

use crate::proxies::proxy;
use crate::server::Server;
use crate::tls::{Authority, fault, serving, trusting};

/// Speaks over it by itself.
async fn speak(connect: &Connect) {
    let (mut stream, peer) = connect.dial().await.unwrap();
    assert!(peer.is_some());
    let request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
}

// parity W12
#[tokio::test]
async fn a_connection_is_dialled_as_it_would_be_opened() {
    let (server, proxy) = (Server::echo().await, proxy(None).await);
    speak(&server.connect()).await;
    let through = format!("http://{}", proxy.address);
    speak(&server.connect().proxy(&through).unwrap()).await;
    let declining = server.connect().allow(|_| false);
    let error = declining.dial().await.unwrap_err();
    assert!(matches!(
        error,
        Error::Connect {
            fault: ConnectFault::NotAllowed(_),
            ..
        }
    ));
}

// parity W11
#[tokio::test]
async fn and_only_to_whom_it_trusts() {
    let authority = Authority::new("ours");
    let (server, seen) = serving(&authority.issue(&["localhost"], |_| ()), None).await;
    let url = format!("wss://localhost:{}", server.address.port());
    let connect = || Connect::to(&url).unwrap();
    speak(&connect().tls(trusting(&authority))).await;
    assert_eq!(seen.lock().unwrap().len(), 1);
    let other = connect().tls(trusting(&Authority::new("other")));
    let fault = fault(other.dial().await.unwrap_err());
    let unknown = CertificateFault::UnknownIssuer;
    assert!(matches!(fault, TlsFault::Certificate(why) if why == unknown));
}
