use std::fmt;

/// Why the host did not accept what a guest asked for. Ordinary: a peer may leave at any moment, so a
/// behavior often has nothing to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// The session is connecting, closing, closed, or none of this service.
    NotOpen,
    /// The session's queue is full: its peer reads slowly. The session lives; try again later or drop the
    /// message.
    Backlogged,
    /// More than the service's limits allow at once.
    TooLarge,
    /// An argument breaks the protocol or a documented bound.
    Invalid,
    /// A setting or a limit of the service forbids it; the host's log says which.
    Refused,
}

impl Error {
    /// The name in the contract: `not-open`, `backlogged`, `too-large`, `invalid` or `refused`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotOpen => "not-open",
            Self::Backlogged => "backlogged",
            Self::TooLarge => "too-large",
            Self::Invalid => "invalid",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOpen => "the session is not open",
            Self::Backlogged => "the session's queue is full",
            Self::TooLarge => "larger than the service allows",
            Self::Invalid => "an argument breaks the protocol or a bound",
            Self::Refused => "the service's settings forbid it",
        })
    }
}

impl std::error::Error for Error {}
