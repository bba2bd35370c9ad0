//! What can go wrong with a client once its connection is open: the server's fault, or the network's.

use std::io;

use wasket_ws::{CloseFrame, Message, Violation};

use super::link::ANSWER_WITHIN;
use crate::terminal::shown;

/// Why a client's connection is no longer of use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("message {number} came back wrong: sent {sent}, received {seen}{}", differs(*.at))]
    WrongEcho {
        number: u64,
        sent: Seen,
        seen: Seen,
        /// The first byte that differs, if type and length are right.
        at: Option<usize>,
    },
    #[error(
        "a message came that nothing was sent for: {0}; the service has to echo and to say nothing else"
    )]
    Unasked(Seen),
    #[error("no echo of message {0} came within {ANSWER_WITHIN:?}")]
    NoEcho(u64),
    #[error("message {number} of sender {sender} did not arrive within {ANSWER_WITHIN:?}")]
    NotDelivered { sender: usize, number: u64 },
    #[error(
        "message {number} of sender {sender} came when number {expected} was next: out of order, or a second time"
    )]
    OutOfOrder {
        sender: usize,
        number: u64,
        expected: u64,
    },
    #[error("no pong came within {ANSWER_WITHIN:?}")]
    NoPong,
    #[error("the connection was not ended within {ANSWER_WITHIN:?} of the close frame")]
    NotEnded,
    #[error("the server closed the connection {}", closed_with(.0))]
    Closed(CloseFrame),
    #[error("the server ended the connection without a close frame")]
    EndOfStream,
    #[error("the server broke the protocol: {0}")]
    Violation(Violation),
    #[error("the connection was lost: {0}")]
    Socket(io::Error),
}

/// How many clients failed, and why.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures {
    pub(super) count: u64,
    /// Each reason once, and not too many.
    pub(super) texts: Vec<String>,
}

impl Failures {
    #[cold]
    pub(super) fn add(&mut self, text: String) {
        self.count += 1;
        self.remember(text);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        for text in other.texts {
            self.remember(text);
        }
    }

    fn remember(&mut self, text: String) {
        if self.texts.len() < FAILURES_TOLD_MAX && !self.texts.contains(&text) {
            self.texts.push(text);
        }
    }
}

const FAILURES_TOLD_MAX: usize = 5;

impl Failure {
    #[cold]
    pub(super) fn wrong_echo(
        number: u64,
        message: &Message<'_>,
        expected: &[u8],
        is_text: bool,
    ) -> Self {
        let seen = Seen::of(message);
        let sent = Seen {
            is_text,
            bytes: expected.len(),
        };
        let same_kind = seen == sent;
        let pairs = || message.as_bytes().iter().zip(expected);
        Self::WrongEcho {
            number,
            sent,
            seen,
            at: pairs().position(|(a, b)| a != b).filter(|_| same_kind),
        }
    }
}

fn differs(at: Option<usize>) -> String {
    at.map_or_else(String::new, |at| format!(", different from byte {at} on"))
}

fn closed_with(frame: &CloseFrame) -> String {
    match (frame.code, &*frame.reason) {
        (None, _) => "without a code".to_owned(),
        (Some(code), "") => format!("with {code}"),
        (Some(code), reason) => format!("with {code}: {}", shown(reason)),
    }
}

/// What a message looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    is_text: bool,
    bytes: usize,
}

impl Seen {
    pub(super) fn of(message: &Message<'_>) -> Self {
        Self {
            is_text: message.is_text(),
            bytes: message.len(),
        }
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.is_text { "text" } else { "binary" };
        write!(f, "{} bytes of {kind}", self.bytes)
    }
}
