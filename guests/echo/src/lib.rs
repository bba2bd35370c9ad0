//! Sends every message back as it came: text as text, binary as binary.

use wasket_guest::{Behavior, Message, Session};

struct Echo;

impl Behavior for Echo {
    fn open(_session: Session) -> Self {
        Self
    }

    fn message(&mut self, session: Session, message: Message) {
        // A peer that has just left is ordinary: there is nobody to tell.
        let _ = session.send(message);
    }
}

wasket_guest::export!(Echo);

#[cfg(test)]
mod tests {
    use super::*;
    use wasket_guest::testing::Host;

    #[test]
    fn a_message_comes_back_as_what_it_was() {
        let client = Host::<Echo>::new().open("/echo");
        let cases = [
            Message::from("text"),
            Message::from(""),
            Message::from(b"text".as_slice()),
            Message::from(vec![0, 255, 128]),
        ];
        for message in cases {
            client.send(&message);
            assert_eq!(client.received(), [message]);
        }
    }

    #[test]
    fn a_full_queue_harms_nobody() {
        let client = Host::<Echo>::new().open("/echo");
        client.set_backlogged(true);
        client.send("lost");
        client.set_backlogged(false);
        client.send("kept");
        assert_eq!(client.received(), ["kept"]);
        assert_eq!(client.closed(), None);
    }
}
