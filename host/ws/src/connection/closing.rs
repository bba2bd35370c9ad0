//! The closing handshake (RFC 6455 sections 5.5.1 and 7.1).

use std::time::Instant;

use super::Connection;
use crate::CloseFrame;
use crate::frame::{self, CONTROL_PAYLOAD_BYTES_MAX, Opcode};

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Neither side has closed.
    Open,
    /// Our close frame is written, the peer's is awaited.
    CloseSent,
    /// The peer's close frame has arrived, ours is not written yet.
    CloseReceived,
    /// Both close frames have passed. The server now ends the TCP connection (RFC 6455 section 7.1.1).
    Closed,
    /// The peer broke the protocol or a limit.
    Failed,
}

impl Connection {
    /// How far the connection has come.
    #[must_use]
    pub fn state(&self) -> State {
        match (self.failed, self.close_sent_at, self.close_received) {
            (true, _, _) => State::Failed,
            (false, None, false) => State::Open,
            (false, Some(_), false) => State::CloseSent,
            (false, None, true) => State::CloseReceived,
            (false, Some(_), true) => State::Closed,
        }
    }

    /// Whether the closing handshake was completed without a violation (RFC 6455 section 7.1.4).
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.state() == State::Closed
    }

    /// Appends our close frame, to begin the closing handshake or to answer the peer's. It goes out once: later calls
    /// write nothing, and neither does anything else of this connection.
    ///
    /// A `frame` without a code answers with the peer's code and reason, if it sent one.
    pub fn close(&mut self, now: Instant, frame: &CloseFrame, out: &mut Vec<u8>) {
        if self.close_sent_at.is_some() {
            return;
        }
        let mut payload = Vec::with_capacity(CONTROL_PAYLOAD_BYTES_MAX);
        match (frame.code, self.peer_close()) {
            (None, Some(peer)) => peer.write_payload(&mut payload),
            _ => frame.write_payload(&mut payload),
        }
        let key = self.mask_key();
        frame::encode(out, Opcode::Close, &payload, key);
        self.close_sent_at = Some(now);
        self.owes_ping = false;
        self.owes_pong = false;
    }

    /// Nothing that follows a close frame or a violation is read (RFC 6455 sections 5.5.1 and 7.1.7).
    pub(super) fn ignores_input(&self) -> bool {
        self.failed || self.close_received
    }
}
