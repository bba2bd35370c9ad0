//! What a seat is told, in which order, in every way a session can end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wasket_session::ws::{CloseCode, CloseFrame, Event, Message};
use wasket_session::{
    Admission, Call, CloseEvent, Fault, Hub, Inbox, Limits, Outbox, Outcome, Party, Refusal, Seat,
    Service, Session, SessionError,
};

use crate::support::{Peer, Running, closing, masked, until};

/// A service that writes down what it is told, and does what text messages say.
struct Recorder {
    hub: Arc<Hub>,
    log: Log,
}

type Log = Arc<Mutex<Vec<String>>>;

struct RecorderSeat {
    log: Log,
}

impl Service for Recorder {
    fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    fn admit<'a>(
        &'a self,
        _: &'a Arc<Session>,
    ) -> Pin<Box<dyn Future<Output = Result<Admission, Refusal>> + Send + 'a>> {
        let seat = Box::new(RecorderSeat {
            log: Arc::clone(&self.log),
        });
        Box::pin(async {
            Ok(Admission {
                protocol: None,
                headers: Vec::new(),
                principal: None,
                seat,
            })
        })
    }
}

impl RecorderSeat {
    async fn obey(&mut self, text: &str, outbox: &mut Outbox) -> Result<(), Fault> {
        self.note(text);
        match text {
            "fault" => return Err(Fault::Trap),
            "close" => {
                let frame = CloseFrame::new(CloseCode::new(3001).unwrap(), "enough").unwrap();
                outbox.send(&Message::Text("last words".into()));
                assert_eq!(outbox.close(frame), Outcome::Accepted);
                assert_eq!(
                    outbox.send(&Message::Text("too late".into())),
                    Outcome::NotOpen
                );
            }
            "timer" => {
                let session = outbox.session();
                let now = Instant::now();
                session.set_timer(now + Duration::from_millis(2), 2);
                session.set_timer(now + Duration::from_millis(1), 1);
                session.set_timer(now, 3);
                session.cancel_timer(3);
            }
            "wait" => {
                outbox.send(&Message::Text("waiting".into()));
                outbox.publish();
                // Until the session is told to go on by somebody else.
                let session = Arc::clone(outbox.session());
                poll_fn(|cx| {
                    if session.attachment().is_empty() {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Poll::Ready(())
                })
                .await;
            }
            _ => {
                outbox.send(&Message::Text(text.into()));
            }
        }
        Ok(())
    }

    fn note(&self, what: &str) {
        self.log.lock().push(what.to_owned());
    }
}

impl Seat for RecorderSeat {
    fn open<'a>(&'a mut self, outbox: &'a mut Outbox) -> Call<'a> {
        self.note("open");
        let seen = outbox.session().state();
        assert_eq!(seen, wasket_session::ReadyState::Open);
        Box::pin(async { Ok(()) })
    }

    fn receive<'a>(&'a mut self, inbox: Inbox<'a>, outbox: &'a mut Outbox) -> Call<'a> {
        Box::pin(async move {
            for event in inbox {
                if outbox.session().state() != wasket_session::ReadyState::Open {
                    break;
                }
                match event {
                    Event::Message(message) => {
                        let text = String::from_utf8_lossy(message.as_bytes()).into_owned();
                        self.obey(&text, outbox).await?;
                    }
                    Event::Ping(payload) => self.note(&format!("ping {}", payload.len())),
                    Event::Pong(payload) => self.note(&format!("pong {}", payload.len())),
                    Event::Close(_) => unreachable!("not in an inbox"),
                }
            }
            Ok(())
        })
    }

    fn timer<'a>(&'a mut self, token: u64, _: &'a mut Outbox) -> Call<'a> {
        self.note(&format!("timer {token}"));
        Box::pin(async { Ok(()) })
    }

    fn error<'a>(&'a mut self, error: SessionError, _: &'a mut Outbox) -> Call<'a> {
        let kind = match error {
            SessionError::Protocol(_) => "protocol",
            SessionError::Limit(_) => "limit",
            SessionError::Connection(_) => "connection",
        };
        self.note(&format!("error {kind}"));
        Box::pin(async { Ok(()) })
    }

    fn close<'a>(&'a mut self, close: CloseEvent, outbox: &'a mut Outbox) -> Call<'a> {
        assert_eq!(outbox.send(&Message::Text("x".into())), Outcome::NotOpen);
        let CloseEvent {
            code,
            reason,
            clean,
            by,
        } = close;
        self.note(&format!("close {code} {reason:?} clean={clean} by={by:?}"));
        Box::pin(async { Ok(()) })
    }

    fn wants_control(&self) -> bool {
        true
    }
}

