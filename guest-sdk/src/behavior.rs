//! What an author implements: [`Behavior`], and a trait for each optional export.

use crate::{Acceptance, Close, Message, Rejection, Request, Session, SessionError};

/// What a service does. A value is the state of one session, made in [`open`](Self::open) and given
/// back in [`close`](Self::close); an instance that serves many sessions holds one value for each.
pub trait Behavior: Sized + 'static {
    /// The session is open. Others can see it already; what its peer sends meanwhile waits.
    fn open(session: Session) -> Self;

    /// A whole message arrived. It is owned: sending it on copies nothing.
    fn message(&mut self, session: Session, message: Message);

    /// The session met trouble; [`close`](Self::close) follows.
    fn error(&mut self, session: Session, error: SessionError) {
        let _ = (session, error);
    }

    /// The last call for a session. Sending to it answers [`NotOpen`](crate::Error::NotOpen).
    fn close(self, session: Session, close: Close) {
        let _ = (session, close);
    }
}

/// Optional: decide on the opening handshake, before the 101 answer.
pub trait Handshake: Behavior {
    /// Accept or reject. The session is not open yet, but [`Session::attach`] already works:
    /// a way to hand something over to [`Behavior::open`].
    ///
    /// # Errors
    /// The rejection is what the client gets instead of the 101 answer.
    fn handshake(session: Session, request: Request) -> Result<Acceptance, Rejection>;
}

/// Optional: control frames. The host has already answered a ping.
pub trait Control: Behavior {
    /// The peer sent a ping, of at most 125 bytes; several may be reported as one.
    fn ping(&mut self, session: Session, payload: Vec<u8>) {
        let _ = (session, payload);
    }

    /// The peer answered a [`Session::ping`].
    fn pong(&mut self, session: Session, payload: Vec<u8>) {
        let _ = (session, payload);
    }
}

/// Optional: what [`Session::set_timer`] and [`timers`](crate::timers) wake.
pub trait Timer: Behavior {
    /// A timer of a session is due.
    fn timer(&mut self, session: Session, token: u64);

    /// A timer of the instance is due ([`timers::set`](crate::timers::set)).
    fn instance_timer(token: u64) {
        let _ = token;
    }
}

/// Optional: the life of an instance, which serves one session or many.
pub trait Lifecycle: Behavior {
    /// Called before the instance's first event.
    ///
    /// # Errors
    /// An error keeps the instance from serving; its text goes to the host's log.
    fn start() -> Result<(), String> {
        Ok(())
    }

    /// Called after the instance's last event. A trapped instance gets no such call.
    fn stop() {}
}
