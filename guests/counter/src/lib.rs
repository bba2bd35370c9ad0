//! Counts the visitors of a room in a key-value store, which all sessions share and which outlives them.

#[cfg(target_family = "wasm")]
mod http;
mod store;

use wasket_guest::{Behavior, Message, Session};

/// A visitor; the number is the store's.
struct Counter {
    room: String,
}

impl Behavior for Counter {
    fn open(session: Session) -> Self {
        let request = session.request();
        let room = request.and_then(|request| request.parameter("room").map(str::to_owned));
        let counter = Self {
            room: room.unwrap_or_default(),
        };
        // One step for the store, whoever else comes at the same time.
        answer(session, store::increment(&counter.room));
        counter
    }

    fn message(&mut self, session: Session, message: Message) {
        if let Message::Text(text) = message
            && text == "reset"
        {
            answer(session, store::reset(&self.room));
        }
    }
}

wasket_guest::export!(Counter);

fn answer(session: Session, count: Result<i64, String>) {
    let _ = session.send(match count {
        Ok(count) => format!("visitor {count}"),
        Err(error) => format!("not counted: {error}"),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasket_guest::testing::Host;

    #[test]
    fn visitors_are_counted_until_somebody_resets() {
        let host = Host::<Counter>::new();
        let (first, second) = (host.open("/counter"), host.open("/counter"));
        assert_eq!(first.received(), [Message::from("visitor 1")]);
        assert_eq!(second.received(), [Message::from("visitor 2")]);
        first.send("reset");
        assert_eq!(first.received(), [Message::from("visitor 2")]);
        assert_eq!(
            host.open("/counter").received(),
            [Message::from("visitor 1")]
        );
    }
}
