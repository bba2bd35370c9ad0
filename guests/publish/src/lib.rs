//! Takes a text by HTTP POST and sends it to the sessions of a service: `publishes_to` in wasket.toml says of which.
//! With `?topic=NAME` only those hear it that subscribed to that topic.

// Natively, in the tests, nobody calls it.
#[cfg_attr(not(target_family = "wasm"), allow(dead_code))]
mod answer;

#[cfg(target_family = "wasm")]
mod http;
