use std::net::SocketAddr;

use crate::listener::Listener;
use crate::tls::Established;

/// Who is at the other end of a connection, as far as is known before any request.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) remote: SocketAddr,
    /// It is somebody behind a proxy that does not say who: `remote` is the proxy, and the proxy's word is not what is
    /// heard on this connection.
    pub(crate) unnamed: bool,
    /// `None` on a plain connection.
    pub(crate) tls: Option<Established>,
}

impl Peer {
    /// Whether it may speak for others in its requests.
    pub(crate) fn is_proxy(&self, listener: &Listener) -> bool {
        !self.unnamed && listener.trusted_proxies.contain(self.remote.ip())
    }
}
