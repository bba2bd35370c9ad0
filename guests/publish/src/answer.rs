//! What is answered to whom. Nothing of HTTP's bindings is named here, so that it is tested natively.

use wasket_guest::{Error, broadcast, sessions, topics};

/// The one method, for `allow`.
pub(crate) const METHOD: &str = "POST";

/// A status, and a line about it for people.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) line: String,
}

impl Answer {
    fn new(status: u16, line: impl Into<String>) -> Self {
        let line = line.into();
        Self { status, line }
    }

    /// To any other method.
    pub(crate) fn not_allowed() -> Self {
        Self::new(405, "POST a text, and every session receives it")
    }

    /// The body did not come whole.
    pub(crate) fn broken() -> Self {
        Self::new(400, "the body did not arrive")
    }
}

/// Sends a body to everyone, or to the subscribers of the query's `topic`.
pub(crate) fn publish(target: &str, body: Vec<u8>) -> Answer {
    let Ok(text) = String::from_utf8(body) else {
        return Answer::new(400, "the body is no text in UTF-8");
    };
    match topic(target) {
        Some(topic) => match topics::publish(&topic, text) {
            Ok(()) => Answer::new(202, "queued for the subscribers of the topic"),
            Err(error) => refused(error),
        },
        None => match broadcast(text) {
            Ok(()) => Answer::new(202, format!("queued for {}", people(sessions::count()))),
            Err(error) => refused(error),
        },
    }
}

/// The first one that the query has.
fn topic(target: &str) -> Option<String> {
    let (_, query) = target.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let (_, topic) = pairs.find(|(name, _)| name == "topic")?;
    Some(topic.into_owned())
}

fn refused(error: Error) -> Answer {
    let status = match error {
        Error::TooLarge => 413,
        Error::Invalid => 400,
        _ => 503,
    };
    Answer::new(status, error.to_string())
}

fn people(sessions: u32) -> String {
    match sessions {
        1 => "1 session".to_owned(),
        sessions => format!("{sessions} sessions"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasket_guest::testing::Host;
    use wasket_guest::{Behavior, Message, Session};

    /// Listens to the topic that its query names.
    struct Listens;

    impl Behavior for Listens {
        fn open(session: Session) -> Self {
            if let Some(topic) = session.request().unwrap_or_default().query("topic") {
                session.subscribe(topic).unwrap();
            }
            Self
        }

        fn message(&mut self, _session: Session, _message: Message) {}
    }

    #[test]
    fn everyone_receives_what_was_posted() {
        let host = Host::<Listens>::new();
        assert_eq!(
            publish("/publish", b"to nobody".to_vec()),
            Answer::new(202, "queued for 0 sessions")
        );
        let anna = host.open("/");
        assert_eq!(
            publish("/publish?x=1", b"hello".to_vec()),
            Answer::new(202, "queued for 1 session")
        );
        assert_eq!(anna.received(), ["hello"]);
    }

    #[test]
    fn a_topic_is_for_its_subscribers() {
        let host = Host::<Listens>::new();
        let (anna, ben) = (host.open("/?topic=the%20weather"), host.open("/?topic=b"));
        let answer = publish("/publish?topic=the+weather&topic=b", b"rain".to_vec());
        assert_eq!(answer.status, 202);
        assert_eq!(anna.received(), ["rain"]);
        assert!(ben.received().is_empty());
        let nameless = publish("/publish?topic=", b"rain".to_vec());
        assert_eq!(nameless.status, 400, "{}", nameless.line);
    }

    #[test]
    fn only_text_is_sent() {
        let host = Host::<Listens>::new();
        let anna = host.open("/");
        assert_eq!(publish("/publish", vec![0xff]).status, 400);
        assert!(anna.received().is_empty());
        assert_eq!(refused(Error::TooLarge).status, 413);
        assert_eq!(refused(Error::Refused).status, 503);
    }
}
