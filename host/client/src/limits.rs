use std::time::Duration;

/// What a server can make this side hold, and how much waits to be sent. There may be more one day: write
/// `..Limits::default()` behind those you set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest message accepted, in bytes of its (inflated) payload over all fragments; beyond it the connection
    /// fails with 1009. Default 16 MiB.
    pub message_bytes_max: usize,
    /// The most frames a message may come in; beyond it the connection fails with 1008. Default 131,072.
    pub fragments_max: u32,
    /// The largest payload of a frame that is sent: longer messages go as fragments, and pings, pongs and the close
    /// frame between them. At least 1. Default 256 KiB. Files and readers go in fragments of 64 KiB whatever this
    /// allows.
    pub frame_bytes_max: usize,
    /// What may have arrived without being taken from the [`Receiver`](crate::Receiver), in bytes; each event counts
    /// for 256 more than it carries. Once it is reached the socket is not read, so that TCP holds the server back. What
    /// one read brought may be beyond: 64 KiB, and where it is compressed what 256 KiB and one more message inflate to.
    /// Default 1 MiB.
    pub received_bytes_max: usize,
    /// How many messages may wait to be sent; past them `send` waits. At least 1. Default 16.
    pub queued_messages_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 16 << 20,
            fragments_max: 131_072,
            frame_bytes_max: 256 << 10,
            received_bytes_max: 1 << 20,
            queued_messages_max: 16,
        }
    }
}

/// How long each thing may take. There may be more one day: write `..Deadlines::default()` behind those you set. There is none for how long a message may take as long as it goes on, nor for the
/// receiver: an event waits until it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// To look up a name and to connect to one of its addresses. Default 10 s.
    pub dial: Duration,
    /// The TLS handshake. Default 10 s.
    pub tls: Duration,
    /// From a request's first byte to its whole answer; for a proxy's answer again. Default 10 s.
    pub handshake: Duration,
    /// For how long nothing of what is on its way to the server may go on while what it sends is read; then the connection
    /// is lost ([`Fault::WriteOverdue`](crate::Fault)). It is 64 KiB at a time that go on: Linux tells of room when it holds no
    /// more than that beyond what the server's side has room for, others when it is a part of what they hold. Default 2
    /// minutes.
    pub write: Duration,
    /// From our wish to close until the server's close frame, with what was still to be sent before. Then the socket is
    /// closed without it. Default 5 s.
    pub close: Duration,
    /// From a ping that asks for a sign of life until one comes: from when the operating system has taken it, and from when
    /// it last took more after it had no room. Before the ping the server has to read what it and the systems on both sides
    /// hold already (128 KiB here on Linux, and its own buffer). And for how long
    /// [`Sender::ping`](crate::Sender::ping) waits. Default 30 s.
    pub pong: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            dial: seconds(10),
            tls: seconds(10),
            handshake: seconds(10),
            write: seconds(120),
            close: seconds(5),
            pong: seconds(30),
        }
    }
}
