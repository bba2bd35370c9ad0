//! The testing host keeps the contract's "Order" paragraph, through a behavior that uses all of the SDK.
#![allow(missing_docs)]

use std::time::Duration;

use wasket_guest::testing::{Host, Opening};
use wasket_guest::{
    Acceptance, Behavior, Close, Control, Error, Handshake, Lifecycle, Message, Party, Principal,
    ReadyState, Rejection, Request, Session, SessionError, Timer, broadcast, broadcast_except,
    config, log, sessions, timers, topics,
};

/// Runs a closure for each message, and logs its events.
struct Script;

impl Behavior for Script {
    fn open(session: Session) -> Self {
        log::debug!("open {session} {}", session.state());
        Self
    }

    fn message(&mut self, session: Session, message: Message) {
        match message.as_text() {
            Some("close") => assert_eq!(session.close(1000, "done"), Ok(())),
            Some("close-none") => assert_eq!(session.close(None, "dropped"), Ok(())),
            _ => assert_eq!(session.send(message), Ok(())),
        }
        log::debug!("returned");
    }

    fn error(&mut self, session: Session, error: SessionError) {
        log::debug!("error {error}, send {:?}", session.send("x"));
    }

    fn close(self, session: Session, close: Close) {
        let Close {
            code,
            reason,
            clean,
            by,
        } = close;
        log::debug!(
            "close {code} {reason:?} {clean} {by}, send {:?}",
            session.send("x")
        );
    }
}

impl Handshake for Script {
    fn handshake(session: Session, request: Request) -> Result<Acceptance, Rejection> {
        assert_eq!(session.state(), ReadyState::Connecting);
        assert_eq!(session.send("early"), Err(Error::NotOpen));
        assert_eq!(session.attach("from the handshake"), Ok(()));
        match request.cookie("token") {
            Some("good") => Ok(Acceptance::new()
                .protocol("v1")
                .principal(Principal::new("Anna"))),
            _ => Err(Rejection::new(401)
                .header("www-authenticate", "Cookie")
                .body("who?")),
        }
    }
}

impl Control for Script {
    fn ping(&mut self, _session: Session, payload: Vec<u8>) {
        log::debug!("ping {payload:?}");
    }
    fn pong(&mut self, _session: Session, payload: Vec<u8>) {
        log::debug!("pong {payload:?}");
    }
}

impl Timer for Script {
    fn timer(&mut self, _session: Session, token: u64) {
        log::debug!("timer {token}");
    }
    fn instance_timer(token: u64) {
        log::debug!("instance timer {token}");
    }
}

impl Lifecycle for Script {
    fn start() -> Result<(), String> {
        config::get("key")
            .map(drop)
            .ok_or_else(|| "no key".to_owned())
    }
}

wasket_guest::export!(Script: Handshake + Control + Timer + Lifecycle);

fn lines(host: &Host<Script>) -> Vec<String> {
    host.log().into_iter().map(|it| it.line).collect()
}

#[test]
fn a_close_ends_the_session_once_and_nothing_follows() {
    type End = fn(&wasket_guest::testing::Client<Script>);
    let cases: [(End, &str); 5] = [
        (
            |it| it.send("close"),
            "close 1000 \"done\" true guest, send Err(NotOpen)",
        ),
        (
            |it| it.send("close-none"),
            "close 1005 \"\" true guest, send Err(NotOpen)",
        ),
        (
            |it| drop(it.close(3000, "bye")),
            "close 3000 \"bye\" true peer, send Err(NotOpen)",
        ),
        (
            |it| drop(it.disconnect()),
            "close 1006 \"\" false host, send Err(NotOpen)",
        ),
        (
            |it| drop(it.fail(SessionError::Limit("big".into()))),
            "close 1009 \"\" true host, send Err(NotOpen)",
        ),
    ];
    for (end, expected) in cases {
        let host = Host::<Script>::new();
        let client = host.open("/");
        end(&client);
        client.send("late");
        client.ping("late");
        client.close(1000, "again");
        assert_eq!(
            lines(&host)
                .iter()
                .filter(|it| it.starts_with("close"))
                .collect::<Vec<_>>(),
            [expected]
        );
        assert_eq!(lines(&host).last().map(String::as_str), Some(expected));
        assert_eq!(client.received(), [""; 0]);
        assert_eq!(client.session().state(), ReadyState::Closed);
        assert_eq!(sessions::count(), 0);
    }
}

#[test]
fn a_handshake_accepts_or_rejects() {
    let host = Host::<Script>::new();
    let rejection = host.handshake("/").expect_err("there is no cookie");
    assert_eq!(
        (rejection.status, rejection.body.as_slice()),
        (401, b"who?".as_slice())
    );
    assert_eq!(lines(&host), [""; 0]);

    let opening = Opening::new("/")
        .cookie("token", "good")
        .header("X-Colour", "red");
    let client = host.handshake(opening).expect("the cookie is good");
    let session = client.session();
    assert_eq!(session.protocol().as_deref(), Some("v1"));
    assert_eq!(session.header("x-colour").as_deref(), Some("red"));
    assert_eq!(session.attachment(), b"from the handshake");
    let principal = session.request().and_then(|it| it.principal);
    assert_eq!(principal, Some(Principal::new("Anna")));
}

