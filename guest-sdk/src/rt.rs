//! What the expansion of [`export!`](crate::export!) names. Not for use by hand; may change at any time.

use std::cell::{Cell, RefCell};
use std::thread::LocalKey;

use crate::{
    Behavior, Close, Connection, Connections, Control, Message, Session, SessionError, Timer,
};

#[cfg(target_family = "wasm")]
pub use crate::wit::{
    batch, behavior, connection, control, credentials, handshake, lifecycle, timer,
};

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

    /// `on-messages`. Once the behavior has closed the session, the rest has no effect.
    pub fn messages<M: Into<Message>>(&self, id: u64, messages: Vec<M>) {
        self.enter(id, |state, session| {
            BATCH.set(Some(id));
            for message in messages {
                state.message(session, message.into());
                if BATCH.get().is_none() {
                    break;
                }
            }
        });
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

impl<B: Connections> Registry<B> {
    /// `connection.on-open`.
    pub fn connected(&self, id: u64) {
        self.enter_owner(id, |state, session| {
            state.connected(session, Connection::from_id(id));
        });
    }

    /// `connection.on-message`.
    pub fn received(&self, id: u64, message: Message) {
        self.enter_owner(id, |state, session| {
            state.received(session, Connection::from_id(id), message);
        });
    }

    /// `connection.on-close`.
    pub fn disconnected(&self, id: u64, close: Close) {
        self.enter_owner(id, |state, session| {
            state.disconnected(session, Connection::from_id(id), close);
        });
        OWNERS.with_borrow_mut(|owners| owners.retain(|(connection, _)| *connection != id));
    }

    /// A session that is over hears of its connections no more.
    fn enter_owner(&self, id: u64, handler: impl FnOnce(&mut B, Session)) {
        let owner = OWNERS.with_borrow(|owners| {
            let owner = owners.iter().find(|(connection, _)| *connection == id);
            owner.map(|(_, session)| *session)
        });
        if let Some(owner) = owner
            && self.serves(owner)
        {
            self.enter(owner, handler);
        }
    }

    fn serves(&self, id: u64) -> bool {
        let states = self.0.borrow();
        states.binary_search_by_key(&id, |(id, _)| *id).is_ok()
    }
}

/// The host has begun to connect for this session.
pub(crate) fn begun(connection: u64, session: u64) {
    OWNERS.with_borrow_mut(|owners| owners.push((connection, session)));
}

/// The host has accepted that this session closes.
pub(crate) fn closed(id: u64) {
    if BATCH.get() == Some(id) {
        BATCH.set(None);
    }
}

thread_local! {
    /// Connections to the outside, and whose they are.
    static OWNERS: RefCell<Vec<(u64, u64)>> = const { RefCell::new(Vec::new()) };
    /// The session whose batch is being taken, until it is closed.
    static BATCH: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A state made anew in silence would lose what the author keeps in it: a trap that says why is better.
const NEVER_OPENED: &str = "an event of a session that this instance never opened";
const OPENED_TWICE: &str = "a session opened twice";

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use crate::testing::Host;

    /// Closes the session, or another, when told to.
    #[derive(Default)]
    struct Script(Vec<Message>);

    impl Behavior for Script {
        fn open(_session: Session) -> Self {
            Self::default()
        }

        fn message(&mut self, session: Session, message: Message) {
            if let Some(id) = message.as_text().and_then(|text| text.parse().ok()) {
                let _ = Session::from_id(id).close(1000, "");
            } else if message == "refused" {
                let _ = session.close(1005, "");
            }
            self.0.push(message);
        }
    }

    #[test]
    fn a_batch_ends_when_the_behavior_has_closed_its_session() {
        let host = Host::<Script>::new();
        let registry = Registry::<Script>::new();
        let open = || {
            let id = host.open("/").session().id();
            registry.open(id);
            id
        };
        let (one, two) = (open(), open());
        let heard = |id| registry.0.borrow()[usize::from(id == two)].1.0.len();
        let batch = |id: u64| {
            ["a", "refused", &id.to_string(), "b"]
                .map(Message::from)
                .to_vec()
        };
        registry.messages(one, batch(two));
        assert_eq!(heard(one), 4, "another session was closed");
        registry.messages(one, batch(one));
        assert_eq!(heard(one), 7, "its own was");
        registry.messages(two, batch(two));
        assert_eq!(heard(two), 4, "it was closed before");
    }
}
