//! What the events of a session carry.

use std::fmt;

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// A close status code (RFC 6455, section 7.4); 1005 when the peer gave none, 1006 when the
    /// connection was lost.
    pub code: u16,
    /// Of at most 123 bytes; often empty.
    pub reason: String,
    /// True when both sides completed the closing handshake.
    pub clean: bool,
    /// Who ended it.
    pub by: Party,
}

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// The client.
    Peer,
    /// The behavior.
    Guest,
    /// The host: a limit, a shutdown, a lost connection.
    Host,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Peer => "peer",
            Self::Guest => "guest",
            Self::Host => "host",
        })
    }
}

/// Why a session met trouble; it closes afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionError {
    /// The peer broke the protocol.
    Protocol(String),
    /// The peer went past a limit of the service.
    Limit(String),
    /// The connection failed.
    Connection(String),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(text) => write!(f, "the peer broke the protocol: {text}"),
            Self::Limit(text) => write!(f, "the peer went past a limit: {text}"),
            Self::Connection(text) => write!(f, "the connection failed: {text}"),
        }
    }
}

impl std::error::Error for SessionError {}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// In its opening handshake.
    Connecting,
    /// Open: it takes messages.
    Open,
    /// One side asked to close.
    Closing,
    /// Closed, or never a session of this service.
    Closed,
}

impl fmt::Display for ReadyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Closed => "closed",
        })
    }
}

/// The close status codes a guest has most use for (RFC 6455, section 7.4.1). It may send 1000-1003,
/// 1007-1009, 1011-1014 and 3000-4999.
pub mod close_code {
    /// The purpose is fulfilled.
    pub const NORMAL: u16 = 1000;
    /// This end is going away.
    pub const GOING_AWAY: u16 = 1001;
    /// The peer broke the protocol spoken over the messages.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// A type of message the service cannot take, such as binary where it expects text.
    pub const UNSUPPORTED: u16 = 1003;
    /// A message that breaks the service's rules, where no other code fits.
    pub const POLICY: u16 = 1008;
    /// A message too big to process.
    pub const TOO_BIG: u16 = 1009;
    /// The service met an unexpected condition.
    pub const INTERNAL_ERROR: u16 = 1011;
    /// Overload: come back later.
    pub const TRY_AGAIN_LATER: u16 = 1013;
}
