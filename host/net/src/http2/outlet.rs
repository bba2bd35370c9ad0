//! How much h2 is given to send, and whose turn it is to give it more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use parking_lot::Mutex;

/// Keeps what h2 has of a connection's output at [`BYTES_MAX`]. h2 itself takes what it is given stream by stream, and what
/// it keeps of it by the frame: a hundred times as much where frames are small. So what comes then is left with who has
/// it, where it is counted, and where small messages become larger writes. And as h2 has little, who waits here waits for
/// a part of each of those who came before, and not for all that they have.
#[derive(Debug)]
pub(super) struct Outlet {
    /// What h2 may still be given, or the excess of what it was.
    room: AtomicI64,
    /// What the socket has ever taken.
    taken: AtomicU64,
    /// The socket has not taken all that h2 had for it.
    blocked: AtomicBool,
    /// Somebody waits, and has not been called.
    queued: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    last: u64,
    /// Who has not been called, by their numbers.
    waiting: BTreeMap<u64, Waker>,
}

impl Default for Outlet {
    fn default() -> Self {
        Self {
            room: AtomicI64::new(BYTES_MAX),
            taken: AtomicU64::new(0),
            blocked: AtomicBool::new(false),
            queued: AtomicBool::new(false),
            queue: Mutex::default(),
        }
    }
}

impl Outlet {
    /// The socket takes nothing now.
    pub(super) fn block(&self) {
        self.blocked.store(true, Ordering::Relaxed);
    }

    /// The socket has taken all that it was given.
    pub(super) fn unblock(&self) {
        self.blocked.store(false, Ordering::Relaxed);
    }

    /// Whether the socket keeps h2 from sending what it has.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// The socket has taken so much.
    pub(super) fn take(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
        let more = |room: i64| {
            (room < BYTES_MAX).then(|| room.saturating_add(count(bytes)).min(BYTES_MAX))
        };
        let _ = self
            .room
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        let parts = self.room.load(Ordering::SeqCst).max(0) / count(PART_BYTES);
        self.call(usize::try_from(parts).unwrap_or(usize::MAX));
    }

    /// What the socket has ever taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// h2 has nothing to do: if that is not because of the socket, it has sent all that it had, or thrown it away.
    pub(super) fn rest(&self) {
        if !self.is_blocked() && !self.is_over() {
            self.room.store(BYTES_MAX, Ordering::SeqCst);
            self.call(usize::MAX);
        }
    }

    /// Nobody sends any more: there is nothing to wait for.
    pub(super) fn end(&self) {
        self.room.store(i64::MAX / 2, Ordering::SeqCst);
        self.call(usize::MAX);
    }

    /// Whether the connection ends.
    pub(super) fn is_over(&self) -> bool {
        self.room.load(Ordering::SeqCst) > BYTES_MAX
    }

    fn has_room(&self) -> bool {
        self.room.load(Ordering::SeqCst) > 0
    }

    /// Wakes so many of those who have waited longest. Who then finds no room keeps its number.
    fn call(&self, most: usize) {
        if most == 0 || !self.queued.load(Ordering::SeqCst) {
            return;
        }
        let mut queue = self.queue.lock();
        let first = std::iter::from_fn(|| queue.waiting.pop_first()).take(most);
        let called: Vec<(u64, Waker)> = first.collect();
        self.queued
            .store(!queue.waiting.is_empty(), Ordering::SeqCst);
        drop(queue);
        for (_, waker) in called {
            waker.wake();
        }
    }
}

/// One stream's way to h2.
#[derive(Debug)]
pub(super) struct Turn {
    outlet: Arc<Outlet>,
    /// Its place among those who wait.
    number: Option<u64>,
}

impl Turn {
    pub(super) fn at(outlet: &Arc<Outlet>) -> Self {
        Self {
            outlet: Arc::clone(outlet),
            number: None,
        }
    }

    /// Waits until the peer takes something of this stream, and then until it is this stream's turn: while it waits for
    /// windows it has none that others would wait for. How much may be sent, at most `wanted` and a part. `Err`: the
    /// stream is over.
    pub(super) fn poll_part(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut SendStream<Bytes>,
        wanted: usize,
    ) -> Poll<Result<usize, h2::Error>> {
        let wanted = wanted.min(PART_BYTES);
        stream.reserve_capacity(wanted);
        loop {
            if stream.capacity() == 0 {
                match ready!(stream.poll_capacity(cx)) {
                    Some(capacity) => capacity?,
                    None => return Poll::Ready(Err(Reason::CANCEL.into())),
                };
            }
            if self.poll(cx).is_pending() {
                return stream
                    .poll_reset(cx)
                    .map(|reset| Err(reset.map_or_else(|error| error, h2::Error::from)));
            }
            // Behind the turn: the peer may have lowered its windows while this waited for it.
            match stream.capacity() {
                0 => {}
                room => return Poll::Ready(Ok(room.min(wanted))),
            }
        }
    }

