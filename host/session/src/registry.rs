use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use crate::id::ID_MAX;
use crate::{Session, SessionId};

/// The sessions of one service on this node, by id. Sharded, so that sessions that come and go meet a
/// broadcast in few places only.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    shards: [RwLock<BTreeMap<SessionId, Arc<Session>>>; SHARDS],
    len: AtomicUsize,
}

impl Registry {
    pub(crate) fn insert(&self, session: Arc<Session>) {
        let mut shard = self.shard(session.id()).write();
        if shard.insert(session.id(), session).is_none() {
            self.len.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn remove(&self, id: SessionId) -> bool {
        let there = self.shard(id).write().remove(&id).is_some();
        if there {
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
        there
    }

    pub(crate) fn find(&self, id: SessionId) -> Option<Arc<Session>> {
        self.shard(id).read().get(&id).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Up to `limit` ids above `after`, in order.
    pub(crate) fn page(&self, after: u64, limit: usize) -> Vec<SessionId> {
        if after > ID_MAX {
            return Vec::new();
        }
        let mut page = Vec::new();
        for shard in &self.shards {
            let shard = shard.read();
            let from =
                SessionId::new(after).map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
            let above = shard.range((from, std::ops::Bound::Unbounded));
            page.extend(above.map(|(id, _)| *id).take(limit));
        }
        page.sort_unstable();
        page.truncate(limit);
        page
    }

    pub(crate) fn for_each(&self, mut visit: impl FnMut(&Arc<Session>)) {
        for shard in &self.shards {
            shard.read().values().for_each(&mut visit);
        }
    }

    fn shard(&self, id: SessionId) -> &RwLock<BTreeMap<SessionId, Arc<Session>>> {
        // The lowest bits of an id change fastest.
        &self.shards[usize::from(id.get().to_le_bytes()[0]) % SHARDS]
    }
}

const SHARDS: usize = 16;
