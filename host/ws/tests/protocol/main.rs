//! The protocol, from the outside: one test binary, one module for each part of it.

mod alive;
mod closing;
mod extension;
mod frames;
mod handshake;
mod limits;
mod splits;
mod support;
