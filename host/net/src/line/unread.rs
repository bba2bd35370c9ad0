use super::Line;

/// Bytes of the peer that were read and not taken in yet: what came right behind the opening handshake, and messages
/// of which too many would inflate at once. They come before anything that is still in the socket.
#[derive(Debug)]
pub(super) struct Unread {
    bytes: Vec<u8>,
    /// How many of them were given out.
    given: usize,
    /// Others had their turn since some were given out last.
    rested: bool,
}

impl Unread {
    fn new(bytes: Vec<u8>) -> Box<Self> {
        Box::new(Self {
            bytes,
            given: 0,
            rested: false,
        })
    }

    /// Gives out as much as fits.
    fn give(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.bytes.get(self.given..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        self.rested = false;
        count
    }
}

impl<I> Line<I> {
    /// The same line, with bytes that were read before there was one.
    pub(crate) fn with_unread(mut self, bytes: &[u8]) -> Self {
        if !bytes.is_empty() {
            self.unread = Some(Unread::new(bytes.to_vec()));
        }
        self
    }

    /// How much there was, now in `buffer`; `None` when it is the socket's turn.
    pub(super) fn read_unread(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let count = self.unread.as_mut()?.give(buffer);
        if count == 0 {
            self.unread = None;
            return None;
        }
        Some(count)
    }

    /// The end of what was read last is for later.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        match &mut self.unread {
            // They are from there.
            Some(unread) => unread.given = unread.given.saturating_sub(bytes.len()),
            None => self.unread = Some(Unread::new(bytes.to_vec())),
        }
    }

    /// Whether others are to have their turn before more is taken in. Said once.
    pub(super) fn must_rest(&mut self) -> bool {
        match &mut self.unread {
            Some(unread) => !std::mem::replace(&mut unread.rested, true),
            None => false,
        }
    }
}
