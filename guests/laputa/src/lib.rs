//! Answers the spell, and is not available for anything else.

use wasket_guest::{Behavior, Message, Session};

struct Laputa;

impl Behavior for Laputa {
    fn open(_session: Session) -> Self {
        Self
    }

    fn message(&mut self, session: Session, message: Message) {
        let answer = match message.as_text() {
            Some("BALUS") => "Are you kidding?",
            _ => "I'm not available now.",
        };
        let _ = session.send(answer);
    }
}

wasket_guest::export!(Laputa);

#[cfg(test)]
mod tests {
    use super::*;
    use wasket_guest::testing::Host;

    #[test]
    fn only_the_spell_is_answered() {
        let client = Host::<Laputa>::new().open("/laputa");
        let cases = [
            (Message::from("BALUS"), "Are you kidding?"),
            (Message::from("balus"), "I'm not available now."),
            (Message::from("BALUS "), "I'm not available now."),
            (Message::from(""), "I'm not available now."),
            (Message::from(b"BALUS".as_slice()), "I'm not available now."),
        ];
        for (message, answer) in cases {
            client.send(&message);
            assert_eq!(client.received(), [answer], "{message:?}");
        }
    }
}
