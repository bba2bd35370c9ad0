//! What a store can do, whatever it is made of.

use std::pin::Pin;

use tokio::sync::OwnedSemaphorePermit;

use crate::{Error, Write, Written};

/// A key-value store. All who hold it see the same: a write that was answered is seen by every read that begins later.
///
/// An answer that is dropped before it came: a read has no effect, a write happens whole or not at all.
pub trait Store: Send + Sync {
    /// What these keys have, in their order and from one state of the store.
    ///
    /// # Errors
    /// For a key that is too long, too many keys, or values that together are larger than
    /// [`BATCH_BYTES_MAX`](crate::BATCH_BYTES_MAX).
    fn read(&self, keys: Vec<String>) -> Answer<'_, Vec<Option<Row>>>;

    /// The revision of what this key has; `None` where it has nothing.
    ///
    /// # Errors
    /// For a key that is too long.
    fn revision(&self, key: String) -> Answer<'_, Option<u64>>;

    /// Keys in the order of their bytes, those behind `after` or all: at most
    /// [`PAGE_KEYS_MAX`](crate::PAGE_KEYS_MAX).
    fn keys(&self, after: Option<String>) -> Answer<'_, Page>;

    /// Waits until a write of so many bytes may wait for its turn. Asked for before the bytes are copied, so that those
    /// of all writers together are bounded.
    fn room(&self, bytes: usize) -> Answer<'_, Room>;

    /// Writes: all of it, or nothing. Once this has answered, what was written is there for good, as far as the kind of
    /// store goes.
    ///
    /// # Errors
    /// See [`Error`].
    fn write(&self, write: Write, room: Room) -> Answer<'_, Written>;

    /// Waits until what was accepted is written, and ends. All that comes later is [`Error::Closed`].
    fn close(&self) -> Answer<'_, ()>;

    /// What its keys and values may have together, in bytes, with [`ROW_BYTES`](crate::ROW_BYTES) more for each key.
    fn bytes_max(&self) -> u64;
}

/// What a store answers, when it does.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// What a key has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Differs from that of all the store has had before: a larger number is newer.
    pub revision: u64,
    /// The bytes.
    pub value: Vec<u8>,
}

/// A part of all keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of their bytes.
    pub keys: Vec<String>,
    /// Whether more follow behind the last.
    pub has_more: bool,
}

/// Room for a write that waits for its turn.
#[derive(Debug, Default)]
pub struct Room {
    /// `None` where nothing waits.
    _permit: Option<OwnedSemaphorePermit>,
}

impl From<OwnedSemaphorePermit> for Room {
    fn from(permit: OwnedSemaphorePermit) -> Self {
        Self {
            _permit: Some(permit),
        }
    }
}
