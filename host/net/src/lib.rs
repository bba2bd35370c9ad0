//! Sockets: listeners, the opening handshake over HTTP/1.1 and HTTP/2, routes, and the loop that drives one
//! connection between its socket, the protocol and its seat.
//!
//! Reading order: [`Server`] accepts; `http` reads requests, each of which a `request` has answered, by an
//! `exchange` or a `handshake`; `onward` says how the connection goes on; `connection` drives what was upgraded. `http2`
//! is another way to the same requests, and its streams are connections to be driven.
//!
//! [`Files`] is a service for plain HTTP that needs no other room.
//!
//! Deliberately absent: WebAssembly, which this crate does not know of; frames and masks (`wasket-ws`).
#![forbid(unsafe_code)]

mod access;
mod address;
mod answer;
mod arrival;
mod asked;
mod authentication;
mod authority;
mod body;
mod clock;
mod connection;
mod counted;
mod exchange;
mod failures;
mod files;
pub mod forwarded;
mod full;
mod handshake;
mod hashing;
mod hosts;
mod http;
mod http2;
mod lease;
mod line;
mod linger;
mod listener;
mod network;
mod onward;
mod origin;
mod page;
mod patience;
mod peer;
mod places;
pub mod proxy_protocol;
mod request;
mod route;
mod server;
mod shared;
mod stamp;
mod tls;
mod wire;

pub use access::{Access, Login};
pub use authentication::Authentication;
pub use files::{FileSettings, Files, Reads};
pub use hashing::Hashing;
pub use hosts::{HostError, Hosts};
pub use listener::{BindError, Listener};
pub use network::{Network, Networks};
pub use origin::{OriginError, OriginPattern, Origins};
pub use page::Page;
pub use route::{Found, HttpPlace, Place, Route, RouteError, Routes};
pub use server::{Server, ServerHandle};
pub use stamp::Stamp;
pub use tls::{
    ClientCertificates, Fault, Password, Prepared, Tls, TlsCertificate, TlsSettings, TlsVersions,
    Unusable, Warning,
};
