use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Instant;

use bytes::{Buf, Bytes};

/// Accepted bytes that the socket has not taken yet, in order.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    unsent: VecDeque<Bytes>,
    /// Since when the socket takes nothing.
    stalled_since: Option<Instant>,
}

impl Wire {
    pub(crate) fn is_empty(&self) -> bool {
        self.unsent.is_empty()
    }

    pub(crate) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.unsent.push_back(bytes);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.unsent.iter().map(Bytes::len).sum()
    }

    /// The first pieces, for one vectored write of at most so many bytes; returns how many there are.
    pub(crate) fn slices<'a>(
        &'a self,
        mut bytes_max: usize,
        slices: &mut [IoSlice<'a>; SLICES],
    ) -> usize {
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(&self.unsent) {
            if bytes_max == 0 {
                break;
            }
            let piece = bytes.get(..bytes_max).unwrap_or(bytes);
            *slice = IoSlice::new(piece);
            bytes_max -= piece.len();
            count += 1;
        }
        count
    }

    /// The socket took this many bytes.
    pub(crate) fn advance(&mut self, mut bytes: usize) {
        self.stalled_since = None;
        while let Some(first) = self.unsent.front_mut() {
            if first.len() > bytes {
                first.advance(bytes);
                return;
            }
            bytes -= first.len();
            self.unsent.pop_front();
        }
        // A session that was slow once shall not keep the memory for it.
        self.unsent = VecDeque::new();
    }

    pub(crate) fn clear(&mut self) {
        self.unsent = VecDeque::new();
        self.stalled_since = None;
    }

    /// The socket would not take anything. True when that is news.
    pub(crate) fn stall(&mut self) -> bool {
        let news = self.stalled_since.is_none();
        self.stalled_since.get_or_insert_with(Instant::now);
        news
    }

    /// The socket has taken everything that was written.
    pub(crate) fn went_on(&mut self) {
        self.stalled_since = None;
    }

    pub(crate) fn stalled_since(&self) -> Option<Instant> {
        self.stalled_since
    }
}

/// Pieces of one vectored write.
pub(crate) const SLICES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order_at_any_pace() {
        let pieces = [&b"abc"[..], b"", b"d", b"efghij"];
        for (pace, max) in (1..=10).flat_map(|pace| [1, 2, 4, 10, 99].map(|max| (pace, max))) {
            let mut wire = Wire::default();
            pieces.iter().for_each(|p| wire.push(Bytes::from_static(p)));
            let mut seen = Vec::new();
            while !wire.is_empty() {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let count = wire.slices(max, &mut slices);
                let all: Vec<u8> = slices[..count].iter().flat_map(|s| s.to_vec()).collect();
                assert_eq!(all.len(), wire.len().min(max));
                let taken = pace.min(all.len());
                seen.extend_from_slice(&all[..taken]);
                wire.advance(taken);
            }
            assert_eq!(seen, b"abcdefghij");
            assert_eq!(wire.len(), 0);
        }
    }
}
