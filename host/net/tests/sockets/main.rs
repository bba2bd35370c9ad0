//! The net room over real sockets, with native services: no WebAssembly is involved.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod compression;
mod deadlines;
mod echo;
mod ending;
mod events;
mod exchange;
mod files;
mod flood;
mod gated;
mod h2_client;
mod h2_limits;
mod h2_opening;
mod h2_sessions;
mod h2_stress;
mod handshake;
mod head;
mod heads;
mod leak;
mod listening;
mod login;
mod onward;
mod parting;
mod plain;
mod proxies;
mod races;
mod sources;
mod support;
mod turns;
