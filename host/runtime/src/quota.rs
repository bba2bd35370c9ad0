//! What one event may queue for sessions other than its own. What a guest sends to its own session is not
//! counted here: there it waits for its peer.

use std::cell::Cell;

use crate::Limits;

/// What the present call has queued for others, and how many events it stands for.
#[derive(Debug)]
pub(crate) struct Quota {
    deliveries: Cell<usize>,
    bytes: Cell<usize>,
    events: Cell<u32>,
}

impl Quota {
    pub(crate) fn new() -> Self {
        Self {
            deliveries: Cell::new(0),
            bytes: Cell::new(0),
            events: Cell::new(1),
        }
    }

    /// A new call begins, for so many events: it may queue as much as all of them.
    #[inline]
    pub(crate) fn reset(&mut self, events: u32) {
        *self.deliveries.get_mut() = 0;
        *self.bytes.get_mut() = 0;
        *self.events.get_mut() = events;
    }

    /// Counts a message of so many bytes for so many receivers, who share its bytes. The first of an event
    /// always goes: a service may have more sessions, and messages may be longer, than what is left to a loop.
    pub(crate) fn take(
        &self,
        receivers: usize,
        bytes: usize,
        limits: &Limits,
    ) -> Result<(), Exceeded> {
        if receivers == 0 {
            return Ok(());
        }
        let deliveries = self.deliveries.get().saturating_add(receivers);
        let bytes = self.bytes.get().saturating_add(bytes);
        let events = usize::try_from(self.events.get()).unwrap_or(usize::MAX);
        let is_first = self.deliveries.get() == 0;
        if !is_first && deliveries > limits.event_deliveries_max.saturating_mul(events) {
            return Err(Exceeded::Deliveries);
        }
        if !is_first && bytes > limits.event_bytes_max.saturating_mul(events) {
            return Err(Exceeded::Bytes);
        }
        self.deliveries.set(deliveries);
        self.bytes.set(bytes);
        Ok(())
    }
}

/// Which of the two an event would go past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    Deliveries,
    Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: fn() -> Limits = Limits::default;

    // hardening H28
    #[test]
    fn an_event_may_make_100_000_deliveries_or_2_mib() {
        let mut quota = Quota::new();
        // Ten broadcasts to a chat of ten thousand.
        for _ in 0..10 {
            assert_eq!(quota.take(10_000, 100, &LIMITS()), Ok(()));
        }
        assert_eq!(quota.take(1, 0, &LIMITS()), Err(Exceeded::Deliveries));
        quota.reset(1);
        for _ in 0..2 {
            assert_eq!(quota.take(3, 1 << 20, &LIMITS()), Ok(()));
        }
        assert_eq!(quota.take(3, 1, &LIMITS()), Err(Exceeded::Bytes));
        assert_eq!(quota.take(3, 0, &LIMITS()), Ok(()));
    }

    #[test]
    fn the_first_always_goes_and_what_is_refused_is_not_counted() {
        let mut quota = Quota::new();
        assert_eq!(quota.take(1_000_000, 1 << 30, &LIMITS()), Ok(()));
        assert!(quota.take(1, 1, &LIMITS()).is_err());
        quota.reset(1);
        assert_eq!(quota.take(99_999, 1, &LIMITS()), Ok(()));
        assert_eq!(quota.take(2, 1, &LIMITS()), Err(Exceeded::Deliveries));
        assert_eq!(quota.take(1, 1, &LIMITS()), Ok(()));
    }

    #[test]
    fn a_call_for_several_events_has_what_all_of_them_have() {
        let mut quota = Quota::new();
        quota.reset(3);
        for _ in 0..3 {
            assert_eq!(quota.take(100_000, 1, &LIMITS()), Ok(()));
        }
        assert_eq!(quota.take(1, 1, &LIMITS()), Err(Exceeded::Deliveries));
    }
}
