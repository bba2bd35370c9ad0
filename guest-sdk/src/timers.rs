//! Timers of the instance itself, for instances that serve many sessions. Those of a session:
//! [`Session::set_timer`](crate::Session::set_timer).

use std::time::Duration;

use crate::{Error, host};

/// Asks for a call of [`Timer::instance_timer`](crate::Timer::instance_timer) after a while, counted in
/// whole milliseconds. Replaces a pending timer of the same token.
///
/// # Errors
/// [`Error::Refused`] where an instance serves a single session, and for too many.
pub fn set(after: Duration, token: u64) -> Result<(), Error> {
    host::set_timer(None, milliseconds(after), token)
}

/// Undoes [`set`].
pub fn cancel(token: u64) {
    host::cancel_timer(None, token);
}

/// Rounded up, so that a timer is never early.
pub(crate) fn milliseconds(after: Duration) -> u64 {
    after
        .as_nanos()
        .div_ceil(1_000_000)
        .try_into()
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_never_early_and_never_overflows() {
        for (after, expected) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_millis(20), 20),
            (Duration::MAX, u64::MAX),
        ] {
            assert_eq!(milliseconds(after), expected);
        }
    }
}
