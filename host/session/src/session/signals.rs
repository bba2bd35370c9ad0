/// Why the connection's task was woken, besides mail and the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals(pub(super) u32);

impl Signals {
    pub(super) const TIMERS: u32 = 1;
    pub(super) const DEADLINE: u32 = 2;
    pub(super) const FULL: u32 = 4;
    pub(super) const CLOSING: u32 = 8;
    pub(super) const SEAT: u32 = 16;

    /// Nothing at all.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The session's timers changed.
    #[must_use]
    pub fn timers(self) -> bool {
        self.0 & Self::TIMERS != 0
    }

    /// The deadline that the connection asked for has passed.
    #[must_use]
    pub fn deadline(self) -> bool {
        self.0 & Self::DEADLINE != 0
    }

    /// Somebody found the outbox full: the slow reader's time runs.
    #[must_use]
    pub fn full(self) -> bool {
        self.0 & Self::FULL != 0
    }

    /// The session's seat asked for a turn.
    #[must_use]
    pub fn seat(self) -> bool {
        self.0 & Self::SEAT != 0
    }

    /// Somebody asked the session to close: the time for the whole of its end runs.
    #[must_use]
    pub fn closing(self) -> bool {
        self.0 & Self::CLOSING != 0
    }
}
