use std::net::SocketAddr;

use crate::tls::Established;

/// Who is at the other end of a connection, as far as is known before any request.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) remote: SocketAddr,
    /// `None` on a plain connection.
    pub(crate) tls: Option<Established>,
}
