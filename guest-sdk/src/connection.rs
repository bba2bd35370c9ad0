//! Connections to the outside.

use std::fmt;

use crate::{AsMessage, Behavior, Close, Error, Message, ReadyState, Session, host};

/// Where [`Session::connect`] connects to: a URL that the service's settings allow, and what is added to the request.
/// Credentials and certificates come from the settings.
///
/// ```
/// use wasket_guest::Target;
/// let target = Target::new("wss://feed.example/prices").protocol("prices.v2").header("x-room", "7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(crate) url: String,
    pub(crate) protocols: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Target {
    /// A `ws` or `wss` URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            protocols: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Offers a subprotocol, after those before.
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocols.push(protocol.into());
        self
    }

    /// Adds a header to the request. Those of the handshake, `Host` and `Authorization` are the host's.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The subprotocols that are offered.
    #[must_use]
    pub fn protocols(&self) -> &[String] {
        &self.protocols
    }

    /// The headers that are added.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }
}

impl<T: Into<String>> From<T> for Target {
    fn from(url: T) -> Self {
        Self::new(url)
    }
}

/// Names a connection to the outside, which belongs to the session that [connected](Session::connect). As plain a
/// number as [`Session`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection(u64);

impl Connection {
    /// The connection of an id that [`id`](Self::id) gave.
    #[must_use]
    pub const fn from_id(id: u64) -> Self {
        Self(id)
    }

    /// At most 2^53 - 1, and of no session.
    #[must_use]
    pub const fn id(self) -> u64 {
        self.0
    }

    /// Queues a message, in order: strings as text, bytes as binary. What is sent before the connection is open goes out
    /// first of all. While the queue is full it waits, where the instance serves one session: so a slow server slows
    /// the guest.
    ///
    /// # Errors
    /// [`Error::NotOpen`], [`Error::Backlogged`] or [`Error::TooLarge`]: the message was not accepted.
    pub fn send(self, message: impl AsMessage) -> Result<(), Error> {
        host::send(self.0, message.as_message())
    }

    /// Sends a ping of at most 125 bytes. Nobody is told of the answer; the host watches over the connection by itself.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a longer payload, else as [`send`](Self::send).
    pub fn ping(self, payload: impl AsRef<[u8]>) -> Result<(), Error> {
        host::ping(self.0, payload.as_ref())
    }

    /// Closes it, after what was sent. A code and a reason as of [`Session::close`], but for 1011, which clients do not
    /// send. Only [`Connections::disconnected`] still comes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another code or a longer reason, [`Error::NotOpen`] when it is closing already.
    pub fn close(self, code: impl Into<Option<u16>>, reason: &str) -> Result<(), Error> {
        host::close(self.0, code.into(), reason)
    }

    /// Where it stands.
    #[must_use]
    pub fn state(self) -> ReadyState {
        host::state(self.0)
    }

    /// The agreed subprotocol.
    #[must_use]
    pub fn protocol(self) -> Option<String> {
        host::protocol(self.0)
    }

    /// Bytes accepted for sending and not yet written to the socket.
    #[must_use]
    pub fn queued_bytes(self) -> u64 {
        host::queued_bytes(self.0)
    }
}

/// The bare id.
impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Optional: what the connections of a session bring. It is the session's state that hears of them.
///
/// A message comes only while the session has room for as much, and the session's own messages only while its
/// connections have: so a behavior that passes messages on rarely waits.
pub trait Connections: Behavior {
    /// The connection is open.
    fn connected(&mut self, session: Session, connection: Connection) {
        let _ = (session, connection);
    }

    /// A whole message arrived.
    fn received(&mut self, session: Session, connection: Connection, message: Message);

    /// The connection is over, or did not come about (1006: the host's log says why).
    fn disconnected(&mut self, session: Session, connection: Connection, close: Close) {
        let _ = (session, connection, close);
    }
}
