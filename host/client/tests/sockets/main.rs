//! The client over real sockets, against servers that behave and servers that do not.
#![expect(dead_code, reason = "servers that the next tests need")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod closing;
mod exchange;
mod pings;
mod reconnect;
mod sending;
mod server;
