//! Pings, pongs and deadlines (RFC 6455 sections 5.5.2 and 5.5.3).

use std::time::Instant;

use super::Connection;
use crate::frame::{self, CONTROL_PAYLOAD_BYTES_MAX, Opcode};

impl Connection {
    /// Whether [`write_owed`](Self::write_owed) would write anything.
    #[inline]
    #[must_use]
    pub fn owes(&self) -> bool {
        self.owes_ping || self.owes_pong
    }

    /// Appends the control frames that are owed: the pongs to what the last [`receive`](Self::receive) brought (of a
    /// flood only the newest), an automatic ping. Writes nothing after our close
    /// frame, and never more than [`OWED_BYTES_MAX`].
    pub fn write_owed(&mut self, out: &mut Vec<u8>) {
        if self.owes_pong
            && let Some(control) = &mut self.control
        {
            for payload in std::mem::take(&mut control.pongs) {
                let key = self.mask_key();
                frame::encode(out, Opcode::Pong, &payload, key);
            }
        }
        if self.owes_ping {
            let key = self.mask_key();
            frame::encode(out, Opcode::Ping, AUTOMATIC_PING, key);
        }
        self.owes_pong = false;
        self.pongs_are_late = false;
        self.owes_ping = false;
    }

    /// Appends a ping of the application's. Its pong will be an [`Event::Pong`](crate::Event::Pong), as long as it
    /// is among the newest [`PING_PAYLOADS_MAX`] that are unanswered; no deadline comes with it.
    pub fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), PingError> {
        if payload.len() > CONTROL_PAYLOAD_BYTES_MAX {
            return Err(PingError::TooLong {
                bytes: payload.len(),
            });
        }
        if self.close_sent_at.is_some() || self.ignores_input() {
            return Err(PingError::Closing);
        }
        let key = self.mask_key();
        frame::encode(out, Opcode::Ping, payload, key);
        self.control.get_or_insert_default().remember_ping(payload);
        Ok(())
    }

    /// When [`on_deadline`](Self::on_deadline) is to be called; `None` if there is nothing to wait for.
    ///
    /// Once the peer has closed or failed and until our close frame is written there is none: how long that may take
    /// is the caller's own affair. After our close frame it is when to give up waiting and disconnect.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        // A time beyond what the clock can tell never comes.
        if let Some(sent_at) = self.close_sent_at {
            return sent_at.checked_add(self.timing.close_within);
        }
        if self.ignores_input() {
            return None;
        }
        match self.asked_at {
            Some(asked_at) => asked_at.checked_add(self.timing.pong_within),
            None => self.heard_at.checked_add(self.timing.ping_every?),
        }
    }

    /// Looks at the time. Returns what the peer is late with: disconnect then (after closing, if it is a pong).
    ///
    /// `None` may mean that an automatic ping has become owed: see [`owes`](Self::owes). Calls before the deadline do
    /// nothing.
    pub fn on_deadline(&mut self, now: Instant) -> Option<Overdue> {
        if now < self.next_deadline()? {
            return None;
        }
        if self.close_sent_at.is_some() {
            return Some(Overdue::Close);
        }
        if self.asked_at.is_some() {
            return Some(Overdue::Pong);
        }
        self.asked_at = Some(now);
        self.owes_ping = true;
        None
    }

    /// Any bytes are a sign of life, as good as the pong that was asked for.
    #[inline]
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        self.asked_at = None;
        self.owes_ping = false;
    }
}

/// What a peer is late with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overdue {
    /// Any sign of life after an automatic ping, for [`Timing::pong_within`](crate::Timing).
    Pong,
    /// The close frame after ours, or the end of the TCP connection after both, for
    /// [`Timing::close_within`](crate::Timing).
    Close,
}

/// A ping that was not written: the caller's mistake, or too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PingError {
    /// Control frames carry at most 125 bytes.
    #[error("a ping has at most {CONTROL_PAYLOAD_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A close frame or a violation came before.
    #[error("the connection is closing")]
    Closing,
}

/// How many unanswered pings of the application are remembered; the oldest is forgotten first.
pub const PING_PAYLOADS_MAX: usize = 16;

/// How many pings that arrived together are answered each.
pub const PONGS_MAX: usize = 16;

/// What [`Connection::write_owed`] appends at most: pongs and an automatic ping.
pub const OWED_BYTES_MAX: usize =
    PONGS_MAX * (6 + CONTROL_PAYLOAD_BYTES_MAX) + (6 + AUTOMATIC_PING.len());

/// Not empty, so that its pong is not taken for the answer to an application's empty ping.
const AUTOMATIC_PING: &[u8] = b"wasket";
