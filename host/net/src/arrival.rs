//! From an accepted socket to one that speaks HTTP: first what a proxy says of the client, then TLS, then which version.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tracing::debug;

use crate::address::Seated;
use crate::http2::preface;
use crate::linger::{Linger, hang_up};
use crate::listener::Listener;
use crate::peer::Peer;
use crate::proxy_protocol::{self, Source};
use crate::tls::{Secured, Tls};

/// A connection on which HTTP begins.
pub(crate) struct Arrived<I> {
    pub(crate) io: I,
    /// Who connected, to us or to the proxy that says so at the connection's begin.
    pub(crate) peer: Peer,
    pub(crate) seated: Seated,
    /// It speaks HTTP/2.
    pub(crate) http2: bool,
}

/// Takes what comes before HTTP on a plain listener. `None`: the connection is over.
pub(crate) async fn plain(
    stream: TcpStream,
    remote: SocketAddr,
    listener: Arc<Listener>,
    seated: Seated,
) -> Option<Arrived<TcpStream>> {
    let mut arrived = named(stream, remote, &listener, seated).await?;
    if listener.http2 {
        let within = listener.request_head_timeout;
        match tokio::time::timeout(within, preface::is_next(&arrived.io)).await {
            Ok(Ok(http2)) => arrived.http2 = http2,
            Ok(Err(error)) => {
                debug!(remote = %arrived.peer.remote, %error, "no opening handshake");
                return None;
            }
            Err(_) => {
                debug!(remote = %arrived.peer.remote, "cut off: no request within `request_head_timeout`");
                hang_up(&mut arrived.io, Linger::BRIEF).await;
                return None;
            }
        }
    }
    Some(arrived)
}

/// Hears what a proxy says of the client at the connection's begin, where one has to.
async fn named(
    mut stream: TcpStream,
    remote: SocketAddr,
    listener: &Listener,
    mut seated: Seated,
) -> Option<Arrived<TcpStream>> {
    let (mut from, mut unnamed) = (remote, false);
    if listener.proxy_protocol {
        if !listener.trusted_proxies.contain(remote.ip()) {
            debug!(%remote, "refused: not from one of `trusted_proxies`, which `proxy_protocol` needs");
            return None;
        }
        match proxy_protocol::read(&mut stream).await {
            Ok(Source::Address(address)) => from = address,
            Ok(Source::Own) => {}
            Ok(Source::Unknown) => unnamed = true,
            Err(error) => {
                debug!(%remote, %error, "refused: `proxy_protocol` is on");
                let _ = stream.write_all(BAD_REQUEST).await;
                hang_up(&mut stream, Linger::BRIEF).await;
                return None;
            }
        }
        if (unnamed || !listener.trusted_proxies.contain(from.ip()))
            && let Err(full) = seated.settle(from.ip())
        {
            seated.crowd().turn_away(full, listener.address, from);
            return None;
        }
    }
    Some(Arrived {
        io: stream,
        peer: Peer {
            remote: from,
            unnamed,
            tls: None,
        },
        seated,
        http2: false,
    })
}

/// The same where the listener has TLS.
pub(crate) async fn secured(
    stream: TcpStream,
    remote: SocketAddr,
    listener: Arc<Listener>,
    tls: Arc<Tls>,
    seated: Seated,
) -> Option<Arrived<Secured>> {
    let Arrived {
        io, peer, seated, ..
    } = named(stream, remote, &listener, seated).await?;
    let (io, established) = tls.accept(io, peer.remote, listener.http2).await?;
    let http2 = established.http2;
    let peer = Peer {
        tls: Some(established),
        ..peer
    };
    Some(Arrived {
        io,
        peer,
        seated,
        http2,
    })
}

/// Whoever is there may speak plain HTTP, and forgot the head.
const BAD_REQUEST: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
