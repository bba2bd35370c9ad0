use std::sync::Arc;

use crate::limits::{BATCH_BYTES_MAX, BATCH_KEYS_MAX, KEY_BYTES_MAX, ROW_BYTES, VALUE_BYTES_MAX};

/// Why a store did not do what it was asked. All but the last two are the fault of who asked, and nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A key is too long.
    #[error("a key of {0} bytes; the most is {KEY_BYTES_MAX}")]
    LongKey(usize),
    /// A value is too long.
    #[error("a value of {0} bytes; the most is {VALUE_BYTES_MAX}")]
    LongValue(usize),
    /// Too many keys at once.
    #[error("{0} keys at once; the most is {BATCH_KEYS_MAX}")]
    ManyKeys(usize),
    /// Too many bytes at once.
    #[error("more than {BATCH_BYTES_MAX} bytes at once")]
    LargeBatch,
    /// The write would make the store larger than it may be.
    #[error(
        "the store is full: its keys and values may have {bytes_max} bytes, with {ROW_BYTES} more for each key"
    )]
    Full {
        /// What they may have.
        bytes_max: u64,
    },
    /// What is there is no number that could be incremented.
    #[error("the value is no decimal number of this kind")]
    NoNumber,
    /// The sum would be no number of its kind.
    #[error("the sum is out of range")]
    OutOfRange,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The store does not work. A write that fails so may have happened, all of it or nothing.
    #[error("the store does not work: {0}")]
    Failed(Arc<str>),
}

impl Error {
    /// Whether it is the store's fault, and not that of who asked.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}
