//! Does on command what no service should. A text message is an action (see [`Action`]) and is carried out
//! in `on-message`; the configuration keys `on-start`, `on-stop`, `on-handshake`, `on-open`, `on-error`,
//! `on-close`, `on-ping`, `on-pong` and `on-timer` name one for the other callbacks.
//!
//! An action that returns answers with a line of text. Anything else is echoed: the instance is well.

mod action;

use std::time::Duration;

use action::Action;
use wasket_guest::{
    Acceptance, Behavior, Close, Control, Handshake, Lifecycle, Message, Rejection, Request,
    Session, SessionError, Timer, config, log,
};

struct Misbehave;

impl Behavior for Misbehave {
    fn open(session: Session) -> Self {
        configured("on-open", Some(session));
        if config::get("on-timer").is_some() {
            let _ = session.set_timer(Duration::from_millis(1), 0);
        }
        Self
    }

    fn message(&mut self, session: Session, message: Message) {
        match message.as_text().and_then(Action::parse) {
            Some(action) => perform(action, Some(session)),
            None => drop(session.send(message)),
        }
    }

    fn error(&mut self, session: Session, _error: SessionError) {
        configured("on-error", Some(session));
    }

    fn close(self, session: Session, _close: Close) {
        configured("on-close", Some(session));
    }
}

impl Handshake for Misbehave {
    fn handshake(session: Session, _request: Request) -> Result<Acceptance, Rejection> {
        configured("on-handshake", Some(session));
        Ok(Acceptance::new())
    }
}

impl Control for Misbehave {
    fn ping(&mut self, session: Session, _payload: Vec<u8>) {
        configured("on-ping", Some(session));
    }

    fn pong(&mut self, session: Session, _payload: Vec<u8>) {
        configured("on-pong", Some(session));
    }
}

impl Timer for Misbehave {
    fn timer(&mut self, session: Session, _token: u64) {
        configured("on-timer", Some(session));
    }
}

impl Lifecycle for Misbehave {
    fn start() -> Result<(), String> {
        configured("on-start", None);
        Ok(())
    }

    fn stop() {
        configured("on-stop", None);
    }
}

wasket_guest::export!(Misbehave: Handshake + Control + Timer + Lifecycle);

fn configured(key: &str, session: Option<Session>) {
    let Some(text) = config::get(key) else { return };
    match Action::parse(&text) {
        Some(action) => perform(action, session),
        None => log::error!("{key}: there is no action {text:?}"),
    }
}

fn perform(action: Action, session: Option<Session>) {
    let done = action.perform(session);
    log::info!("survived {done}");
    if let Some(session) = session {
        let _ = session.send(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasket_guest::testing::Host;

    #[test]
    fn an_action_that_returns_says_so_and_other_messages_come_back() {
        let client = Host::<Misbehave>::new().open("/");
        let cases = [
            ("hello", "hello"),
            ("no-such-action:7", "no-such-action:7"),
            ("sleep:1", "sleep=1 ms"),
            ("spin:1", "spin=1 ms"),
            ("log:3", "log=3 bytes"),
        ];
        for (message, answer) in cases {
            client.send(message);
            assert_eq!(client.received(), [answer]);
        }
        client.send("send:3");
        assert_eq!(
            client.received(),
            [Message::from(vec![b'x'; 3]), "send=3 bytes accepted".into()]
        );
    }

    #[test]
    fn a_flood_ends_at_the_first_thing_not_accepted() {
        let client = Host::<Misbehave>::new().open("/");
        client.set_backlogged(true);
        client.send("send-flood");
        client.set_backlogged(false);
        client.send("hello");
        assert_eq!(client.received(), ["hello"]);
    }

    #[test]
    #[should_panic(expected = "misbehave panics")]
    fn the_configuration_chooses_for_the_other_callbacks() {
        let host = Host::<Misbehave>::new()
            .config("on-ping", "panic")
            .config("on-open", "nonsense");
        let client = host.open("/");
        assert!(host.logged("on-open: there is no action \"nonsense\""));
        client.send("hello");
        client.ping("");
    }
}