#[test]
fn messages_reach_whom_they_should() {
    let host = Host::<Script>::new();
    let [a, b, c] = [host.open("/"), host.open("/"), host.open("/")];
    assert_eq!(
        sessions::iter().collect::<Vec<_>>(),
        [a.session(), b.session(), c.session()]
    );
    c.disconnect();
    broadcast("all").unwrap();
    broadcast_except(a.session(), "others").unwrap();
    a.session().subscribe("news").unwrap();
    b.session().subscribe("news").unwrap();
    b.session().unsubscribe("news");
    topics::publish("news", b"binary").unwrap();
    topics::publish_except("news", a.session(), "nobody").unwrap();
    assert_eq!(
        a.received(),
        [Message::from("all"), Message::from(b"binary".as_slice())]
    );
    assert_eq!(b.received(), ["all", "others"]);
    assert_eq!(c.received(), [""; 0]);
    assert_eq!(c.session().subscribe("news"), Err(Error::NotOpen));
}

#[test]
fn bounds_of_the_contract_are_kept_at_their_edges() {
    let host = Host::<Script>::new();
    let client = host.open("/");
    let session = client.session();
    for code in [0, 999, 1004, 1005, 1006, 1010, 1015, 1016, 2999, 5000] {
        assert_eq!(session.close(code, ""), Err(Error::Invalid), "{code}");
    }
    assert_eq!(session.close(1000, &"r".repeat(124)), Err(Error::Invalid));
    assert_eq!(session.ping([0; 126]), Err(Error::Invalid));
    assert_eq!(session.ping([7; 125]), Ok(()));
    assert_eq!(client.pings(), [vec![7; 125]]);
    assert_eq!(session.attach([0; 16 * 1024 + 1]), Err(Error::TooLarge));
    assert_eq!(session.attach([0; 16 * 1024]), Ok(()));
    for (topic, expected) in [
        (0, Err(Error::Invalid)),
        (1, Ok(())),
        (256, Ok(())),
        (257, Err(Error::Invalid)),
    ] {
        assert_eq!(session.subscribe(&"t".repeat(topic)), expected);
        assert_eq!(topics::publish(&"t".repeat(topic), "x"), expected);
    }
    client.set_backlogged(true);
    assert_eq!(session.send("x"), Err(Error::Backlogged));
    client.set_backlogged(false);
    assert_eq!(session.close(4999, &"r".repeat(123)), Ok(()));
    assert_eq!(Session::from_id(99).send("x"), Err(Error::NotOpen));
}

#[test]
fn timers_fire_in_order_and_end_with_their_session() {
    let host = Host::<Script>::new();
    let (a, b) = (host.open("/"), host.open("/"));
    let ms = Duration::from_millis;
    a.session().set_timer(ms(20), 2).unwrap();
    a.session().set_timer(ms(5), 1).unwrap();
    a.session().set_timer(ms(10), 1).unwrap(); // replaces
    a.session().set_timer(ms(10), 3).unwrap();
    a.session().cancel_timer(3);
    b.session().set_timer(ms(10), 4).unwrap();
    b.disconnect();
    timers::set(ms(15), 5).unwrap();
    timers::set(ms(15), 6).unwrap();
    timers::cancel(6);
    let before = a.session().heard_at();
    host.advance(ms(9));
    assert!(!host.logged("timer"));
    host.advance(ms(100));
    let fired: Vec<_> = lines(&host)
        .into_iter()
        .filter(|it| it.contains("timer"))
        .collect();
    assert_eq!(fired, ["timer 1", "instance timer 5", "timer 2"]);
    assert_eq!(a.session().heard_at(), before);
    a.send("here");
    assert!(a.session().heard_at() > before);
    assert_eq!(a.session().opened_at(), before);
}

#[test]
fn control_frames_errors_and_the_life_of_an_instance() {
    let host = Host::<Script>::new();
    assert_eq!(host.start(), Err("no key".to_owned()));
    let host = host.config("key", "value");
    assert_eq!(host.start(), Ok(()));
    assert_eq!(config::all(), [("key".to_owned(), "value".to_owned())]);
    let client = host.open("/");
    client.ping("i");
    client.pong("o");
    assert!(host.logged("ping [105]") && host.logged("pong [111]"));
    let close = client.fail(SessionError::Protocol("bad frame".into()));
    assert_eq!((close.code, close.by), (1002, Party::Host));
    assert!(host.logged("error the peer broke the protocol: bad frame, send Err(NotOpen)"));
    host.stop();
}

#[test]
#[should_panic(expected = "there is no host here")]
fn a_behavior_without_a_host_is_told_so() {
    let _ = broadcast("x");
}
