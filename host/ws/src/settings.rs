//! What a connection is told when it is made: its role, its limits, its times.

use std::time::Duration;

/// Which side of the connection this is (RFC 6455 section 1.2). Clients mask what they send, servers do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The side that accepted the connection.
    Server,
    /// The side that opened the connection.
    Client,
}

/// What a peer can make this side hold (RFC 6455 section 10.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest message accepted, in bytes of its (inflated) payload over all fragments; beyond it the
    /// connection fails with 1009. Default 1 MiB.
    pub message_bytes_max: usize,
    /// The most frames a message may come in; beyond it the connection fails with 1008. Default 131,072.
    pub fragments_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 1 << 20,
            fragments_max: 131_072,
        }
    }
}

/// When to ask whether the peer is alive, and how long to wait for its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A peer silent for this long is sent a ping; `None` never asks. Default 30 s.
    pub ping_every: Option<Duration>,
    /// How long an automatic ping may stay without any sign of life. Default 10 s.
    pub pong_within: Duration,
    /// How long after our close frame the peer may take to send its own. Default 5 s.
    pub close_within: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ping_every: Some(Duration::from_secs(30)),
            pong_within: Duration::from_secs(10),
            close_within: Duration::from_secs(5),
        }
    }
}
