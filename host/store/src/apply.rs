//! What a write does, the same for every store.

use std::collections::BTreeMap;

use crate::limits::{ROW_BYTES, check_batch, check_key, check_value};
use crate::{Error, Number, Row, Write, Written};

/// The rows of a store, while nobody else changes them.
pub trait Rows {
    /// How reading and writing rows can fail.
    type Fault;

    /// The revision of what a key has, and how many bytes its value has.
    ///
    /// # Errors
    /// When the store does not work.
    fn find(&self, key: &str) -> Result<Option<(u64, usize)>, Self::Fault>;

    /// What a key has.
    ///
    /// # Errors
    /// When the store does not work.
    fn read(&self, key: &str) -> Result<Option<Row>, Self::Fault>;

    /// Has a key have this.
    ///
    /// # Errors
    /// When the store does not work.
    fn put(&mut self, key: &str, revision: u64, value: &[u8]) -> Result<(), Self::Fault>;

    /// Has a key have nothing.
    ///
    /// # Errors
    /// When the store does not work.
    fn remove(&mut self, key: &str) -> Result<(), Self::Fault>;
}

/// What is known of a store as a whole, kept with every write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Bytes of all keys and values, and [`ROW_BYTES`] for each key.
    pub bytes: u64,
    /// The newest revision: larger after every write that changed a row.
    pub revision: u64,
}

/// Why a write was not applied.
#[derive(Debug, PartialEq, Eq)]
pub enum Spoiled<F> {
    /// For what it asks; no row has changed.
    Refused(Error),
    /// The store does not work; some rows may have changed.
    Fault(F),
}

impl<F> From<Error> for Spoiled<F> {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// Applies a write to the rows of a store that may have so many bytes, counted like [`Totals::bytes`]. A store that has more already, for it may have had
/// more once, takes what makes it no larger.
///
/// # Errors
/// When nothing was applied.
pub fn apply<R: Rows>(
    rows: &mut R,
    totals: &mut Totals,
    bytes_max: u64,
    write: &Write,
) -> Result<Written, Spoiled<R::Fault>> {
    let mut change = Change {
        rows,
        totals,
        bytes_max,
    };
    match write {
        Write::Set(pairs) => change.set(pairs),
        Write::Delete(keys) => change.delete(keys),
        Write::Increment { key, delta, number } => change.increment(key, *delta, *number),
        Write::Swap {
            key,
            revision,
            value,
        } => change.swap(key, *revision, value),
    }
}

struct Change<'a, R> {
    rows: &'a mut R,
    totals: &'a mut Totals,
    bytes_max: u64,
}

type Applied<R> = Result<Written, Spoiled<<R as Rows>::Fault>>;

impl<R: Rows> Change<'_, R> {
    fn set(&mut self, pairs: &[(String, Vec<u8>)]) -> Applied<R> {
        let bytes = pairs.iter().map(|(key, value)| key.len() + value.len());
        check_batch(pairs.len(), bytes.sum())?;
        for (key, value) in pairs {
            check_key(key.len())?;
            check_value(value.len())?;
        }
        let last: BTreeMap<&str, &[u8]> = pairs
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .collect();
        let mut bytes = self.totals.bytes;
        for (key, value) in &last {
            bytes = self.bytes_after(bytes, key, value.len())?;
        }
        self.check_room(bytes)?;
        for (key, value) in last {
            self.put(key, value)?;
        }
        self.totals.bytes = bytes;
        Ok(Written::Done)
    }

    fn delete(&mut self, keys: &[String]) -> Applied<R> {
        check_batch(keys.len(), keys.iter().map(String::len).sum())?;
        for key in keys {
            check_key(key.len())?;
        }
        for key in keys {
            if let Some((_, len)) = self.rows.find(key).map_err(Spoiled::Fault)? {
                self.rows.remove(key).map_err(Spoiled::Fault)?;
                self.totals.revision += 1;
                self.totals.bytes = self.totals.bytes.saturating_sub(size(key, len));
            }
        }
        Ok(Written::Done)
    }

    fn increment(&mut self, key: &str, delta: i128, number: Number) -> Applied<R> {
        check_key(key.len())?;
        let range = number.range();
        let now = match self.rows.read(key).map_err(Spoiled::Fault)? {
            None => 0,
            Some(row) => {
                let text = str::from_utf8(&row.value).ok();
                let there = text.and_then(|text| text.parse::<i128>().ok());
                there
                    .filter(|it| range.contains(it))
                    .ok_or(Error::NoNumber)?
            }
        };
        let sum = now.checked_add(delta).filter(|sum| range.contains(sum));
        let sum = sum.ok_or(Error::OutOfRange)?;
        self.replace(key, sum.to_string().as_bytes())?;
        Ok(Written::Sum(sum))
    }

    fn swap(&mut self, key: &str, revision: Option<u64>, value: &[u8]) -> Applied<R> {
        check_key(key.len())?;
        check_value(value.len())?;
        let found = self.rows.find(key).map_err(Spoiled::Fault)?;
        let now = found.map(|(revision, _)| revision);
        if now != revision {
            return Ok(Written::Changed(now));
        }
        self.replace(key, value)?;
        Ok(Written::Done)
    }

    fn replace(&mut self, key: &str, value: &[u8]) -> Result<(), Spoiled<R::Fault>> {
        let bytes = self.bytes_after(self.totals.bytes, key, value.len())?;
        self.check_room(bytes)?;
        self.put(key, value)?;
        self.totals.bytes = bytes;
        Ok(())
    }

    fn put(&mut self, key: &str, value: &[u8]) -> Result<(), Spoiled<R::Fault>> {
        self.totals.revision += 1;
        let revision = self.totals.revision;
        self.rows.put(key, revision, value).map_err(Spoiled::Fault)
    }

    /// How many bytes of so many there will be with this key having a value of this length.
    fn bytes_after(&self, bytes: u64, key: &str, len: usize) -> Result<u64, Spoiled<R::Fault>> {
        let found = self.rows.find(key).map_err(Spoiled::Fault)?;
        let before = found.map_or(0, |(_, len)| size(key, len));
        Ok(bytes.saturating_sub(before).saturating_add(size(key, len)))
    }

    fn check_room(&self, bytes: u64) -> Result<(), Error> {
        match bytes > self.bytes_max && bytes > self.totals.bytes {
            true => Err(Error::Full {
                bytes_max: self.bytes_max,
            }),
            false => Ok(()),
        }
    }
}

fn size(key: &str, len: usize) -> u64 {
    let bytes = u64::try_from(key.len().saturating_add(len)).unwrap_or(u64::MAX);
    bytes.saturating_add(ROW_BYTES)
}
