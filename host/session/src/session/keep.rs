//! What the host keeps for a session: an attachment, timers, topics.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::{Outcome, ReadyState, Session, Signals};
use crate::rare::Rare;

impl Session {
    /// Keeps up to [`ATTACHMENT_BYTES_MAX`] for the session.
    pub fn attach(&self, state: Bytes) -> Outcome {
        if state.len() > ATTACHMENT_BYTES_MAX {
            return Outcome::TooLarge;
        }
        if self.state() == ReadyState::Closed {
            return Outcome::NotOpen;
        }
        self.with_rare(|rare| rare.attachment = state);
        Outcome::Accepted
    }

    /// What was attached last.
    #[must_use]
    pub fn attachment(&self) -> Bytes {
        let rare = self.rare.lock();
        rare.as_ref()
            .map(|r| r.attachment.clone())
            .unwrap_or_default()
    }

    /// Has [`Seat::timer`](crate::Seat::timer) called at `at`; replaces a pending timer of the same token.
    pub fn set_timer(&self, at: Instant, token: u64) -> Outcome {
        if self.state() != ReadyState::Open {
            return Outcome::NotOpen;
        }
        let outcome = self.with_rare(|rare| rare.set_timer(at, token, self.limits.timers_max));
        self.signal(Signals::TIMERS);
        outcome
    }

    /// Takes a pending timer back.
    pub fn cancel_timer(&self, token: u64) {
        if let Some(rare) = self.rare.lock().as_mut() {
            rare.cancel_timer(token);
        }
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_timer(&self) -> Option<Instant> {
        self.rare.lock().as_ref()?.next_timer()
    }

    /// Takes the timer that is due first, if one is due.
    #[must_use]
    pub fn due_timer(&self, now: Instant) -> Option<u64> {
        self.rare.lock().as_mut()?.due_timer(now)
    }

    /// Forgets one topic that it is subscribed to.
    pub(crate) fn drop_topic(&self, topic: &str) {
        if let Some(rare) = self.rare.lock().as_mut() {
            rare.topics.retain(|name| **name != *topic);
        }
    }

    /// The topics it is subscribed to, taken.
    pub(crate) fn take_topics(&self) -> Vec<Arc<str>> {
        let mut rare = self.rare.lock();
        rare.as_mut()
            .map(|r| std::mem::take(&mut r.topics))
            .unwrap_or_default()
    }

    pub(crate) fn with_rare<R>(&self, change: impl FnOnce(&mut Rare) -> R) -> R {
        change(self.rare.lock().get_or_insert_default())
    }
}

/// What the host keeps for a session at most, in bytes (`attach` in the WIT).
pub const ATTACHMENT_BYTES_MAX: usize = 16 << 10;
