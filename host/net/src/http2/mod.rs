//! HTTP/2: many requests and sessions on one connection (RFC 9113, RFC 8441).
//!
//! Reading order: [`connection`] drives the connection, and gives each stream a task; [`request`] makes of a stream's head
//! what HTTP/1.1 would have brought, so that all behind it is the same; [`reply`] sends an answer, [`stream`] is the socket
//! of a session. What comes is moved out of h2 at once, to wait with its reader ([`inbound`], [`held`]), before more is read
//! ([`portion`]); what goes out waits with its sender until it is its turn ([`outlet`]).
//!
//! One peer may cost us so many streams, each with so many bytes that nobody has read and so many that it has not taken;
//! and so many requests that it takes back ([`cancelled`]). Whoever is slow holds up its own stream, not the others. Behind
//! a proxy, what a client does is its own matter, and not that of the connection ([`client`]).
//!
//! Deliberately absent: `Upgrade: h2c` (obsolete), server push, priorities, and pings of its own: sessions have theirs,
//! and everything else has a deadline.

mod cancelled;
mod client;
mod connection;
mod held;
mod inbound;
mod outlet;
mod portion;
pub(crate) mod preface;
mod reply;
mod request;
mod stream;
mod streams;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod woken;

pub(crate) use connection::serve;
