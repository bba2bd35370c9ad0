//! Many threads at one hub: nothing that was accepted is lost, nobody sleeps for ever.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::{binary, closing, frame, open, take_all};
use crate::{Hub, Item, Limits, Outbox, Outcome, Party, Session, SessionId, SlowReader};

const SESSIONS: u8 = 6;
const SENDERS: u8 = 3;
const MESSAGES: u32 = 400;
/// Marks what a session sends to itself.
const OWN: u8 = 0xEE;
/// Marks broadcasts.
const BROADCAST: u8 = 0xBB;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What a connection got, by source, in order.
type Received = HashMap<u8, Vec<u32>>;

/// Plays the connection and the guest of a session until it is asked to close.
fn serve(session: &Arc<Session>) -> Received {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut outbox = Outbox::new(Arc::clone(session));
    let (mut received, mut own) = (Received::new(), 0_u32);
    loop {
        let mut bytes = Vec::new();
        session.register(&Context::from_waker(&waker));
        session.take_signals();
        let closing = session.drain(|item| {
            if let Item::Frame(frame) = item {
                bytes.extend_from_slice(frame.bytes());
            }
            bytes.len() < 200
        });
        session.written(bytes.len());
        read(&bytes, &mut received);
        if closing.is_some() {
            break;
        }
        // Its guest says something, too, now and then with others in between.
        if outbox.send(&binary(&message(OWN, own))) == Outcome::Accepted {
            own += 1;
        }
        read(&outbox.take(), &mut received);
        if !session.has_mail() {
            let parked = Instant::now();
            thread::park_timeout(Duration::from_secs(20));
            assert!(parked.elapsed() < Duration::from_secs(20), "a lost wake-up");
        }
    }
    let sent_to_itself = received.remove(&OWN).unwrap_or_default();
    assert_eq!(sent_to_itself, (0..own).collect::<Vec<_>>());
    received
}

fn message(source: u8, number: u32) -> [u8; 5] {
    let [a, b, c, d] = number.to_le_bytes();
    [source, a, b, c, d]
}

/// Takes frames of five bytes apart.
fn read(bytes: &[u8], received: &mut Received) {
    let (frames, rest) = bytes.as_chunks::<7>();
    assert!(rest.is_empty());
    for [first, len, source, number @ ..] in frames {
        assert_eq!((*first, *len), (0x82, 5));
        let numbers = received.entry(*source).or_default();
        numbers.push(u32::from_le_bytes(*number));
    }
}

// parity M2, M3; hardening H11, H21: sends and broadcasts race with closings.
#[test]
fn nothing_accepted_is_lost_and_nobody_sleeps_for_ever() {
    let limits = Limits {
        sessions_max: Some(SESSIONS.into()),
        // Small enough to be full at times.
        outbox_bytes_max: 1000,
        slow_reader: SlowReader::Drop,
        ..Limits::default()
    };
    let hub = Arc::new(Hub::new("test", limits.clone(), Vec::new()));
    let done = AtomicBool::new(false);
    let sessions: Vec<_> = (1..=SESSIONS)
        .map(|id| open(id.into(), limits.clone()))
        .collect();
    thread::scope(|scope| {
        let connections: Vec<_> = sessions
            .iter()
            .map(|session| {
                let reserved = hub.reserve().unwrap();
                hub.join(Arc::clone(session));
                let hub = &hub;
                scope.spawn(move || {
                    let received = serve(session);
                    session.finish();
                    hub.leave(session);
                    drop(reserved);
                    received
                })
            })
            .collect();
        assert!(hub.reserve().is_none());
        let senders: Vec<_> = (0..SENDERS)
            .map(|source| {
                let hub = &hub;
                scope.spawn(move || send(hub, source))
            })
            .collect();
        let broadcaster = scope.spawn(|| {
            for number in 0..MESSAGES {
                hub.broadcast(&binary(&message(BROADCAST, number)), None);
            }
        });
        let sweeper = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                hub.sweep(u64::MAX);
                thread::yield_now();
            }
        });
        // Half of them in the middle, twice; the rest in the end.
        for session in sessions.iter().step_by(2) {
            let asked = [Party::Guest, Party::Host].map(|by| session.shut(closing(by, true)));
            assert_eq!(asked, [Outcome::Accepted, Outcome::NotOpen]);
        }
        let sent: Vec<_> = senders.into_iter().map(|s| s.join().unwrap()).collect();
        broadcaster.join().unwrap();
        hub.shut_all(&closing(Party::Host, true));
        for (session, connection) in sessions.iter().zip(connections) {
            let mut received = connection.join().unwrap();
            let broadcasts = received.remove(&BROADCAST).unwrap_or_default();
            assert!(broadcasts.is_sorted_by(|a, b| a < b));
            for (source, accepted) in (0..SENDERS).zip(&sent) {
                let got = received.remove(&source).unwrap_or_default();
                let accepted = accepted.get(&session.id()).cloned().unwrap_or_default();
                assert_eq!(got, accepted, "source {source} to {}", session.id());
            }
            assert!(received.is_empty());
        }
        done.store(true, Ordering::Relaxed);
        sweeper.join().unwrap();
    });
    assert_eq!(hub.count(), 0);
    assert!(sessions.iter().all(|s| s.queued_bytes() == 0));
    let places: Vec<_> = (0..=SESSIONS).map_while(|_| hub.reserve()).collect();
    assert_eq!(places.len(), usize::from(SESSIONS));
}

/// Sends to everyone in turn; what was accepted, by session.
fn send(hub: &Hub, source: u8) -> HashMap<SessionId, Vec<u32>> {
    let mut accepted: HashMap<_, Vec<_>> = HashMap::new();
    for number in 0..MESSAGES {
        for id in (1..=SESSIONS).filter_map(|id| SessionId::new(id.into())) {
            let message = message(source, number);
            if hub.send(id, &binary(&message)) == Outcome::Accepted {
                accepted.entry(id).or_default().push(number);
            }
        }
    }
    accepted
}

// hardening H21: a close races a send a thousand times.
#[test]
fn what_was_accepted_before_a_close_goes_out_before_it() {
    let sessions: Vec<_> = (1..=1000).map(|id| open(id, Limits::default())).collect();
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let send = |session: &Arc<Session>| {
                (0..)
                    .take_while(|_| session.push(frame(10)) == Outcome::Accepted)
                    .count()
            };
            sessions.iter().map(send).collect::<Vec<_>>()
        });
        for session in &sessions {
            while !session.has_mail() {
                std::hint::spin_loop();
            }
            assert_eq!(session.shut(closing(Party::Host, true)), Outcome::Accepted);
        }
        let accepted = sender.join().unwrap();
        for (session, accepted) in sessions.iter().zip(accepted) {
            assert_eq!(session.queued_bytes(), 10 * accepted);
            let (bytes, closing) = take_all(session);
            assert_eq!(bytes, 10 * accepted);
            assert!(closing.is_some());
            assert_eq!(session.queued_bytes(), 0);
        }
    });
}
