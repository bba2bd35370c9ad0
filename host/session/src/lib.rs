//! Sessions and the hub of a service, and the ports between the two sides that meet here: `net`, which
//! owns sockets, and whatever answers on a path, such as `runtime` or the native [`echo`].
//!
//! Read [`port`] first: it is what a path can have behind it. A [`Session`] is the shared face of one
//! open connection: anyone may queue a message to it, through its [`Hub`]. The [`Outbox`] is the private
//! end of the same queue, held by the task that owns the connection: what a session's own guest sends
//! takes no lock.
//!
//! Deliberately absent: sockets, frames of the wire (only their encoding), WebAssembly, and any clock
//! but the arguments `now`.
#![forbid(unsafe_code)]

mod account;
mod compression;
pub mod echo;
mod hub;
mod id;
mod limits;
mod opening;
mod outbox;
pub mod port;
mod queue;
mod rare;
mod registry;
mod session;
#[cfg(test)]
mod tests;
mod topic;
mod users;

pub use account::{Account, Charge, OUTBOX_BYTES_ASSURED};
pub use compression::{Compression, Deflate};
pub use hub::{Hub, Reserved};
pub use id::{IdSource, SessionId};
pub use limits::{Limits, SlowReader};
pub use opening::{Headers, Opening, Principal, query_pairs};
pub use outbox::Outbox;
pub use port::{
    Admission, Answering, BodyFault, Call, CloseEvent, Fault, HttpBody, HttpRequest, HttpService,
    Inbox, Party, Refusal, Seat, Service, SessionError,
};
pub use queue::{Closing, Frame, Item};
pub use session::{ATTACHMENT_BYTES_MAX, Outcome, ReadyState, Session, Signals};
pub use users::{Found, Lookup, Unavailable, Users};
/// The types that the port [`Users`] speaks in.
pub use wasket_auth as auth;
/// The protocol's types that the ports speak in.
pub use wasket_ws as ws;
