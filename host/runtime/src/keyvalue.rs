//! Key-value stores of guests: which are granted, and what one instance has open.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use wasket_store::Store;
use wasmtime::component::{Resource, ResourceTable, ResourceTableError};

use crate::limits::KEYVALUE_HANDLES_MAX;
use crate::store::Shared;

/// What a component may open through `wasi:keyvalue`, by the names that it knows. A clone is the same stores.
#[derive(Clone, Default)]
pub struct Stores(BTreeMap<String, Arc<Granted>>);

impl Stores {
    /// Lets the component open this store by that identifier. `name` is what the log calls it.
    pub fn grant(&mut self, identifier: &str, name: &str, store: Arc<dyn Store>) {
        let name = name.to_owned();
        let granted = Arc::new(Granted { name, store });
        self.0.insert(identifier.to_owned(), granted);
    }

    /// Holds for all instances of a component, of which there are none yet.
    pub(crate) fn hold_for(self, shared: &mut Arc<Shared>) {
        if let Some(shared) = Arc::get_mut(shared) {
            shared.stores = self;
        }
    }

    pub(crate) fn find(&self, identifier: &str) -> Option<&Arc<Granted>> {
        self.0.get(identifier)
    }
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.0.iter().map(|(from, to)| (from, &to.name));
        f.debug_map().entries(names).finish()
    }
}

/// A store that is granted.
pub(crate) struct Granted {
    pub(crate) name: String,
    pub(crate) store: Arc<dyn Store>,
}

/// `bucket`.
pub(crate) struct Bucket(pub(crate) Arc<Granted>);

/// `cas`: what a key had when it was last looked at through this.
pub(crate) struct Cas {
    pub(crate) of: Arc<Granted>,
    pub(crate) key: String,
    pub(crate) revision: Option<u64>,
}

/// What one instance has open.
pub(crate) struct Opened {
    table: ResourceTable,
    /// Where pages of keys have ended, for a draft whose cursors are numbers. The oldest are forgotten.
    ends: VecDeque<(u64, String)>,
    last_cursor: u64,
}

impl Default for Opened {
    fn default() -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(KEYVALUE_HANDLES_MAX);
        Self {
            table,
            ends: VecDeque::new(),
            last_cursor: 0,
        }
    }
}

impl Opened {
    /// A handle for the guest.
    ///
    /// # Errors
    /// When it has as many as it may have.
    pub(crate) fn add<T: Send + 'static>(
        &mut self,
        thing: T,
    ) -> Result<Resource<T>, ResourceTableError> {
        self.table.push(thing)
    }

    pub(crate) fn find<T: 'static>(&self, handle: &Resource<T>) -> wasmtime::Result<&T> {
        Ok(self.table.get(handle)?)
    }

    pub(crate) fn find_mut<T: 'static>(
        &mut self,
        handle: &Resource<T>,
    ) -> wasmtime::Result<&mut T> {
        Ok(self.table.get_mut(handle)?)
    }

    pub(crate) fn take<T: 'static>(&mut self, handle: Resource<T>) -> wasmtime::Result<T> {
        Ok(self.table.delete(handle)?)
    }

    /// A cursor that leads on from behind this key.
    pub(crate) fn remember(&mut self, end: String) -> u64 {
        if self.ends.len() >= CURSORS_MAX {
            self.ends.pop_front();
        }
        self.last_cursor += 1;
        self.ends.push_back((self.last_cursor, end));
        self.last_cursor
    }

    /// Where a cursor leads on from.
    pub(crate) fn end(&self, cursor: u64) -> Option<&str> {
        let mut ends = self.ends.iter();
        let found = ends.find(|(known, _)| *known == cursor);
        found.map(|(_, end)| end.as_str())
    }
}

/// Listings that an instance may be in the middle of.
const CURSORS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_cursors_are_forgotten() {
        let mut opened = Opened::default();
        let first = opened.remember("0".into());
        assert_eq!(opened.end(first), Some("0"));
        let cursors: Vec<u64> = (1..=CURSORS_MAX)
            .map(|n| opened.remember(n.to_string()))
            .collect();
        assert_eq!(opened.end(first), None);
        assert_eq!(opened.end(cursors[0]), Some("1"));
        assert_eq!(opened.end(cursors[63]), Some("64"));
        assert_eq!(opened.end(0), None);
    }

    // hardening H29
    #[test]
    fn handles_are_bounded() {
        let mut opened = Opened::default();
        let handles: Vec<_> = (0..1_024).map(|n| opened.add(n).unwrap()).collect();
        assert!(opened.add(0_usize).is_err());
        for handle in handles {
            opened.take(handle).unwrap();
        }
        assert!(opened.add(0_usize).is_ok());
    }
}
