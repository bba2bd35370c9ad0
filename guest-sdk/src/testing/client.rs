use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::{Host, fake};
use crate::{AsMessage, Behavior, Close, Control, Message, Party, Session, SessionError};

/// The peer of one session.
pub struct Client<B> {
    id: u64,
    response_headers: Vec<(String, String)>,
    host: Host<B>,
}

impl<B: Behavior> Client<B> {
    pub(super) fn new(id: u64, response_headers: Vec<(String, String)>, host: &Host<B>) -> Self {
        Self {
            id,
            response_headers,
            host: host.share(),
        }
    }

    /// The session that the behavior knows it as.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::from_id(self.id)
    }

    /// What the behavior's handshake added to the 101 answer.
    #[must_use]
    pub fn response_headers(&self) -> &[(String, String)] {
        &self.response_headers
    }

    /// Sends a message to the behavior. Nothing happens once the session is closed, as on the wire.
    pub fn send(&self, message: impl AsMessage) {
        if self.fake().borrow_mut().heard(self.id) {
            self.host
                .registry
                .message(self.id, message.as_message().to_message());
            self.host.settle();
        }
    }

    /// Takes the messages that arrived since the last call.
    #[must_use]
    pub fn received(&self) -> Vec<Message> {
        self.fake().borrow_mut().seat(self.id).received.split_off(0)
    }

    /// Takes the payloads of the pings that arrived since the last call.
    #[must_use]
    pub fn pings(&self) -> Vec<Vec<u8>> {
        self.fake().borrow_mut().seat(self.id).pings.split_off(0)
    }

    /// How the session ended, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<Close> {
        self.fake().borrow_mut().seat(self.id).closed.clone()
    }

    /// From now on, or no longer, the session's queue is full and every send answers `Backlogged`.
    pub fn set_backlogged(&self, backlogged: bool) {
        self.fake().borrow_mut().seat(self.id).backlogged = backlogged;
    }

    /// Closes the session properly, unless it is closed, and says how it ended.
    pub fn close(&self, code: u16, reason: &str) -> Close {
        self.end(Close {
            code,
            reason: reason.to_owned(),
            clean: true,
            by: Party::Peer,
        })
    }

    /// Loses the connection (1006).
    pub fn disconnect(&self) -> Close {
        self.end(Close {
            code: 1006,
            reason: String::new(),
            clean: false,
            by: Party::Host,
        })
    }

    /// Breaks the session: `on-error`, then the close that fits the error.
    pub fn fail(&self, error: SessionError) -> Close {
        if self.fake().borrow_mut().heard(self.id) {
            let (code, clean) = match &error {
                SessionError::Protocol(_) => (1002, true),
                SessionError::Limit(_) => (1009, true),
                SessionError::Connection(_) => (1006, false),
            };
            self.fake().borrow_mut().closing(self.id);
            self.host.registry.error(self.id, error);
            self.host.settle();
            return self.end(Close {
                code,
                reason: String::new(),
                clean,
                by: Party::Host,
            });
        }
        self.end(Close {
            code: 1006,
            reason: String::new(),
            clean: false,
            by: Party::Host,
        })
    }

    fn end(&self, close: Close) -> Close {
        self.fake().borrow_mut().end(self.id, close);
        self.host.settle();
        self.closed().expect("it has just ended")
    }

    fn fake(&self) -> &Rc<RefCell<fake::Fake>> {
        &self.host.fake
    }
}

impl<B: Control> Client<B> {
    /// Sends a ping, which the host answers and reports.
    pub fn ping(&self, payload: impl AsRef<[u8]>) {
        if self.fake().borrow_mut().heard(self.id) {
            self.host
                .registry
                .ping(self.id, payload.as_ref().to_owned());
            self.host.settle();
        }
    }

    /// Answers a ping of the behavior.
    pub fn pong(&self, payload: impl AsRef<[u8]>) {
        if self.fake().borrow_mut().heard(self.id) {
            self.host
                .registry
                .pong(self.id, payload.as_ref().to_owned());
            self.host.settle();
        }
    }
}

impl<B> fmt::Debug for Client<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
