use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// A whole message (RFC 6455 section 5.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// The payload, text as its UTF-8 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The text; `None` for bytes.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }
}

/// One thing that happened on a connection, in the order of the wire.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A message.
    Message(Message),
    /// The server's ping, if [`Connect::show_pings`](crate::Connect::show_pings) asked for it. It is answered by itself.
    Ping(Bytes),
    /// The pong to a ping of ours, if [`Connect::show_pings`](crate::Connect::show_pings) asked for it.
    Pong(Bytes),
    /// The end: nothing follows.
    Close(Closed),
}

/// How a connection ended.
///
/// `Display` is one line: who ended it, with what, and what to do about it.
#[derive(Clone, Debug)]
pub struct Closed {
    /// What the server's close frame says; 1005 if it says nothing. For an end without one, what ours said where the
    /// server broke the protocol or a limit, and 1006 otherwise (RFC 6455 section 7.1.5).
    pub code: u16,
    /// The reason that goes with it.
    pub reason: String,
    /// Whether both close frames have passed (RFC 6455 section 7.1.4).
    pub clean: bool,
    /// Who began it.
    pub by: By,
    /// What went wrong, if something did.
    pub fault: Option<Fault>,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// This side.
    Us,
    /// The server.
    Peer,
    /// Neither: the connection was lost.
    Network,
}

/// Why a connection ended that was not closed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The server broke the protocol, or one of our limits.
    #[error("the server broke a rule: {0}")]
    Violation(wasket_ws::Violation),
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Socket(Arc<std::io::Error>),
    /// The server ended the TCP connection without a close frame.
    #[error("the server ended the connection without a close frame")]
    Gone,
    /// The server gave no sign of life after an automatic ping.
    #[error("the server did not answer a ping in time")]
    Silent,
    /// Of what was on its way to the server nothing went on for [`Deadlines::write`](crate::Deadlines).
    #[error("the server took nothing of what was sent to it for too long")]
    WriteOverdue,
    /// The server did not answer our close frame, or what was to be sent before it did not go out.
    #[error("the server did not close in time")]
    CloseOverdue,
    /// What was to be sent as a message failed in the middle of it.
    #[error("a message could not be sent whole")]
    Source,
    /// The task that owned the connection was ended, together with its runtime.
    #[error("the runtime that the connection ran on has stopped")]
    Stopped,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.fault, self.by) {
            (Some(Fault::Violation(violation)), _) => {
                write!(
                    f,
                    "closed with {}: the server broke a rule: {violation}",
                    self.code
                )?;
                match violation.kind() {
                    wasket_ws::ViolationKind::Limit => {
                        f.write_str("; raise the limit if this is welcome")
                    }
                    wasket_ws::ViolationKind::Protocol => {
                        f.write_str("; the server is to be mended")
                    }
                }
            }
            (Some(fault), _) => write!(f, "closed with {}: {fault}; connect again", self.code),
            (None, By::Us) => write!(f, "closed by us, the server answered {}", self.said()),
            (None, _) => write!(f, "closed by the server with {}", self.said()),
        }
    }
}

impl Closed {
    /// An end without a close frame.
    pub(crate) fn lost(fault: Fault) -> Self {
        Self {
            code: ABNORMAL,
            reason: String::new(),
            clean: false,
            by: By::Network,
            fault: Some(fault),
        }
    }

    fn said(&self) -> String {
        match self.reason.as_str() {
            "" => self.code.to_string(),
            reason => format!("{} \"{}\"", self.code, reason.escape_debug()),
        }
    }
}

/// What stands for a close frame without a code (RFC 6455 section 7.4.1).
pub(crate) const NO_CODE: u16 = 1005;

/// What stands for no close frame at all.
pub(crate) const ABNORMAL: u16 = 1006;
