use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::tls::Established;

/// Who is at the other end of a connection, as far as is known before any request.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) remote: SocketAddr,
    /// `None` on a plain connection.
    pub(crate) tls: Option<Established>,
}

impl Peer {
    /// The peer of a plain connection: there is nothing to find out.
    pub(crate) async fn plain(io: TcpStream, remote: SocketAddr) -> Option<(TcpStream, Self)> {
        Some((io, Self { remote, tls: None }))
    }
}
