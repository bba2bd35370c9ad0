use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::Outcome;

/// What few sessions have, so that the others pay a pointer for it.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    pub(crate) attachment: Bytes,
    pub(crate) topics: Vec<Arc<str>>,
    timers: Vec<(Instant, u64)>,
}

impl Rare {
    /// Replaces a pending timer of the same token.
    pub(crate) fn set_timer(&mut self, at: Instant, token: u64, timers_max: usize) -> Outcome {
        if let Some(timer) = self.timers.iter_mut().find(|(_, t)| *t == token) {
            timer.0 = at;
            return Outcome::Accepted;
        }
        if self.timers.len() >= timers_max {
            return Outcome::Refused;
        }
        self.timers.push((at, token));
        Outcome::Accepted
    }

    pub(crate) fn cancel_timer(&mut self, token: u64) {
        self.timers.retain(|(_, t)| *t != token);
    }

    pub(crate) fn clear_timers(&mut self) {
        self.timers = Vec::new();
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.timers.iter().map(|(at, _)| *at).min()
    }

    /// Takes the timer that is due first, if one is due.
    pub(crate) fn due_timer(&mut self, now: Instant) -> Option<u64> {
        let (index, _) = self
            .timers
            .iter()
            .enumerate()
            .filter(|(_, (at, _))| *at <= now)
            .min_by_key(|(_, (at, _))| *at)?;
        // `remove`, not `swap_remove`: timers set for the same moment fire in the order they were set.
        Some(self.timers.remove(index).1)
    }
}
