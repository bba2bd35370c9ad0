//! End to end: the built binary on port 0, real components, a foreign client.
//!
//! `cargo xtask test` builds both and says where they are (`WASKET_BIN`, `WASKET_GUESTS`).
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod bare;
mod behavior;
mod check;
mod closing;
mod connect;
mod demo;
mod explain;
mod failure;
mod files;
mod granted;
mod h2;
mod host;
mod hostile;
mod http;
mod isolation;
mod limits;
mod login;
mod nginx;
mod order;
mod pressure;
mod program;
mod publish;
mod relay;
mod reload;
mod size;
mod slow;
mod sources;
mod stores;
mod tls;
