//! The WebSocket protocol of [RFC 6455](https://www.rfc-editor.org/rfc/rfc6455), sans I/O: bytes in, events out.
//!
//! Both roles, all of the protocol: the opening [`handshake`], [`frame`]s, masking, fragmentation, streaming UTF-8
//! validation, pings, the closing handshake, and compression ([`deflate`]). [`Connection`] is the place to begin.
//!
//! Deliberately absent: sockets, tasks, clocks and randomness. Time is an argument, and so are masking keys and
//! nonces. There is no queue for outgoing data either: a message to send is one [`frame::encode`] (or a
//! [`frame::encode_header`] beside a payload that many connections share), written by whoever owns the socket.
#![forbid(unsafe_code)]

mod close;
mod connection;
pub mod deflate;
pub mod frame;
pub mod handshake;
mod mask;
mod message;
mod settings;
mod violation;

pub use close::{CloseCode, CloseFrame, CloseReason, REASON_BYTES_MAX, ReasonTooLong};
pub use connection::{
    Connection, INFLATED_BYTES, MaskKeys, OWED_BYTES_MAX, Overdue, PING_PAYLOADS_MAX, PONGS_MAX,
    PingError, State,
};
pub use frame::Opcode;
pub use mask::mask;
pub use message::{Event, Message};
pub use settings::{Limits, Role, Timing};
pub use violation::{Violation, ViolationKind};
