//! wasket.toml, read and checked into a [`Plan`]: plain data that names nothing of the other crates.
//!
//! Two steps: what was typed (`typed`, with the bytes of the file where it stands), then what it means
//! (`meaning`). A value of a plan cannot be wrong: a route, an origin, a header field or a duration that is
//! invalid cannot be made. All mistakes of a file are reported at once, each at its line ([`Problems`]).
//!
//! Deliberately absent: sockets, WebAssembly, the environment. Only [`load()`] looks outside: it reads the configuration, and
//! whether the files, directories and variables that it names are there.
#![forbid(unsafe_code)]

mod explain;
mod load;
mod meaning;
mod mistake;
mod nearest;
pub mod plan;
mod problem;
mod reference;
pub mod settings;
mod typed;
mod value;

pub use explain::{explain, keys};
pub use load::{Objection, load, load_and_examine, parse};
pub use plan::Plan;
pub use problem::{Mistake, Position, Problems};
pub use reference::reference;
pub use value::{
    AuthName, GuestPath, Header, HostName, Invalid, LogFilter, Network, Origin, Outward, Route,
    Segment, ServiceName, Sha256, SocketRange, StoreName, Subprotocol, parse_address, parse_size,
    parse_time, show_size, show_time,
};
