//! Runs components as services: load, cache, limit, instantiate, call.
//!
//! A [`Runtime`] is the host's one engine. It [loads](Runtime::load) a [`Component`], and a [`GuestService`]
//! serves sessions with it, through the ports of `wasket_session`: one store and one instance a session,
//! owned by the task that owns the connection. What guests may call is in `import/`, a file for each WIT
//! interface; what the host calls is in `export.rs`. A [`GuestHttp`] answers plain requests with an [`HttpComponent`]:
//! one instance a request.
//!
//! Deliberately absent: listening sockets and the wire (that is `wasket-net`), and any grant that nobody asked for: without
//! [`Grant`]s and [`Capabilities`] a guest has no directory, address or environment variable. It never has arguments.
#![deny(unsafe_code)]

mod batch;
mod budget;
mod cache;
mod capability;
mod credentials;
mod engine;
mod error;
mod export;
mod fault;
mod files;
mod handshake;
mod http;
mod import;
mod imports;
mod inspect;
mod instance;
mod keyvalue;
mod lanes;
mod limits;
mod load;
mod log;
mod outbound;
mod precompiled;
mod purpose;
mod quota;
mod refusal;
mod seat;
mod service;
mod session;
mod slow;
mod stdio;
mod store;
mod text;
mod ticker;
mod turns;
mod wasi;
mod wire;
mod wit;

pub use self::http::{GuestHttp, HttpComponent, HttpLimits};
pub use capability::{Capabilities, Directory, SocketRange, share_files};
pub use credentials::{Credentials, GuestUsers};
pub use engine::Runtime;
pub use error::{Digest, Error, Kind, Mismatch};
pub use inspect::{Inspection, MissingImport, Need, OptionalExport};
pub use keyvalue::Stores;
pub use limits::{Limits, MEMORY_BYTES_MAX, Settings, TABLE_ELEMENTS_MAX};
pub use load::Component;
pub use outbound::{ENDED_WITHIN, Grant, NotGrantable, Outbound};
pub use purpose::Purpose;
pub use service::GuestService;
pub use text::{escaped, is_unsafe};
pub use wit::Interface;
