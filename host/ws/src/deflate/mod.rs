//! permessage-deflate ([RFC 7692](https://www.rfc-editor.org/rfc/rfc7692)): its negotiation, and both halves of its work.
//!
//! A server compares what a client offers with its [`Terms`]; a client makes an [`Offer`] and verifies the answer. Both
//! come to [`Parameters`], which differ by direction:
//!
//! - Receiving: [`Connection::with_inflate`](crate::Connection::with_inflate) takes [`Parameters::inflate`]. What
//!   arrives of a message stays deflated until all of it is there, so a peer has nothing held that it did not send;
//!   then it is inflated up to the message limit and one byte, and of many messages a part at a time
//!   ([`Connection::receive_some`](crate::Connection::receive_some)).
//! - Sending: a [`Profile`] deflates a message by itself, the same for all connections of that profile; a [`Deflater`]
//!   remembers what its one connection has sent (context takeover). The result is written with
//!   [`FirstByte::deflated`](crate::frame::FirstByte). Not to deflate a message is always allowed.
//!
//! The codecs of connections without context takeover belong to the thread that uses them, and are kept there.

mod deflater;
mod inflater;
mod offer;
mod parameters;
mod terms;

pub use deflater::{DeflateError, Deflater, Profile};
pub use inflater::{INFLATER_BYTES, Inflate};
pub use offer::{BadAnswer, Offer};
pub use parameters::{Parameters, WINDOW_BITS_MAX, WINDOW_BITS_MIN};
pub use terms::{Agreement, Terms};

/// The extension's name.
pub const NAME: &str = "permessage-deflate";
