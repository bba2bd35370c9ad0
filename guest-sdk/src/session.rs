use std::fmt;
use std::time::{Duration, SystemTime};

use crate::{AsMessage, Connection, Error, ReadyState, Request, Target, host, rt, timers};

/// Names one session, that is, one open WebSocket connection to the service. A plain number: cheap to
/// copy, safe to store, to compare and to hand to another instance of the service. Never reused. It is
/// no secret and no authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session(u64);

impl Session {
    /// The session of an id that [`id`](Self::id) gave. An id of no session of this service is harmless:
    /// whatever is asked of it answers [`Error::NotOpen`] or nothing.
    #[must_use]
    pub const fn from_id(id: u64) -> Self {
        Self(id)
    }

    /// At most 2^53 - 1, so that it stays exact in JavaScript and JSON.
    #[must_use]
    pub const fn id(self) -> u64 {
        self.0
    }

    /// Queues a message, in order: strings as text, bytes as binary. To the session that the instance
    /// serves alone it waits while the queue is full, so a slow peer slows its own guest; anywhere else
    /// it never waits.
    ///
    /// # Errors
    /// [`Error::NotOpen`], [`Error::Backlogged`] or [`Error::TooLarge`]: the message was not accepted.
    pub fn send(self, message: impl AsMessage) -> Result<(), Error> {
        host::send(self.0, message.as_message())
    }

    /// Sends a ping of at most 125 bytes; the answer comes to [`Control::pong`](crate::Control::pong).
    ///
    /// # Errors
    /// [`Error::Invalid`] for a longer payload, else as [`send`](Self::send).
    pub fn ping(self, payload: impl AsRef<[u8]>) -> Result<(), Error> {
        host::ping(self.0, payload.as_ref())
    }

    /// Starts the closing handshake: what is queued goes out, then the close frame. The code is one of
    /// 1000-1003, 1007-1009, 1011-1014 and 3000-4999, or `None` (then no reason is sent either); the
    /// reason is at most 123 bytes. See [`close_code`](crate::close_code).
    ///
    /// # Errors
    /// [`Error::Invalid`] for another code or a longer reason, [`Error::NotOpen`] when it is closing
    /// already.
    pub fn close(self, code: impl Into<Option<u16>>, reason: &str) -> Result<(), Error> {
        host::close(self.0, code.into(), reason)?;
        rt::closed(self.0);
        Ok(())
    }

    /// Where it stands.
    #[must_use]
    pub fn state(self) -> ReadyState {
        host::state(self.0)
    }

    /// When it opened, to the millisecond; `None` if it is no session of this service.
    #[must_use]
    pub fn opened_at(self) -> Option<SystemTime> {
        since_epoch(host::opened_at(self.0)?)
    }

    /// When the peer was last heard of, a pong included, to the millisecond.
    #[must_use]
    pub fn heard_at(self) -> Option<SystemTime> {
        since_epoch(host::heard_at(self.0)?)
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

    /// The whole opening handshake. It is copied for each call: ask once, in
    /// [`Behavior::open`](crate::Behavior::open), and keep what matters.
    #[must_use]
    pub fn request(self) -> Option<Request> {
        host::request(self.0)
    }

    /// One field of the opening handshake, without copying the rest. The name is taken in any case.
    #[must_use]
    pub fn header(self, name: &str) -> Option<String> {
        host::header(self.0, name)
    }

    /// Keeps up to 16 KiB for the session in the host; it outlives the instance. Replaces what was kept.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more than that, [`Error::NotOpen`] for no session of
    /// this service.
    pub fn attach(self, state: impl AsRef<[u8]>) -> Result<(), Error> {
        host::attach(self.0, state.as_ref())
    }

    /// What [`attach`](Self::attach) kept; empty if nothing was.
    #[must_use]
    pub fn attachment(self) -> Vec<u8> {
        host::attachment(self.0)
    }

    /// Opens a WebSocket connection to the outside, to a target that the service's settings allow. It answers at
    /// once: [`Connections::connected`](crate::Connections::connected) or
    /// [`disconnected`](crate::Connections::disconnected) follows. The connection ends with the session.
    ///
    /// # Errors
    /// [`Error::Refused`] for a target that is not allowed or too many connections, [`Error::Invalid`] for what is
    /// no URL or a header that is the host's, [`Error::TooLarge`], [`Error::NotOpen`].
    pub fn connect(self, target: impl Into<Target>) -> Result<Connection, Error> {
        let id = host::connect(self.0, &target.into())?;
        rt::begun(id, self.0);
        Ok(Connection::from_id(id))
    }

    /// Makes the session a receiver of [`topics::publish`](crate::topics::publish). A topic's name has 1 to
    /// 256 bytes. Ends with the session.
    ///
    /// # Errors
    /// [`Error::NotOpen`], [`Error::Invalid`] for a longer name or an empty one, [`Error::Refused`] for too many.
    pub fn subscribe(self, topic: &str) -> Result<(), Error> {
        host::subscribe(self.0, topic)
    }

    /// Undoes [`subscribe`](Self::subscribe).
    pub fn unsubscribe(self, topic: &str) {
        host::unsubscribe(self.0, topic);
    }

    /// Asks for a call of [`Timer::timer`](crate::Timer::timer) after a while, counted in whole
    /// milliseconds. Replaces the session's pending timer of the same token; ends with the session.
    ///
    /// # Errors
    /// [`Error::NotOpen`], or [`Error::Refused`] for too many.
    pub fn set_timer(self, after: Duration, token: u64) -> Result<(), Error> {
        host::set_timer(Some(self.0), timers::milliseconds(after), token)
    }

    /// Undoes [`set_timer`](Self::set_timer).
    pub fn cancel_timer(self, token: u64) {
        host::cancel_timer(Some(self.0), token);
    }
}

/// The bare id.
impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn since_epoch(milliseconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
}
