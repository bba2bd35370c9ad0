//! Key-value stores for guests: the port, what a write means, and a store in memory.
//!
//! Keys are text, values are bytes. What a write does to a store is written once ([`apply()`]), so that every store does
//! the same and refuses the same. There is no clock here, no file, and nothing of guests.
#![forbid(unsafe_code)]

mod apply;
mod error;
mod limits;
mod memory;
mod port;
mod write;

pub use apply::{Rows, Spoiled, Totals, apply};
pub use error::Error;
pub use limits::{
    BATCH_BYTES_MAX, BATCH_KEYS_MAX, KEY_BYTES_MAX, PAGE_KEYS_MAX, ROW_BYTES, VALUE_BYTES_MAX,
    check_batch, check_key, check_value,
};
pub use memory::Memory;
pub use port::{Answer, Page, Room, Row, Store};
pub use write::{Number, Write, Written};
