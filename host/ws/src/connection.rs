//! One side of an open connection: what it receives, and the control frames it owes.

use std::fmt;
use std::time::Instant;

mod alive;
mod assembly;
mod closing;
mod control;
mod header;
mod partial;
mod receive;
#[cfg(test)]
mod tests;
mod text;

pub use alive::{OWED_BYTES_MAX, Overdue, PING_PAYLOADS_MAX, PONGS_MAX, PingError};
use assembly::Assembly;
pub use closing::State;
pub use receive::INFLATED_BYTES;

use crate::deflate::Inflate;
use crate::{CloseFrame, Limits, Role, Timing};
use control::Control;
use partial::Partial;

/// A source of masking keys: unpredictable, and fresh at each call (RFC 6455 section 10.3).
pub type MaskKeys = Box<dyn FnMut() -> [u8; 4] + Send>;

/// The protocol state of one side of a connection, from after the opening handshake.
///
/// It is given the time and the bytes that arrived, and says what happened ([`receive`](Self::receive)), which
/// control frames to write ([`write_owed`](Self::write_owed), [`close`](Self::close)) and when to look again
/// ([`next_deadline`](Self::next_deadline)). It never holds outgoing data: messages are written with
/// [`frame::encode`](crate::frame::encode), in any order with the control frames, but not after our close frame.
///
/// While nothing is incomplete or unusual it owns no heap memory.
pub struct Connection {
    role: Role,
    limits: Limits,
    timing: Timing,
    /// When bytes last arrived.
    heard_at: Instant,
    /// When the automatic ping that nothing has answered yet became due.
    asked_at: Option<Instant>,
    owes_ping: bool,
    owes_pong: bool,
    /// They are owed since an earlier `receive`.
    pongs_are_late: bool,
    failed: bool,
    close_received: bool,
    /// When our close frame was written.
    close_sent_at: Option<Instant>,
    /// What has arrived of a frame or message that is not complete.
    partial: Option<Box<Partial>>,
    /// What control frames left behind.
    control: Option<Box<Control>>,
    inflate: Option<Inflate>,
    mask_keys: Option<MaskKeys>,
}

impl Connection {
    /// A connection whose opening handshake was completed at `now`.
    ///
    /// A client needs [`with_mask_keys`](Self::with_mask_keys) too.
    #[must_use]
    pub fn new(role: Role, limits: Limits, timing: Timing, now: Instant) -> Self {
        Self {
            role,
            limits,
            timing,
            heard_at: now,
            asked_at: None,
            owes_ping: false,
            owes_pong: false,
            pongs_are_late: false,
            failed: false,
            close_received: false,
            close_sent_at: None,
            partial: None,
            control: None,
            inflate: None,
            mask_keys: None,
        }
    }

    /// The same with permessage-deflate agreed on, which gives RSV1 its meaning (RFC 7692 section 6).
    #[must_use]
    pub fn with_inflate(mut self, inflate: Inflate) -> Self {
        self.inflate = Some(inflate);
        self
    }

    /// The same with a source of masking keys for the control frames that a client writes. A server has no use for it.
    #[must_use]
    pub fn with_mask_keys(mut self, keys: MaskKeys) -> Self {
        self.mask_keys = Some(keys);
        self
    }

    /// Which side this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// When bytes last arrived; when the connection was made, if none ever did.
    #[must_use]
    pub fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// The peer's close frame, once it has arrived.
    #[must_use]
    pub fn peer_close(&self) -> Option<&CloseFrame> {
        self.control.as_ref()?.peer_close()
    }

    /// # Panics
    /// If a client was made without [`with_mask_keys`](Self::with_mask_keys): a frame without a mask, or with a
    /// predictable one, must never leave a client.
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        match self.role {
            Role::Server => None,
            Role::Client => {
                let keys = self.mask_keys.as_mut();
                Some(keys.expect("a client's Connection is made with_mask_keys")())
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("role", &self.role)
            .field("state", &self.state())
            .field("heard_at", &self.heard_at)
            .finish_non_exhaustive()
    }
}

// A server may hold a million of them.
const _: () = assert!(size_of::<Connection>() <= 200);
