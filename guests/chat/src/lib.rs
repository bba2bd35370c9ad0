//! A room: everyone hears everyone. The query parameter `name` says who joins; the configuration key
//! `suffix` is added to what people say.

use wasket_guest::{
    Behavior, Close, Message, Session, broadcast, broadcast_except, close_code, config,
};

struct Chat {
    name: String,
    suffix: String,
}

impl Behavior for Chat {
    fn open(session: Session) -> Self {
        let request = session.request().unwrap_or_default();
        let name = request
            .query("name")
            .filter(|name| !name.is_empty())
            .unwrap_or("anonymous");
        let _ = session.send(format!("Welcome, {name}!"));
        let _ = broadcast_except(session, format!("{name} joined."));
        Self {
            name: name.to_owned(),
            suffix: config::get("suffix").unwrap_or_default(),
        }
    }

    fn message(&mut self, session: Session, message: Message) {
        let _ = match message {
            Message::Text(text) => broadcast(format!("{}: {text}{}", self.name, self.suffix)),
            Message::Binary(_) => session.close(close_code::UNSUPPORTED, "text only"),
        };
    }

    fn close(self, _session: Session, _close: Close) {
        let _ = broadcast(format!("{} left.", self.name));
    }
}

wasket_guest::export!(Chat);

#[cfg(test)]
mod tests {
    use super::*;
    use wasket_guest::testing::Host;

    #[test]
    fn a_room_from_the_first_to_the_last() {
        let host = Host::<Chat>::new();
        let anna = host.open("/chat?name=Anna");
        assert_eq!(anna.received(), ["Welcome, Anna!"]);
        let nobody = host.open("/chat");
        assert_eq!(nobody.received(), ["Welcome, anonymous!"]);
        assert_eq!(anna.received(), ["anonymous joined."]);
        anna.send("hello");
        assert_eq!(anna.received(), ["Anna: hello"]);
        assert_eq!(nobody.received(), ["Anna: hello"]);
        nobody.disconnect();
        assert_eq!(anna.received(), ["anonymous left."]);
    }

    #[test]
    fn the_suffix_comes_from_the_configuration() {
        let host = Host::<Chat>::new().config("suffix", " Nyan!");
        let anna = host.open("/chat-with-nyan?name=J%C3%BCrgen");
        anna.send("hello");
        assert_eq!(anna.received(), ["Welcome, Jürgen!", "Jürgen: hello Nyan!"]);
    }

    #[test]
    fn a_binary_message_is_none_of_the_room() {
        let host = Host::<Chat>::new();
        let (anna, ben) = (host.open("/chat?name=Anna"), host.open("/chat?name="));
        anna.send(b"picture");
        let close = anna.closed().expect("it is closed");
        assert_eq!(
            (close.code, close.reason.as_str()),
            (close_code::UNSUPPORTED, "text only")
        );
        assert_eq!(ben.received(), ["Welcome, anonymous!", "Anna left."]);
    }
}
