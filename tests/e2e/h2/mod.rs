//! The built binary over HTTP/2: what holds for sessions over HTTP/1.1 holds for those that are streams, and a connection
//! with many of them is no weakness.

mod flood;
mod haproxy;
pub(crate) mod pipe;
mod secure;
mod small;
mod wire;
