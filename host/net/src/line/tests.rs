//! However the bytes are divided, whichever polls find nothing and wherever a wait is given up, the line brings the
//! same events.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Instant, SystemTime};

use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasket_session::{Headers, Hub, IdSource, Limits, Opening, Session};
use wasket_ws::frame::{self, FirstByte};
use wasket_ws::{self as ws, Event, Opcode, Role, State, Timing, Violation, mask};

use super::{Line, Trouble, Woken};
use crate::clock::Clock;

/// A socket that brings and takes what the test says: 0 stands for a poll that finds nothing.
struct Script {
    bytes: VecDeque<u8>,
    reads: VecDeque<usize>,
    writes: VecDeque<usize>,
    written: Vec<u8>,
}

impl Script {
    /// How many bytes go this time.
    fn pace(paces: &mut VecDeque<usize>) -> Poll<usize> {
        let pace = paces.pop_front().unwrap_or(1);
        paces.push_back(pace);
        if pace == 0 {
            Poll::Pending
        } else {
            Poll::Ready(pace)
        }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Self::pace(&mut self.reads).map(|pace| {
            let len = pace.min(self.bytes.len()).min(buffer.remaining());
            let bytes: Vec<u8> = self.bytes.drain(..len).collect();
            buffer.put_slice(&bytes);
            Ok(())
        })
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Self::pace(&mut self.writes).map(|pace| {
            let taken = bytes.get(..pace).unwrap_or(bytes);
            self.written.extend_from_slice(taken);
            Ok(taken.len())
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

const LIMITS: ws::Limits = ws::Limits {
    message_bytes_max: 700,
    fragments_max: 4,
};

pub(super) fn protocol(role: Role) -> ws::Connection {
    let timing = Timing {
        ping_every: None,
        ..Timing::default()
    };
    ws::Connection::new(role, LIMITS, timing, Instant::now())
}

pub(super) fn session() -> Arc<Session> {
    let limits = Limits {
        ping_every: None,
        ..Limits::default()
    };
    let session = connecting(&Hub::new("test", limits, Vec::new()));
    session.open(None, None);
    session.into()
}

pub(super) fn connecting(hub: &Hub) -> Session {
    let opening = Opening {
        service: "test".into(),
        method: "GET",
        authority: "localhost".into(),
        target: "/".into(),
        path: "/".into(),
        parameters: Box::default(),
        headers: Headers::default(),
        protocols: Box::default(),
        principal: None,
        remote_address: SocketAddr::from(([127, 0, 0, 1], 1)),
        secure: false,
        properties: Arc::default(),
    };
    let id = IdSource::new(0).next(SystemTime::now());
    Session::new(id, hub, opening, 0)
}

type Outcome = (Vec<Event<'static>>, Option<Violation>);

fn at_once(bytes: &[u8]) -> Outcome {
    let mut bytes = bytes.to_vec();
    let mut events = Vec::new();
    let received = protocol(Role::Server).receive(Instant::now(), &mut bytes, &mut events);
    let events = events.into_iter().map(Event::into_owned);
    (events.collect(), received.err())
}

/// Runs a line over a script to its end. Each wait is polled once and dropped; where `turns` say so, a guest has the
/// turn instead, and the line reads ahead.
fn through_a_line(script: Script, turns: &[bool]) -> (Outcome, Line<Script>) {
    let mut line = Line::new(
        script,
        protocol(Role::Server),
        session(),
        Arc::new(Clock::new()),
    );
    let mut cx = Context::from_waker(Waker::noop());
    let mut all = Vec::new();
    for is_guests in turns.iter().copied().cycle().take(POLLS_MAX) {
        if is_guests {
            let mut held = Vec::new();
            line.poll_meanwhile(&mut cx, &mut held);
            all.extend(held);
        } else {
            let wait = pin!(std::future::poll_fn(|cx| line.poll_next(cx)));
            if let Poll::Ready(Woken::Input(mut lease, count)) = wait.poll(&mut cx) {
                let mut events = Vec::new();
                line.interpret(&mut lease.input[..count], &mut events);
                all.extend(events.into_iter().map(Event::into_owned));
                line.flush(&mut cx, &mut lease.output);
                lease.give_back();
            }
        }
        line.heed_close();
        match line.take_trouble().map(|trouble| *trouble) {
            Some(Trouble::Violation(violation)) => return ((all, Some(violation)), line),
            Some(Trouble::Connection(_)) => return ((all, None), line),
            None if line.is_over() => return ((all, None), line),
            None => {}
        }
    }
    panic!("the line goes on for ever");
}

/// Frames as a client sends them, and what it may break about them.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        20 => prop::sample::select(&[0x81_u8, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8A][..]),
        1 => Just(0x88),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        10 => "\\PC{0,40}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => "[a-z]{120,300}".prop_map(String::into_bytes),
    ];
    prop::collection::vec((first, payload), 0..8).prop_map(|frames| {
        let mut bytes = Vec::new();
        for (first, payload) in frames {
            let (start, key) = (bytes.len(), [first, 0xFA, 0x21, 0x3D]);
            let whole = FirstByte::whole(Opcode::Binary);
            frame::encode_header(&mut bytes, whole, payload.len(), Some(key));
            bytes[start] = first;
            let payload_start = bytes.len();
            bytes.extend(payload);
            mask(&mut bytes[payload_start..], key, 0);
        }
        bytes
    })
}

/// At least one poll of them gets somewhere.
fn paces() -> impl Strategy<Value = VecDeque<usize>> {
    let pace = prop_oneof![2 => Just(0), 3 => 1..4_usize, 1 => 4..400_usize];
    prop::collection::vec(pace, 0..12).prop_map(|mut paces| {
        paces.push(1);
        paces.into()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    // hardening H21 H22
    #[test]
    fn any_division_and_any_given_up_wait_bring_the_same_events(
        bytes in stream(),
        reads in paces(),
        writes in paces(),
        mut turns in prop::collection::vec(any::<bool>(), 0..8),
    ) {
        turns.push(false);
        let script = Script { bytes: bytes.clone().into(), reads, writes, written: Vec::new() };
        let (outcome, line) = through_a_line(script, &turns);
        prop_assert_eq!(outcome, at_once(&bytes));
        // What went out are frames, and the answer to a close frame is the last of them.
        let mut events = Vec::new();
        let mut written = line.io.written.clone();
        prop_assert_eq!(protocol(Role::Client).receive(Instant::now(), &mut written, &mut events), Ok(()));
        let closed = matches!(events.last(), Some(Event::Close(_)));
        prop_assert_eq!(closed, line.ws.state() == State::Closed);
    }
}

const POLLS_MAX: usize = 1_000_000;