async fn recorder(limits: Limits) -> (Running, Peer, Log) {
    let log = Log::default();
    let service = Recorder {
        hub: Arc::new(Hub::new("recorder", limits, Vec::new())),
        log: Arc::clone(&log),
    };
    let server = Running::start(Arc::new(service), |_| {});
    let peer = server.open().await;
    (server, peer, log)
}

async fn log_of(server: &Running, log: &Log) -> Vec<String> {
    until("the session is over", || {
        server.hub.count() == 0 && log.lock().last().is_some_and(|l| l.starts_with("close"))
    })
    .await;
    log.lock().clone()
}

fn small() -> Limits {
    Limits {
        message_bytes_max: 1000,
        close_timeout: Duration::from_millis(100),
        ..Limits::default()
    }
}

// parity B1
#[tokio::test]
async fn every_way_a_session_ends_is_told_once() {
    type Case = (&'static [&'static [u8]], &'static [&'static str]);
    let cases: [Case; 8] = [
        (
            &[b"\x88\x82\0\0\0\0\x03\xe8"],
            &["close 1000 \"\" clean=true by=Peer"],
        ),
        (
            &[b"\x88\x80\0\0\0\0"],
            &["close 1005 \"\" clean=true by=Peer"],
        ),
        (
            &[b"\x88\x85\0\0\0\0\x0b\xb9bye"],
            &["close 3001 \"bye\" clean=true by=Peer"],
        ),
        (&[b"\x81\x01x"], &["error protocol", "close 1002"]),
        (
            &[b"\x81\x81\0\0\0\0\xff"],
            &["error protocol", "close 1007"],
        ),
        (
            &[b"\x82\xfe\x03\xe9\0\0\0\0"],
            &["error limit", "close 1009"],
        ),
        // Events before the peer's fault still arrive.
        (
            &[b"\x81\x82\0\0\0\0hi\x83\x80\0\0\0\0"],
            &["hi", "error protocol", "close 1002"],
        ),
        // And those before its close.
        (
            &[b"\x81\x82\0\0\0\0hi\x89\x81\0\0\0\0p\x88\x80\0\0\0\0"],
            &["hi", "ping 1", "close 1005 \"\" clean=true by=Peer"],
        ),
    ];
    for (sent, expected) in cases {
        let (server, mut peer, log) = recorder(small()).await;
        for bytes in sent {
            peer.send(bytes).await;
        }
        let log = log_of(&server, &log).await;
        assert_eq!(log.len(), expected.len() + 1, "{log:?}");
        assert_eq!(log[0], "open");
        for (got, expected) in log[1..].iter().zip(expected) {
            assert!(got.starts_with(expected), "{log:?}");
        }
    }
}

#[tokio::test]
async fn a_lost_connection_is_1006() {
    let (server, peer, log) = recorder(small()).await;
    drop(peer);
    let log = log_of(&server, &log).await;
    assert_eq!(
        log,
        [
            "open",
            "error connection",
            "close 1006 \"\" clean=false by=Peer"
        ]
    );
}

// The WIT's order: after a guest asked to close, queued messages go out, then the close frame, and of
// all events only the close still comes.
#[tokio::test]
async fn after_the_guest_closed_only_the_close_comes() {
    let (server, mut peer, log) = recorder(small()).await;
    let mut bytes = masked(0x81, b"before");
    for text in [&b"close"[..], b"after", b"later"] {
        bytes.extend(masked(0x81, text));
    }
    peer.send(&bytes).await;
    assert_eq!(peer.read().await, Some((0x81, b"before".to_vec())));
    assert_eq!(peer.read().await, Some((0x81, b"last words".to_vec())));
    assert_eq!(peer.read().await, Some((0x88, closing(3001, "enough"))));
    peer.frame(0x81, b"much later").await;
    peer.frame(0x88, &closing(3001, "enough")).await;
    assert!(peer.read().await.is_none());
    let log = log_of(&server, &log).await;
    assert_eq!(
        log,
        [
            "open",
            "before",
            "close",
            "close 3001 \"enough\" clean=true by=Guest"
        ]
    );
}

