//! Bridges each session to an upstream WebSocket, both ways. Either side's backpressure reaches the other.
//!
//! The setting `config = { upstream = "wss://feed.example" }` says where to; `connect` has to allow it.

use wasket_guest::{
    Behavior, Close, Connection, Connections, Error, Message, Session, Target, close_code, config,
    log,
};

/// What stands for no code, and for no close frame (RFC 6455, section 7.4.1).
const NO_CODE: u16 = 1005;
const LOST: u16 = 1006;

/// One session, and its connection to the upstream.
struct Relay {
    upstream: Option<Connection>,
}

impl Behavior for Relay {
    fn open(session: Session) -> Self {
        let url = config::get("upstream").unwrap_or_default();
        let target = session
            .protocol()
            .into_iter()
            .fold(Target::new(url), Target::protocol);
        let upstream = session.connect(target);
        if let Err(error) = &upstream {
            log::error!("no upstream: {error}");
            let _ = session.close(close_code::TRY_AGAIN_LATER, "no upstream");
        }
        Self {
            upstream: upstream.ok(),
        }
    }

    /// Waits while the upstream is slow. What is sent before it is there goes out first of all.
    fn message(&mut self, session: Session, message: Message) {
        if let Some(upstream) = self.upstream
            && !pass_over(upstream.send(message), session)
        {
            // Nor is it told that the client was done, where that was not all.
            self.upstream = None;
            let _ = upstream.close(close_code::GOING_AWAY, "the client is cut off");
        }
    }

    fn close(self, _session: Session, close: Close) {
        if let Some(upstream) = self.upstream {
            let code = match close.code {
                NO_CODE => None,
                // It left without a word, or with one that is not for a client to say.
                LOST | close_code::INTERNAL_ERROR => Some(close_code::GOING_AWAY),
                code => Some(code),
            };
            let reason = code.map_or("", |_| close.reason.as_str());
            let _ = upstream.close(code, reason);
        }
    }
}

impl Connections for Relay {
    fn received(&mut self, session: Session, _upstream: Connection, message: Message) {
        pass_over(session.send(message), session);
    }

    fn disconnected(&mut self, session: Session, _upstream: Connection, close: Close) {
        self.upstream = None;
        let (code, reason) = match close.code {
            NO_CODE => (None, ""),
            LOST => (Some(close_code::TRY_AGAIN_LATER), "the upstream is gone"),
            code => (Some(code), close.reason.as_str()),
        };
        if session.close(code, reason).is_err() {
            // With a code that is not for a server to say.
            let _ = session.close(close_code::TRY_AGAIN_LATER, "the upstream is gone");
        }
    }
}

/// A bridge with a hole in it is worse than none. To one that is closing nothing can be sent any more, and its end
/// follows. False if there would be a hole.
fn pass_over(sent: Result<(), Error>, session: Session) -> bool {
    let (code, reason) = match sent {
        Ok(()) | Err(Error::NotOpen) => return true,
        Err(Error::TooLarge) => (close_code::TOO_BIG, "too large for the other side"),
        Err(_) => (close_code::TRY_AGAIN_LATER, "the other side takes no more"),
    };
    let _ = session.close(code, reason);
    false
}

wasket_guest::export!(Relay: Connections);

#[cfg(test)]
mod tests {
    use super::*;
    use wasket_guest::testing::{Client, Host, Upstream};

    fn bridge() -> (Host<Relay>, Client<Relay>, Upstream<Relay>) {
        let host = Host::<Relay>::new().config("upstream", "wss://feed.example/a");
        let client = host.open("/relay");
        let upstream = host.upstreams().remove(0);
        (host, client, upstream)
    }

    #[test]
    fn messages_go_both_ways_as_what_they_are() {
        let (_host, client, upstream) = bridge();
        assert_eq!(upstream.target().url(), "wss://feed.example/a");
        client.send("early");
        upstream.accept();
        client.send(b"\x00".as_slice());
        assert_eq!(
            upstream.received(),
            [Message::from("early"), Message::from(vec![0])]
        );
        upstream.send("news");
        upstream.send(vec![1, 2]);
        assert_eq!(
            client.received(),
            [Message::from("news"), Message::from(vec![1, 2])]
        );
    }

    #[test]
    fn close_codes_are_passed_on() {
        for (code, passed) in [
            (1000, 1000),
            (4001, 4001),
            (LOST, close_code::TRY_AGAIN_LATER),
        ] {
            let (_host, client, upstream) = bridge();
            upstream.accept();
            upstream.close(code, "");
            assert_eq!(client.closed().map(|close| close.code), Some(passed));
        }
        for (code, passed) in [
            (1000, 1000),
            (4001, 4001),
            (LOST, close_code::GOING_AWAY),
            (close_code::INTERNAL_ERROR, close_code::GOING_AWAY),
        ] {
            let (_host, client, upstream) = bridge();
            upstream.accept();
            client.close(code, "bye");
            assert_eq!(upstream.closed().map(|close| close.code), Some(passed));
        }
    }

    #[test]
    fn without_an_upstream_there_is_no_session() {
        let host = Host::<Relay>::new().refuse_connections(true);
        let client = host.open("/relay");
        let closed = client.closed().map(|close| close.code);
        assert_eq!(closed, Some(close_code::TRY_AGAIN_LATER));
        assert!(host.logged("no upstream"));
    }
}
