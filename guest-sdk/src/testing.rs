//! Unit tests without a host: on native targets [`Host`] takes its place, keeps what the behavior sends,
//! and keeps time. [`Client`] is the other end of a session.
//!
//! ```
//! # use wasket_guest::{Behavior, Message, Session};
//! # struct Echo;
//! # impl Behavior for Echo {
//! #     fn open(_session: Session) -> Self { Self }
//! #     fn message(&mut self, session: Session, message: Message) { let _ = session.send(message); }
//! # }
//! use wasket_guest::testing::{Host, Opening};
//!
//! let host = Host::<Echo>::new().config("suffix", "!");
//! let client = host.open(Opening::new("/echo?name=Anna").header("user-agent", "test"));
//! client.send("hello");
//! assert_eq!(client.received(), ["hello"]);
//! assert!(client.close(1000, "bye").clean);
//! ```
//!
//! Deliberately simple: a queue never fills by itself ([`Client::set_backlogged`]), a client answers a
//! close at once, there is one node, and one instance serves all sessions.

mod client;
pub(crate) mod fake;
mod opening;
mod upstream;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::rt::Registry;
use crate::{Behavior, Connections, Handshake, Lifecycle, Rejection, Timer, log::Level};

pub use client::Client;
use fake::{Due, Fake};
pub use opening::Opening;
pub use upstream::Upstream;

/// A host with one service, for the tests of its behavior. One at a time for each thread: a new one takes
/// the place of the one before.
#[derive(Debug)]
pub struct Host<B> {
    fake: Rc<RefCell<Fake>>,
    registry: Rc<Registry<B>>,
}

/// A line that the behavior logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// The module's path, from the macros.
    pub context: String,
    /// The line itself.
    pub line: String,
}

impl<B: Behavior> Host<B> {
    /// A host without configuration and without sessions. Its clock stands still: see
    /// [`advance`](Self::advance).
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "it replaces the thread's host, which Default should not"
    )]
    pub fn new() -> Self {
        Self {
            fake: fake::install(),
            registry: Rc::new(Registry::new()),
        }
    }

    /// Sets a key of the configuration.
    #[must_use]
    pub fn config(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.fake
            .borrow_mut()
            .config
            .insert(key.into(), value.into());
        self
    }

    /// From now on every connection to the outside is refused, or no longer.
    #[must_use]
    pub fn refuse_connections(self, refuse: bool) -> Self {
        self.fake.borrow_mut().refuses_connections = refuse;
        self
    }

    /// Opens a session, without the handshake export.
    pub fn open(&self, opening: impl Into<Opening>) -> Client<B> {
        let opening = opening.into();
        let id = self.fake.borrow_mut().connect(&opening);
        self.finish_opening(id, Vec::new())
    }

    /// What the behavior logged so far.
    #[must_use]
    pub fn log(&self) -> Vec<LogLine> {
        self.fake.borrow().log.clone()
    }

    /// True if one of the lines logged so far contains this text.
    #[must_use]
    pub fn logged(&self, text: &str) -> bool {
        self.fake
            .borrow()
            .log
            .iter()
            .any(|it| it.line.contains(text))
    }

    fn finish_opening(&self, id: u64, response_headers: Vec<(String, String)>) -> Client<B> {
        self.fake.borrow_mut().opened(id);
        self.registry.open(id);
        self.settle();
        Client::new(id, response_headers, self)
    }

    /// Brings each session that the behavior closed to its end.
    fn settle(&self) {
        loop {
            let Some((id, close)) = self.fake.borrow_mut().next_closed() else {
                return;
            };
            self.registry.close(id, close);
            self.fake.borrow_mut().left(id);
        }
    }

    fn share(&self) -> Self {
        Self {
            fake: Rc::clone(&self.fake),
            registry: Rc::clone(&self.registry),
        }
    }
}

impl<B: Handshake> Host<B> {
    /// Asks the behavior's handshake first, then opens the session.
    ///
    /// # Errors
    /// The behavior's rejection: the session is gone.
    pub fn handshake(&self, opening: impl Into<Opening>) -> Result<Client<B>, Rejection> {
        let opening = opening.into();
        let id = self.fake.borrow_mut().connect(&opening);
        let request = opening.into_request();
        match B::handshake(crate::Session::from_id(id), request) {
            Ok(acceptance) => {
                let headers = self.fake.borrow_mut().accepted(id, acceptance);
                Ok(self.finish_opening(id, headers))
            }
            Err(rejection) => {
                self.fake.borrow_mut().forget(id);
                Err(rejection)
            }
        }
    }
}

impl<B: Connections> Host<B> {
    /// The other ends of all connections to the outside that the behavior has begun, in order. The behavior hears of
    /// those that it closed now.
    #[must_use]
    pub fn upstreams(&self) -> Vec<Upstream<B>> {
        self.settle_upstreams();
        let ids = self.fake.borrow().upstreams();
        ids.into_iter().map(|id| Upstream::new(id, self)).collect()
    }

    fn settle_upstreams(&self) {
        loop {
            let Some((id, close)) = self.fake.borrow_mut().next_disconnected() else {
                return;
            };
            self.registry.disconnected(id, close);
            self.settle();
        }
    }
}

impl<B: Timer> Host<B> {
    /// Moves the clock, and calls for each timer that comes due, in order; those set meanwhile too.
    pub fn advance(&self, by: Duration) {
        let until = self
            .fake
            .borrow()
            .now_ms
            .saturating_add(crate::timers::milliseconds(by));
        loop {
            let Some(Due { session, token }) = self.fake.borrow_mut().next_due(until) else {
                return;
            };
            self.registry.timer(session, token);
            self.settle();
        }
    }
}

impl<B: Lifecycle> Host<B> {
    /// Starts the instance.
    ///
    /// # Errors
    /// What [`Lifecycle::start`] answers.
    pub fn start(&self) -> Result<(), String> {
        B::start()
    }

    /// Stops the instance.
    pub fn stop(&self) {
        B::stop();
    }
}
