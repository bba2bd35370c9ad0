use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::{Authentication, Networks, Page, Tls};

/// An address to accept connections on, and what a connection may cost before it is a session.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Port 0 takes a free one.
    pub address: SocketAddr,
    /// Connections that the kernel keeps for us before they are accepted.
    pub backlog: i32,
    /// Sends small frames at once (`TCP_NODELAY`).
    pub nodelay: bool,
    /// Binds although connections of an earlier process linger (`SO_REUSEADDR`).
    pub reuse_address: bool,
    /// Connections at once; more are closed unanswered.
    pub connections_max: usize,
    /// Connections at once from one address.
    pub connections_per_address_max: Option<usize>,
    /// Past this a request gets 431. At least 8 KiB.
    pub request_head_bytes_max: usize,
    /// For the head of a request, from when we wait for it: so long a connection may be idle between two.
    pub request_head_timeout: Duration,
    /// From accepting to the 101 answer, a TLS handshake included; or to the first plain request.
    pub handshake_timeout: Duration,
    /// How long a body may make no progress, of a request or of an answer; and a connection of HTTP/2 whose peer does
    /// not read, with all that is on it.
    pub transfer_timeout: Duration,
    /// Speaks HTTP/2 with clients that want to: agreed on by ALPN where there is TLS, by prior knowledge where there is
    /// none (RFC 9113, section 3).
    pub http2: bool,
    /// Streams at once on one connection of HTTP/2: sessions, and requests that are not answered yet. Each may have
    /// 64 KiB that nobody has read yet, and as much that its peer has not taken.
    pub http2_streams_max: u32,
    /// Whose word about the client counts.
    pub trusted_proxies: Networks,
    /// Every connection begins with a head of the PROXY protocol, and comes from a trusted proxy.
    pub proxy_protocol: bool,
    /// Encrypts its connections; `None`: they are plain.
    pub tls: Option<Arc<Tls>>,
    /// Who may come, where the service does not say otherwise, and to the documents.
    pub auth: Option<Arc<Authentication>>,
    /// Documents by path.
    pub pages: HashMap<String, Page>,
}

/// The address cannot be listened on: the operator's to mend.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

impl Listener {
    /// A listener with the defaults.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            backlog: 1024,
            nodelay: true,
            reuse_address: true,
            connections_max: 20_000,
            connections_per_address_max: None,
            request_head_bytes_max: 16 << 10,
            request_head_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            transfer_timeout: Duration::from_secs(30),
            http2: true,
            http2_streams_max: 100,
            trusted_proxies: Networks::default(),
            proxy_protocol: false,
            tls: None,
            auth: None,
            pages: HashMap::new(),
        }
    }

    pub(crate) fn bind(&self) -> Result<TcpListener, BindError> {
        self.socket().map_err(|source| BindError {
            address: self.address,
            source,
        })
    }

    fn socket(&self) -> io::Result<TcpListener> {
        let domain = Domain::for_address(self.address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        if self.address.is_ipv6() {
            // `[::]` and `0.0.0.0` can both be listened on.
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(self.reuse_address)?;
        // Accepted sockets inherit it. What a peer has not made room for stays in its session's outbox, which is
        // counted, instead of in megabytes of the kernel's.
        #[cfg(target_os = "linux")]
        socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
        socket.set_nonblocking(true)?;
        socket.bind(&self.address.into())?;
        socket.listen(self.backlog)?;
        TcpListener::from_std(socket.into())
    }
}

/// What the kernel takes of a connection's output beyond what the peer has room for.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 << 10;
