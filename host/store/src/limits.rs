//! What is the same for every store, so that a guest does not depend on which it is given.

use crate::Error;

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1 << 10;

/// The longest value, in bytes: as much as a message has by default.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// Keys that one read or one write may name.
pub const BATCH_KEYS_MAX: usize = 1_000;

/// What the values of one read, or the keys and values of one write, may have together, in bytes.
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// Keys in one page of a listing.
pub const PAGE_KEYS_MAX: usize = 1_000;

/// What a key counts besides itself and its value, in bytes: about what it costs to have one at all, so that keys that have
/// nothing are bounded, too.
pub const ROW_BYTES: u64 = 64;

/// Whether a key of this length may be.
///
/// # Errors
/// [`Error::LongKey`].
pub fn check_key(bytes: usize) -> Result<(), Error> {
    within(bytes, KEY_BYTES_MAX, Error::LongKey)
}

/// Whether a value of this length may be.
///
/// # Errors
/// [`Error::LongValue`].
pub fn check_value(bytes: usize) -> Result<(), Error> {
    within(bytes, VALUE_BYTES_MAX, Error::LongValue)
}

/// Whether so many keys, with so many bytes of keys and values, may be written or read at once.
///
/// # Errors
/// [`Error::ManyKeys`] and [`Error::LargeBatch`].
pub fn check_batch(keys: usize, bytes: usize) -> Result<(), Error> {
    within(keys, BATCH_KEYS_MAX, Error::ManyKeys)?;
    within(bytes, BATCH_BYTES_MAX, |_| Error::LargeBatch)
}

fn within(value: usize, max: usize, error: fn(usize) -> Error) -> Result<(), Error> {
    match value <= max {
        true => Ok(()),
        false => Err(error(value)),
    }
}
