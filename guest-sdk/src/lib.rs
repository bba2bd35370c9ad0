//! Write a WebSocket service in Rust: implement [`Behavior`], call [`export!`], build for
//! `wasm32-wasip2`, and give the component to `wasket`. No WIT and no bindings in sight.
//!
//! ```
//! use wasket_guest::{Behavior, Close, Message, Session, broadcast};
//!
//! /// One value for each session.
//! struct Chat {
//!     name: String,
//! }
//!
//! impl Behavior for Chat {
//!     fn open(session: Session) -> Self {
//!         let request = session.request().unwrap_or_default();
//!         let name = request.query("name").unwrap_or("anonymous").to_owned();
//!         Self { name }
//!     }
//!
//!     fn message(&mut self, _session: Session, message: Message) {
//!         if let Message::Text(text) = message {
//!             let _ = broadcast(format!("{}: {text}", self.name));
//!         }
//!     }
//!
//!     fn close(self, _session: Session, _close: Close) {
//!         let _ = broadcast(format!("{} left", self.name));
//!     }
//! }
//!
//! wasket_guest::export!(Chat);
//!
//! // Behaviors are tested natively, without a host:
//! use wasket_guest::testing::Host;
//! let host = Host::<Chat>::new();
//! let anna = host.open("/chat?name=Anna");
//! anna.send("hello");
//! assert_eq!(anna.received(), ["Anna: hello"]);
//! ```
//!
//! What a handler may count on:
//! - Calls never overlap, and the events of one session come in the order of the wire.
//! - After [`Session::close`] the only event still to come is [`Behavior::close`].
//! - [`broadcast`] and [`topics::publish`] never wait and never call back into the behavior.
//! - [`Behavior::close`] comes once for each [`Behavior::open`] that returned, unless the instance trapped.
//!
//! A panic is a trap: the host logs it with the guest's backtrace, drops the instance and closes its
//! sessions with 1011. Check what peers send instead of unwrapping it.
//!
//! A component imports only what its code uses: an echo asks for nothing but its sessions.
//! Left out on purpose: async (calls into an instance never overlap, so there is nothing to wait for
//! beside them) and catching panics (they abort on `wasm32-wasip2`).

// The generated bindings of wasm builds are the only unsafe code.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

mod behavior;
pub mod config;
mod connection;
mod credentials;
mod error;
mod event;
mod export;
mod handshake;
pub mod log;
mod message;
mod request;
#[doc(hidden)]
pub mod rt;
mod session;
pub mod sessions;
pub mod timers;
pub mod topics;

#[cfg(not(target_family = "wasm"))]
pub mod testing;
#[cfg(target_family = "wasm")]
mod wit;

#[cfg(not(target_family = "wasm"))]
use testing::fake as host;
#[cfg(target_family = "wasm")]
use wit::host;

pub use behavior::{Behavior, Control, Handshake, Lifecycle, Timer};
pub use connection::{Connection, Connections, Target};
pub use credentials::{Credentials, Secret};
pub use error::Error;
pub use event::{Close, Party, ReadyState, SessionError, close_code};
pub use handshake::{Acceptance, Rejection};
pub use message::{AsMessage, Message, MessageRef};
pub use request::{Cookie, Principal, Request};
pub use session::Session;
pub use sessions::{broadcast, broadcast_except};

/// The code of the authors' page compiles and does what it says.
#[cfg(doctest)]
#[doc = include_str!("../../docs/authors.md")]
struct AuthorsPage;
