//! The net room over real sockets, with native services: no WebAssembly is involved.

mod echo;
mod support;
