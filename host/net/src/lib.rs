//! Sockets: listeners, the opening handshake over HTTP/1.1, routes, and the loop that drives one
//! connection between its socket, the protocol and its seat.
//!
//! Reading order: [`Server`] accepts; `http` reads a request and answers it, or upgrades; `connection`
//! drives what was upgraded.
//!
//! Deliberately absent: WebAssembly, which this crate does not know of; frames and masks (`wasket-ws`);
//! TLS and static files, which come with their own modules.
#![forbid(unsafe_code)]

mod access;
mod address;
mod answer;
mod authentication;
mod clock;
mod connection;
mod failures;
mod full;
mod handshake;
mod hashing;
mod http;
mod lease;
mod line;
mod linger;
mod listener;
mod origin;
mod page;
mod route;
mod server;
mod shared;
mod wire;

pub use access::{Access, Login};
pub use authentication::Authentication;
pub use hashing::Hashing;
pub use listener::{BindError, Listener};
pub use origin::{OriginError, Origins};
pub use page::Page;
pub use route::{Found, Place, Route, RouteError, Routes};
pub use server::{Server, ServerHandle};
