/// Why the connection's task was woken, besides mail and the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals(pub(super) u32);

impl Signals {
    pub(super) const TIMERS: u32 = 1;
    pub(super) const DEADLINE: u32 = 2;
    pub(super) const FULL: u32 = 4;
    pub(super) const ABANDON: u32 = 8;

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

    /// The session was closed without regard to what was queued: its peer gets only the time of a
    /// closing handshake for what is on its way.
    #[must_use]
    pub fn abandon(self) -> bool {
        self.0 & Self::ABANDON != 0
    }
}