    /// Waits until one more part may be sent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let outlet = &*self.outlet;
        if outlet.has_room() && !outlet.queued.load(Ordering::SeqCst) {
            self.number = None;
            return Poll::Ready(());
        }
        let mut queue = outlet.queue.lock();
        let number = *self.number.get_or_insert_with(|| {
            queue.last += 1;
            queue.last
        });
        queue.waiting.insert(number, cx.waker().clone());
        outlet.queued.store(true, Ordering::SeqCst);
        // Looked at behind that: who makes room looks at both the other way round.
        let is_first = queue.waiting.range(..number).next().is_none();
        if !(is_first && outlet.has_room()) {
            return Poll::Pending;
        }
        drop(queue);
        self.leave();
        Poll::Ready(())
    }

    /// Has h2 send a part.
    pub(super) fn send(
        &self,
        stream: &mut SendStream<Bytes>,
        part: Bytes,
        ends: bool,
    ) -> Result<(), h2::Error> {
        let cost = count(part.len()).saturating_add(FRAME_BYTES);
        // Before h2 has it, and so before it can have left.
        self.outlet.room.fetch_sub(cost, Ordering::SeqCst);
        let sent = stream.send_data(part, ends);
        if sent.is_err() {
            self.outlet.room.fetch_add(cost, Ordering::SeqCst);
            self.outlet.call(usize::MAX);
        }
        sent
    }

    /// A turn that was called and is not used is not handed on, nor is room for less than a part: as long as there is
    /// less room than at first, h2 has something, and with what the socket takes of that ([`Outlet::take`]) or with its
    /// end ([`Outlet::rest`]) comes the next call.
    fn leave(&mut self) {
        if let Some(number) = self.number.take() {
            let mut queue = self.outlet.queue.lock();
            let waker = queue.waiting.remove(&number);
            let queued = !queue.waiting.is_empty();
            self.outlet.queued.store(queued, Ordering::SeqCst);
            drop(queue);
            drop(waker);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.leave();
    }
}

fn count(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// What h2 has to send of all streams of a connection, when each is given one part at a time.
const BYTES_MAX: i64 = 256 << 10;
/// What a turn is good for: a frame of the size that any peer takes (RFC 9113, section 4.2).
pub(super) const PART_BYTES: usize = 16 << 10;
/// What h2 needs for a frame, beside what is in it.
const FRAME_BYTES: i64 = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::woken::Woken;

    /// One that waits, and how often it was woken.
    struct Waits {
        turn: Turn,
        woken: Arc<Woken>,
    }

    impl Waits {
        fn at(outlet: &Arc<Outlet>) -> Self {
            Self {
                turn: Turn::at(outlet),
                woken: Arc::default(),
            }
        }

        fn may(&mut self) -> bool {
            let waker = Arc::clone(&self.woken).into();
            self.turn.poll(&mut Context::from_waker(&waker)).is_ready()
        }
    }

    fn give(outlet: &Outlet, bytes: i64) {
        outlet.room.fetch_sub(bytes, Ordering::SeqCst);
    }

    #[test]
    fn who_comes_first_has_the_first_turn() {
        let outlet = Arc::<Outlet>::default();
        let mut all: Vec<Waits> = (0..4).map(|_| Waits::at(&outlet)).collect();
        let may = |all: &mut [Waits]| -> Vec<bool> { all.iter_mut().map(Waits::may).collect() };
        assert_eq!(may(&mut all), [true; 4]);
        give(&outlet, BYTES_MAX);
        assert_eq!(may(&mut all), [false; 4]);
        outlet.take(PART_BYTES);
        let woken = |all: &[Waits]| -> Vec<usize> { all.iter().map(|w| w.woken.times()).collect() };
        assert_eq!(woken(&all), [1, 0, 0, 0]);
        assert!(!all[3].may());
        assert!(all[0].may());
        give(&outlet, BYTES_MAX);
        // Now it is the last.
        assert!(!all[0].may());
        outlet.rest();
        assert_eq!(woken(&all), [2, 1, 1, 1]);
        // Who was called and comes too late keeps its number.
        give(&outlet, BYTES_MAX);
        assert_eq!(may(&mut all), [false; 4]);
        outlet.take(PART_BYTES);
        assert_eq!(woken(&all), [2, 2, 1, 1]);
    }

    #[test]
    fn nobody_waits_for_those_who_are_gone() {
        let outlet = Arc::<Outlet>::default();
        let [mut first, mut second, mut third] = [(); 3].map(|()| Waits::at(&outlet));
        give(&outlet, BYTES_MAX);
        let all = [&mut first, &mut second, &mut third];
        assert_eq!(all.map(Waits::may), [false; 3]);
        drop(first);
        outlet.take(PART_BYTES);
        // Called, and busy with something else.
        assert_eq!(second.woken.times(), 1);
        assert!(third.may());
        // What the socket keeps from leaving is still there.
        outlet.block();
        outlet.rest();
        assert!(second.may());
        give(&outlet, BYTES_MAX);
        assert!(!second.may());
        outlet.end();
        assert_eq!(second.woken.times(), 2);
        outlet.unblock();
        outlet.rest();
        assert!(outlet.is_over());
        assert!(second.may() && third.may());
    }
}
