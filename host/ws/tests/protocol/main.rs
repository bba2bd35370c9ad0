//! The protocol, from the outside: one test binary, one module for each part of it.

mod alive;
mod closing;
mod deflate;
mod frames;
mod handshake;
mod limits;
mod negotiation;
mod splits;
mod support;
