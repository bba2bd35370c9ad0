//! The client over real sockets, against servers that behave and servers that do not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod answers;
mod closing;
mod compression;
mod deadlines;
mod dial;
mod exchange;
mod handshake;
mod hostile;
mod login;
mod pings;
mod proxies;
mod reconnect;
mod redirects;
mod sending;
mod server;
mod tls;