#[tokio::test]
async fn a_guest_that_closed_hears_1006_when_the_peer_does_not_answer() {
    let (server, mut peer, log) = recorder(small()).await;
    peer.frame(0x81, b"close").await;
    let log = log_of(&server, &log).await;
    assert_eq!(
        log,
        ["open", "close", "close 1006 \"\" clean=false by=Guest"]
    );
}

// A fault is the guest's end: what it sent before goes out, and no event comes any more.
#[tokio::test]
async fn a_fault_closes_with_1011() {
    let (server, mut peer, log) = recorder(small()).await;
    let mut bytes = masked(0x81, b"before");
    bytes.extend(masked(0x81, b"fault"));
    bytes.extend(masked(0x81, b"after"));
    peer.send(&bytes).await;
    assert_eq!(peer.read().await, Some((0x81, b"before".to_vec())));
    let (first, payload) = peer.read().await.unwrap();
    assert_eq!((first, &payload[..2]), (0x88, &1011_u16.to_be_bytes()[..]));
    peer.frame(0x88, &payload).await;
    assert!(peer.read().await.is_none());
    until("it is over", || server.hub.count() == 0).await;
    assert_eq!(*log.lock(), ["open", "before", "fault"]);
}

// While a guest waits, control frames are answered, what it sent goes out, and its peer's next messages
// wait for it.
#[tokio::test]
async fn a_waiting_guest_does_not_hold_up_control_frames() {
    let (server, mut peer, log) = recorder(small()).await;
    peer.frame(0x81, b"wait").await;
    assert_eq!(peer.read().await, Some((0x81, b"waiting".to_vec())));
    peer.frame(0x89, b"are you there").await;
    assert_eq!(peer.read().await, Some((0x8A, b"are you there".to_vec())));
    peer.frame(0x81, b"next").await;
    peer.frame(0x81, b"and next").await;
    let id = server.hub.ids(0, 1)[0];
    let session = server.hub.session(id).unwrap();
    session.push(wasket_session::Frame::new(&Message::Text(
        "from elsewhere".into(),
    )));
    assert_eq!(peer.read().await, Some((0x81, b"from elsewhere".to_vec())));
    assert_eq!(log.lock().last().unwrap(), "wait");
    session.attach(vec![1].into());
    assert_eq!(peer.read().await, Some((0x81, b"next".to_vec())));
    assert_eq!(peer.read().await, Some((0x81, b"and next".to_vec())));
    assert_eq!(*log.lock(), ["open", "wait", "ping 13", "next", "and next"]);
}

#[tokio::test]
async fn timers_fire_in_order_and_end_with_their_session() {
    let (server, mut peer, log) = recorder(small()).await;
    peer.frame(0x81, b"timer").await;
    until("both fired", || log.lock().len() == 4).await;
    assert_eq!(*log.lock(), ["open", "timer", "timer 1", "timer 2"]);
    let id = server.hub.ids(0, 1)[0];
    let session = server.hub.session(id).unwrap();
    session.set_timer(Instant::now() + Duration::from_secs(3600), 9);
    assert!(session.next_timer().is_some());
    peer.frame(0x88, b"").await;
    log_of(&server, &log).await;
    assert!(session.next_timer().is_none());
    assert_eq!(session.set_timer(Instant::now(), 1), Outcome::NotOpen);
}

#[tokio::test]
async fn the_host_closes_by_its_own_name() {
    let (server, mut peer, log) = recorder(small()).await;
    server.begin_stop();
    let (_, payload) = peer.read().await.unwrap();
    peer.frame(0x88, &payload).await;
    let log = log_of(&server, &log).await;
    assert!(
        log[1].starts_with("close 1001 ") && log[1].ends_with("clean=true by=Host"),
        "{log:?}"
    );
    let _ = Party::Host;
}
