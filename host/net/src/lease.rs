use std::cell::Cell;

use wasket_ws::Event;

/// The buffers of one turn: what a read brings, what it means, and what is answered. A set or two for each
/// worker thread, lent to whichever connection has something to read; a connection that waits in the middle
/// of a turn keeps its set, and the thread makes another. So most sets are small: the large one is for
/// connections whose last read would have filled a small one.
pub(crate) struct Lease {
    pub(crate) input: Vec<u8>,
    pub(crate) output: Vec<u8>,
    events: Vec<Event<'static>>,
}

impl Lease {
    /// A set that reads up to [`INPUT_BYTES`].
    pub(crate) fn take() -> Box<Self> {
        SPARE.take().unwrap_or_else(|| Self::new(INPUT_BYTES))
    }

    /// A set that reads up to [`INPUT_BYTES_LARGE`].
    pub(crate) fn take_large() -> Box<Self> {
        SPARE_LARGE
            .take()
            .unwrap_or_else(|| Self::new(INPUT_BYTES_LARGE))
    }

    fn new(input_bytes: usize) -> Box<Self> {
        Box::new(Self {
            input: vec![0; input_bytes],
            output: Vec::new(),
            events: Vec::new(),
        })
    }

    /// Gives the set back to the thread that the task runs on now.
    pub(crate) fn give_back(mut self: Box<Self>) {
        self.output.clear();
        if self.output.capacity() > OUTPUT_BYTES_KEPT {
            return;
        }
        let spare = if self.input.len() > INPUT_BYTES {
            &SPARE_LARGE
        } else {
            &SPARE
        };
        spare.set(Some(self));
    }

    /// The list of events, empty, for borrows of any length.
    pub(crate) fn take_events<'a>(&mut self) -> Vec<Event<'a>> {
        std::mem::take(&mut self.events)
    }

    /// Takes the list back for its memory.
    pub(crate) fn keep_events(&mut self, events: Vec<Event<'_>>) {
        self.events = relabel(events);
    }
}

/// Empties a list for another lifetime; collecting in place keeps its memory.
fn relabel<'a>(mut events: Vec<Event<'_>>) -> Vec<Event<'a>> {
    events.clear();
    events.into_iter().map_while(|_| None).collect()
}

thread_local! {
    static SPARE: Cell<Option<Box<Lease>>> = const { Cell::new(None) };
    static SPARE_LARGE: Cell<Option<Box<Lease>>> = const { Cell::new(None) };
}

/// What a read brings at most, unless much came before: a guest that waits keeps it. Sixteen messages of a KiB,
/// sent at once, fit with their headers; with half of it they took two reads.
pub(crate) const INPUT_BYTES: usize = 32 << 10;
const INPUT_BYTES_LARGE: usize = 256 << 10;
/// A buffer that one large answer has grown past this is not kept.
const OUTPUT_BYTES_KEPT: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;
    use wasket_ws::Message;

    #[test]
    fn the_list_of_events_keeps_its_memory() {
        let mut lease = Lease::take();
        let bytes = vec![1_u8, 2, 3];
        let mut events = lease.take_events();
        for _ in 0..100 {
            events.push(Event::Message(Message::Binary(Cow::Borrowed(&bytes))));
        }
        let room = events.capacity();
        lease.keep_events(events);
        assert!(lease.take_events().capacity() >= room);
    }
    // hardening H4 H23: a guest that waits with a small message in its hands keeps a small set.
    #[test]
    fn sets_of_both_sizes_are_kept_apart() {
        let (small, large) = (Lease::take(), Lease::take_large());
        assert_eq!(small.input.len(), INPUT_BYTES);
        assert_eq!(large.input.len(), INPUT_BYTES_LARGE);
        large.give_back();
        assert_eq!(Lease::take().input.len(), INPUT_BYTES);
        small.give_back();
        assert_eq!(Lease::take_large().input.len(), INPUT_BYTES_LARGE);
    }
}
