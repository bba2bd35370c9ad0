//! The net room over real sockets, with native services: no WebAssembly is involved.

mod deadlines;
mod echo;
mod events;
mod handshake;
mod support;
