//! What a broadcast message carries, to be known again among whatever the service adds: whose it is, which one, and
//! when it was sent.

use std::time::Duration;

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) sender: usize,
    /// From 0, by sender.
    pub(super) number: u64,
    /// Since the run began.
    pub(super) sent_at: Duration,
}

/// Writes and finds the marks of one run: `<bench RUN SENDER NUMBER NANOSECONDS>`, hexadecimal, always as long.
#[derive(Debug)]
pub(super) struct Marker {
    /// The same in all marks of a run, and of no other run.
    head: String,
}

impl Marker {
    pub(super) fn new(run: u32) -> Self {
        Self {
            head: format!("<bench {run:08x} "),
        }
    }

    /// A payload with the mark, filled up to `size` bytes of ASCII.
    pub(super) fn payload(&self, mark: Mark, size: usize) -> Vec<u8> {
        let Mark {
            sender,
            number,
            sent_at,
        } = mark;
        let ns = u64::try_from(sent_at.as_nanos()).unwrap_or(u64::MAX);
        let text = format!("{}{sender:04x} {number:012x} {ns:016x}>", self.head);
        let mut payload = text.into_bytes();
        payload.resize(payload.len().max(size), b'.');
        payload
    }

    /// The mark in a message, if it is one of this run.
    pub(super) fn find(&self, message: &[u8]) -> Option<Mark> {
        let head = self.head.as_bytes();
        let at = message
            .windows(head.len())
            .position(|window| window == head)?;
        let rest = message.get(at + head.len()..at + MARK_BYTES)?;
        let text = std::str::from_utf8(rest).ok()?.strip_suffix('>')?;
        let mut numbers = text.split(' ').map(|hex| u64::from_str_radix(hex, 16).ok());
        let mut next = || numbers.next().flatten();
        Some(Mark {
            sender: usize::try_from(next()?).ok()?,
            number: next()?,
            sent_at: Duration::from_nanos(next()?),
        })
    }
}

/// The length of every mark; no broadcast message is shorter.
pub(super) const MARK_BYTES: usize = 16 + 4 + 1 + 12 + 1 + 16 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark {
            sender: 65_535,
            number: 123_456_789,
            sent_at: Duration::from_nanos(987_654_321),
        }
    }

    #[test]
    fn a_mark_is_found_whatever_is_around_it() {
        let marker = Marker::new(0xbeef);
        for size in [0, MARK_BYTES, 200] {
            let payload = marker.payload(mark(), size);
            assert_eq!(payload.len(), size.max(MARK_BYTES));
            for (before, after) in [
                ("", ""),
                ("anna: ", " Nyan!"),
                ("<bench ", "<bench 0000beef "),
            ] {
                let message = [before.as_bytes(), &payload, after.as_bytes()].concat();
                assert_eq!(marker.find(&message), Some(mark()), "{before}{size}{after}");
            }
        }
    }

    #[test]
    fn what_is_no_mark_of_this_run_is_none() {
        let marker = Marker::new(1);
        let others = Marker::new(2).payload(mark(), 0);
        assert_eq!(marker.find(&others), None);
        let own = marker.payload(mark(), 0);
        let mut spoilt = own.clone();
        spoilt[20] = b'x';
        for message in [&b""[..], b"anna joined.", &own[..own.len() - 1], &spoilt] {
            assert_eq!(marker.find(message), None);
        }
    }
}
