//! What the fuzz targets do with their bytes and what has to hold then: one file, one function, one target.
//!
//! Every function takes any bytes at all and panics if a parser broke a promise. libFuzzer calls them from
//! `fuzz_targets/`, and `tests/replay` with every file of `corpus/`.
#![forbid(unsafe_code)]

mod authorization;
mod challenge;
mod config;
mod deflate;
mod frames;
mod handshake;
mod messages;
mod origin;
mod peer;
mod proxy;
mod reference;
mod route;

pub use authorization::authorization;
pub use challenge::challenge;
pub use config::config;
pub use deflate::deflate;
pub use frames::frames;
pub use handshake::handshake;
pub use messages::messages;
pub use origin::origin;
pub use proxy::proxy;
pub use route::route;

/// What is done with an input.
pub type Body = fn(&[u8]);

/// Every target by its name, which its file in `fuzz_targets/` and its folder in `corpus/` have too.
pub const TARGETS: [(&str, Body); 10] = [
    ("authorization", authorization),
    ("challenge", challenge),
    ("config", config),
    ("deflate", deflate),
    ("frames", frames),
    ("handshake", handshake),
    ("messages", messages),
    ("origin", origin),
    ("proxy", proxy),
    ("route", route),
];
