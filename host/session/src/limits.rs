use std::time::Duration;

/// What one session of a service may cost the host. Each is a setting of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions of the service at once; more are answered 503.
    pub sessions_max: Option<usize>,
    /// The largest message a peer may send, and the largest a guest may send. Bytes.
    pub message_bytes_max: usize,
    /// Fragments of one message.
    pub fragments_max: u32,
    /// Bytes accepted for sending and not yet written to the socket.
    pub outbox_bytes_max: usize,
    /// Bytes that the outboxes of all its sessions may hold together. While they hold more, each is as small
    /// as [`OUTBOX_BYTES_ASSURED`](crate::OUTBOX_BYTES_ASSURED).
    pub queued_bytes_max: usize,
    /// How long the outbox may stay full before the session is closed with 1008.
    pub slow_reader_time: Duration,
    /// What happens to a session whose outbox a broadcast overflows.
    pub slow_reader: SlowReader,
    /// An automatic ping goes out after this long without a byte from the peer.
    pub ping_every: Option<Duration>,
    /// How long a peer may take to answer an automatic ping.
    pub pong_timeout: Duration,
    /// How long the end of a session may take, from when either side asks to close: writing what is queued,
    /// both close frames, and what the peer sends behind a violation.
    pub close_timeout: Duration,
    /// How long a write may make no progress.
    pub write_timeout: Duration,
    /// The session is closed with 1000 after this long without a message either way.
    pub idle_timeout: Option<Duration>,
    /// The session is closed with 1001 at this age.
    pub lifetime_max: Option<Duration>,
    /// Topics one session may subscribe to.
    pub topics_max: usize,
    /// Timers one session may have pending.
    pub timers_max: usize,
}

/// What happens to a session whose outbox a broadcast overflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowReader {
    /// It is closed with 1008.
    #[default]
    Close,
    /// It misses that message.
    Drop,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions_max: None,
            message_bytes_max: 1 << 20,
            fragments_max: 131_072,
            outbox_bytes_max: 4 << 20,
            queued_bytes_max: 256 << 20,
            slow_reader_time: Duration::from_secs(10),
            slow_reader: SlowReader::Close,
            ping_every: Some(Duration::from_secs(30)),
            pong_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            idle_timeout: None,
            lifetime_max: None,
            topics_max: 128,
            timers_max: 32,
        }
    }
}
