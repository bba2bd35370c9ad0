//! A store that lasts as long as the process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::ready;
use std::ops::Bound;

use parking_lot::Mutex;

use crate::limits::{BATCH_BYTES_MAX, PAGE_KEYS_MAX, check_batch, check_key};
use crate::{Answer, Error, Page, Room, Row, Rows, Spoiled, Store, Totals, Write, Written, apply};

/// Keeps everything in memory, and forgets it with the process. Nothing waits.
#[derive(Debug)]
pub struct Memory {
    bytes_max: u64,
    /// `None` once it is closed.
    held: Mutex<Option<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    rows: Sorted,
    totals: Totals,
}

#[derive(Debug, Default)]
struct Sorted(BTreeMap<String, Row>);

impl Memory {
    /// An empty store whose keys and values may have so many bytes together, see
    /// [`ROW_BYTES`](crate::ROW_BYTES).
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            held: Mutex::new(Some(Held::default())),
        }
    }

    fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Held) -> Result<T, Error>,
    ) -> Answer<'_, T> {
        let mut held = self.held.lock();
        let answer = held.as_mut().ok_or(Error::Closed).and_then(act);
        Box::pin(ready(answer))
    }
}

impl Store for Memory {
    fn read(&self, keys: Vec<String>) -> Answer<'_, Vec<Option<Row>>> {
        self.with(|held| {
            check_batch(keys.len(), 0)?;
            let mut bytes = 0;
            for key in &keys {
                check_key(key.len())?;
                bytes += held.rows.0.get(key).map_or(0, |row| row.value.len());
            }
            if bytes > BATCH_BYTES_MAX {
                return Err(Error::LargeBatch);
            }
            Ok(keys
                .iter()
                .map(|key| held.rows.0.get(key).cloned())
                .collect())
        })
    }

    fn revision(&self, key: String) -> Answer<'_, Option<u64>> {
        self.with(|held| {
            check_key(key.len())?;
            Ok(held.rows.0.get(&key).map(|row| row.revision))
        })
    }

    fn keys(&self, after: Option<String>) -> Answer<'_, Page> {
        self.with(|held| {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let mut behind = held.rows.0.range((from, Bound::Unbounded));
            let keys = behind.by_ref().take(PAGE_KEYS_MAX);
            Ok(Page {
                keys: keys.map(|(key, _)| key.clone()).collect(),
                has_more: behind.next().is_some(),
            })
        })
    }

    fn room(&self, _: usize) -> Answer<'_, Room> {
        Box::pin(ready(Ok(Room::default())))
    }

    fn write(&self, write: Write, _: Room) -> Answer<'_, Written> {
        self.with(|Held { rows, totals }| {
            apply(rows, totals, self.bytes_max, &write).map_err(|spoiled| match spoiled {
                Spoiled::Refused(error) => error,
                Spoiled::Fault(never) => match never {},
            })
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        *self.held.lock() = None;
        Box::pin(ready(Ok(())))
    }

    fn bytes_max(&self) -> u64 {
        self.bytes_max
    }
}

impl Rows for Sorted {
    type Fault = Infallible;

    fn find(&self, key: &str) -> Result<Option<(u64, usize)>, Infallible> {
        Ok(self.0.get(key).map(|row| (row.revision, row.value.len())))
    }

    fn read(&self, key: &str) -> Result<Option<Row>, Infallible> {
        Ok(self.0.get(key).cloned())
    }

    fn put(&mut self, key: &str, revision: u64, value: &[u8]) -> Result<(), Infallible> {
        let value = value.to_vec();
        self.0.insert(key.to_owned(), Row { revision, value });
        Ok(())
    }

    fn remove(&mut self, key: &str) -> Result<(), Infallible> {
        self.0.remove(key);
        Ok(())
    }
}
