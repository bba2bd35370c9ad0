use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::{Host, fake};
use crate::{AsMessage, Close, Connection, Connections, Message, Party, Target};

/// The other end of a connection to the outside, which connects until it is [accepted](Self::accept).
pub struct Upstream<B> {
    id: u64,
    host: Host<B>,
}

impl<B: Connections> Upstream<B> {
    pub(super) fn new(id: u64, host: &Host<B>) -> Self {
        Self {
            id,
            host: host.share(),
        }
    }

    /// What the behavior knows it as.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection::from_id(self.id)
    }

    /// Where the behavior wanted to connect to.
    #[must_use]
    pub fn target(&self) -> Target {
        self.fake().borrow().target(self.id)
    }

    /// Opens the connection.
    pub fn accept(&self) {
        let is_connecting = self.fake().borrow_mut().is_connecting(self.id);
        if is_connecting {
            self.fake().borrow_mut().opened(self.id);
            self.host.registry.connected(self.id);
            self.settle();
        }
    }

    /// The same, with a subprotocol that was agreed on.
    pub fn accept_protocol(&self, protocol: &str) {
        let is_connecting = self.fake().borrow_mut().is_connecting(self.id);
        if is_connecting {
            self.fake().borrow_mut().agreed(self.id, protocol);
        }
        self.accept();
    }

    /// Sends a message to the behavior. Nothing happens unless the connection is open.
    pub fn send(&self, message: impl AsMessage) {
        if self.fake().borrow_mut().heard(self.id) {
            let message = message.as_message().to_message();
            self.host.registry.received(self.id, message);
            self.settle();
        }
    }

    /// Takes the messages that arrived since the last call.
    #[must_use]
    pub fn received(&self) -> Vec<Message> {
        self.fake().borrow_mut().seat(self.id).received.split_off(0)
    }

    /// Closes the connection, unless it is closed; 1006 loses it, or keeps it from opening.
    pub fn close(&self, code: u16, reason: &str) {
        let close = Close {
            code,
            reason: reason.to_owned(),
            clean: code != 1006,
            by: Party::Peer,
        };
        self.fake().borrow_mut().end(self.id, close);
        self.settle();
    }

    /// How the connection ended, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<Close> {
        self.fake().borrow_mut().seat(self.id).closed.clone()
    }

    fn settle(&self) {
        self.host.settle();
        self.host.settle_upstreams();
    }

    fn fake(&self) -> &Rc<RefCell<fake::Fake>> {
        &self.host.fake
    }
}

impl<B> fmt::Debug for Upstream<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
