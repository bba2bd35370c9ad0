//! What the expansion of [`export!`](crate::export!) names. Not for use by hand; may change at any time.

use std::cell::RefCell;
use std::thread::LocalKey;

use crate::{Behavior, Close, Control, Message, Session, SessionError, Timer};

#[cfg(target_family = "wasm")]
pub use crate::wit::{behavior, control, handshake, lifecycle, timer};

/// A behavior whose sessions have a place to live.
pub trait Exported: Behavior {
    /// The states of all sessions of this instance.
    fn registry() -> &'static LocalKey<Registry<Self>>;
}

/// The state of each session that an instance serves, sorted by id. Ids grow with time, so a new session
/// almost always goes to the end; with a single one, finding it is one comparison. Boxed, so that
/// removing one of many moves little. (A `HashMap` would make the component import `wasi:random`.)
#[derive(Debug)]
pub struct Registry<B>(RefCell<Vec<(u64, Box<B>)>>);

impl<B> Registry<B> {
    /// No sessions.
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }
}

impl<B> Default for Registry<B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Behavior> Registry<B> {
    /// `on-open`.
    pub fn open(&self, id: u64) {
        let state = Box::new(B::open(Session::from_id(id)));
        let mut states = self.0.borrow_mut();
        match states.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(_) => panic!("{}", OPENED_TWICE),
            Err(place) => states.insert(place, (id, state)),
        }
    }

    /// `on-message`.
    pub fn message(&self, id: u64, message: Message) {
        self.enter(id, |state, session| state.message(session, message));
    }

    /// `on-error`.
    pub fn error(&self, id: u64, error: SessionError) {
        self.enter(id, |state, session| state.error(session, error));
    }

    /// `on-close`.
    pub fn close(&self, id: u64, close: Close) {
        let mut states = self.0.borrow_mut();
        let Ok(place) = states.binary_search_by_key(&id, |(id, _)| *id) else {
            panic!("{}", NEVER_OPENED);
        };
        let (_, state) = states.remove(place);
        drop(states);
        state.close(Session::from_id(id), close);
    }

    /// The host never calls into an instance while a handler runs, so the borrow never meets another.
    fn enter(&self, id: u64, handler: impl FnOnce(&mut B, Session)) {
        let mut states = self.0.borrow_mut();
        match states.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(place) => handler(&mut states[place].1, Session::from_id(id)),
            Err(_) => panic!("{}", NEVER_OPENED),
        }
    }
}

impl<B: Control> Registry<B> {
    /// `on-ping`.
    pub fn ping(&self, id: u64, payload: Vec<u8>) {
        self.enter(id, |state, session| state.ping(session, payload));
    }

    /// `on-pong`.
    pub fn pong(&self, id: u64, payload: Vec<u8>) {
        self.enter(id, |state, session| state.pong(session, payload));
    }
}

impl<B: Timer> Registry<B> {
    /// `on-timer`.
    pub fn timer(&self, id: Option<u64>, token: u64) {
        match id {
            Some(id) => self.enter(id, |state, session| state.timer(session, token)),
            None => B::instance_timer(token),
        }
    }
}

/// A state made anew in silence would lose what the author keeps in it: a trap that says why is better.
const NEVER_OPENED: &str = "an event of a session that this instance never opened";
const OPENED_TWICE: &str = "a session opened twice";
