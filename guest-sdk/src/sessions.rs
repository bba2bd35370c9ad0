//! All sessions of this service.

use crate::{AsMessage, Error, Session, host};

/// Queues a message to every session of the service, on every node, the caller's own included. Never
/// waits; a session that reads too slowly is the host's business.
///
/// # Errors
/// [`Error::TooLarge`], or [`Error::Refused`] past what one event may deliver.
pub fn broadcast(message: impl AsMessage) -> Result<(), Error> {
    host::broadcast(message.as_message(), None)
}

/// [`broadcast`] to all but one.
///
/// # Errors
/// As [`broadcast`].
pub fn broadcast_except(session: Session, message: impl AsMessage) -> Result<(), Error> {
    host::broadcast(message.as_message(), Some(session.id()))
}

/// Sessions of the service on this node.
#[must_use]
pub fn count() -> u32 {
    host::count()
}

/// The sessions of the service on this node, in the order of their ids, asked from the host page by
/// page. Sessions that come and go meanwhile may be missed or already be closed.
#[must_use]
pub fn iter() -> Iter {
    Iter {
        page: Vec::new().into_iter(),
        after: 0,
        done: false,
    }
}

/// See [`iter`].
#[derive(Clone, Debug)]
pub struct Iter {
    page: std::vec::IntoIter<u64>,
    after: u64,
    done: bool,
}

impl Iterator for Iter {
    type Item = Session;

    fn next(&mut self) -> Option<Session> {
        if self.page.len() == 0 && !self.done {
            let page = host::ids(self.after, PAGE);
            self.done = page.is_empty();
            self.page = page.into_iter();
        }
        self.after = self.page.next()?;
        Some(Session::from_id(self.after))
    }
}

/// Ids asked for at once: 2 KiB.
const PAGE: u32 = 256;
