//! What has come over a stream and nobody has read yet, as a state without any I/O: three parties meet here, and each has
//! to know when to go on.

use std::collections::VecDeque;
use std::task::Waker;

use http::HeaderMap;

/// The pump pushes, the reader takes, and either may be gone first. Whatever changes for the other returns its waker, to be
/// woken once the state's lock is released.
///
/// What is held is copied together: a peer that sends a byte at a time pins nothing of h2's buffers. It is never more than
/// the stream's window, for that opens only when something is taken.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: VecDeque<u8>,
    end: Option<End>,
    reading: Reading,
    reader: Option<Waker>,
    pump: Option<Waker>,
}

/// Why nothing more comes.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The peer has said all, these fields last (RFC 9113, section 8.1).
    Said(Option<HeaderMap>),
    /// The stream was reset, or its connection is gone.
    Broken(String),
}

/// Whether somebody wants what comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reading {
    #[default]
    On,
    /// Nobody does, but the peer is to have a moment to end its side.
    Lingers,
    Over,
}

impl Held {
    /// Takes in what has come; the reader is to be woken. `Err`: nobody wants it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Option<Waker>, NobodyReads> {
        if self.reading != Reading::On {
            return Err(NobodyReads);
        }
        self.bytes.extend(bytes);
        Ok(self.reader.take())
    }

    /// Nothing more will come; the reader is to be woken. The first end is the one that counts.
    pub(super) fn end(&mut self, end: End) -> Option<Waker> {
        self.end.get_or_insert(end);
        self.reader.take()
    }

    /// Moves as much as fits into `room`; how much. With what there was before its end comes nothing else.
    pub(super) fn take(&mut self, room: &mut [u8]) -> usize {
        let mut count = 0;
        let (first, second) = self.bytes.as_slices();
        for piece in [first, second] {
            let rest = room.get_mut(count..).unwrap_or_default();
            let taken = piece.len().min(rest.len());
            if let (Some(to), Some(from)) = (rest.get_mut(..taken), piece.get(..taken)) {
                to.copy_from_slice(from);
            }
            count += taken;
        }
        self.bytes.drain(..count);
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT_BYTES {
            self.bytes = VecDeque::new();
        }
        count
    }

    /// All there is.
    pub(super) fn take_all(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes).into()
    }

    /// The end, once all before it was taken.
    pub(super) fn ended(&self) -> Option<&End> {
        self.end.as_ref().filter(|_| self.bytes.is_empty())
    }

    /// The peer's last fields, once.
    pub(super) fn take_trailers(&mut self) -> Option<HeaderMap> {
        match &mut self.end {
            Some(End::Said(trailers)) if self.bytes.is_empty() => trailers.take(),
            _ => None,
        }
    }

    /// The reader found nothing, and waits.
    pub(super) fn wait(&mut self, reader: &Waker) {
        keep(&mut self.reader, reader);
    }

    /// The reader goes. How much it has not taken, and the pump to be woken.
    pub(super) fn leave(&mut self, reading: Reading) -> (usize, Option<Waker>) {
        self.reading = reading;
        self.reader = None;
        let left = std::mem::take(&mut self.bytes).len();
        (left, self.pump.take())
    }

    /// The pump is at work, and to be woken when this changes.
    pub(super) fn attend(&mut self, pump: &Waker) -> Reading {
        keep(&mut self.pump, pump);
        self.reading
    }
}

/// What came is to be thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NobodyReads;

fn keep(kept: &mut Option<Waker>, waker: &Waker) {
    match kept {
        Some(kept) => kept.clone_from(waker),
        None => *kept = Some(waker.clone()),
    }
}

