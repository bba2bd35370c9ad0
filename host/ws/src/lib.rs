//! The WebSocket protocol of [RFC 6455](https://www.rfc-editor.org/rfc/rfc6455), sans I/O: bytes in, events out.
//!
//! Both roles, all of the protocol: the opening [`handshake`], [`frame`]s, masking, fragmentation, streaming UTF-8
//! validation, pings and the closing handshake.
//!
//! Deliberately absent: sockets, tasks, clocks and randomness. Time is an argument, and so are masking keys and
//! nonces. There is no queue for outgoing data either: a message to send is one [`frame::encode`] (or a
//! [`frame::encode_header`] beside a payload that many connections share), written by whoever owns the socket.
#![forbid(unsafe_code)]

mod close;
pub mod frame;
mod mask;
mod message;
mod settings;

pub use close::{CloseCode, CloseFrame, CloseReason, REASON_BYTES_MAX, ReasonTooLong};
pub use frame::Opcode;
pub use mask::mask;
pub use message::{Event, Message};
pub use settings::{Limits, Role, Timing};