/// An emptied buffer of more is given back: idle sessions are many.
const KEPT_BYTES: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::http2::woken::Woken;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Step {
        Push,
        End,
        Read,
        Attend,
        Leave,
    }

    /// What each party knows, beside the state itself.
    #[derive(Default)]
    struct Parties {
        held: Held,
        pushed: u8,
        read: u8,
        ended: bool,
        left: bool,
        reader: Arc<Woken>,
        reader_waits: bool,
        pump: Arc<Woken>,
        pump_waits: bool,
    }

    impl Parties {
        fn take(&mut self, step: Step) {
            match step {
                // Behind its end a pump does not push.
                Step::Push if self.ended => {}
                Step::Push => self.push(),
                Step::End => {
                    let woken = self.held.end(End::Said(None));
                    self.wake_reader(woken);
                    self.ended = true;
                }
                Step::Read if self.left => {}
                Step::Read => self.read(),
                Step::Attend => {
                    let reading = self.held.attend(&Arc::clone(&self.pump).into());
                    assert_eq!(reading == Reading::On, !self.left);
                    self.pump_waits = true;
                }
                Step::Leave if self.left => {}
                Step::Leave => {
                    let (left, woken) = self.held.leave(Reading::Over);
                    assert_eq!(left, usize::from(self.pushed - self.read));
                    assert_eq!(woken.is_some(), self.pump_waits);
                    self.pump_waits = false;
                    self.reader_waits = false;
                    self.left = true;
                }
            }
        }

        fn push(&mut self) {
            let pushed = self.held.push(&[self.pushed, self.pushed + 1]);
            assert_eq!(pushed.is_err(), self.left);
            if let Ok(woken) = pushed {
                self.pushed += 2;
                self.wake_reader(woken);
            }
        }

        fn wake_reader(&mut self, woken: Option<Waker>) {
            assert_eq!(woken.is_some(), self.reader_waits);
            woken.into_iter().for_each(Waker::wake);
            self.reader_waits = false;
        }

        /// One byte at a time, so that something is left.
        fn read(&mut self) {
            let mut room = [0];
            let count = self.held.take(&mut room);
            if self.read < self.pushed {
                assert_eq!((count, room), (1, [self.read]));
                self.read += 1;
                return;
            }
            assert_eq!(count, 0);
            assert_eq!(self.held.ended().is_some(), self.ended);
            if !self.ended {
                self.held.wait(&Arc::clone(&self.reader).into());
                self.reader_waits = true;
            }
        }
    }

    #[test]
    fn nobody_waits_for_what_is_there_in_any_order_of_events() {
        const STEPS: [Step; 5] = [Step::Push, Step::End, Step::Read, Step::Attend, Step::Leave];
        const LENGTH: u32 = 7;
        let count = STEPS.len();
        for number in 0..count.pow(LENGTH) {
            let steps = (0..LENGTH).map(|place| STEPS[number / count.pow(place) % count]);
            let mut parties = Parties::default();
            for step in steps.clone() {
                parties.take(step);
                let there = parties.read < parties.pushed || parties.ended;
                assert!(
                    !(parties.reader_waits && there),
                    "{:?}",
                    steps.collect::<Vec<_>>()
                );
            }
        }
    }

    #[test]
    fn bytes_keep_their_order_and_idle_streams_no_memory() {
        let mut held = Held::default();
        let sent: Vec<u8> = (0..=255).cycle().take(65_535).collect();
        let (mut rest, mut read) = (&sent[..], Vec::new());
        for (pushed, taken) in [(1, 1), (700, 300), (3, 4000), (60_000, 1), (9, 50_000)] {
            let (piece, behind) = rest.split_at(pushed);
            rest = behind;
            assert!(held.push(piece).unwrap().is_none());
            let mut room = vec![0; taken];
            let count = held.take(&mut room);
            read.extend_from_slice(&room[..count]);
        }
        read.extend(held.take_all());
        assert_eq!(read, sent[..sent.len() - rest.len()]);
        assert!(held.push(&[1; 65_535]).unwrap().is_none());
        assert_eq!(held.take(&mut [0; 65_535]), 65_535);
        assert_eq!(held.bytes.capacity(), 0);
    }
}
