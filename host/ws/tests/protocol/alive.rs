//! Pings, pongs and deadlines. Time is an argument, so nothing waits. // parity S3 S4

use std::time::{Duration, Instant};

use wasket_ws::{
    CloseFrame, Connection, Event, Limits, OWED_BYTES_MAX, Overdue, PING_PAYLOADS_MAX, PONGS_MAX,
    PingError, Role, State, Timing,
};

use crate::support::{connection, ping, wire};

const SECOND: Duration = Duration::from_secs(1);

fn receive(
    connection: &mut Connection,
    now: Instant,
    frames: &[(u8, &[u8])],
) -> Vec<Event<'static>> {
    let mut bytes = wire(connection.role(), frames);
    let mut events = Vec::new();
    let received = connection.receive(now, &mut bytes, &mut events);
    assert_eq!(received, Ok(()));
    events.into_iter().map(Event::into_owned).collect()
}

fn owed(connection: &mut Connection) -> Vec<u8> {
    let mut out = Vec::new();
    assert_eq!(connection.owes(), {
        connection.write_owed(&mut out);
        !out.is_empty()
    });
    assert!(!connection.owes());
    out
}

#[test]
fn the_defaults_are_those_of_the_design() {
    let timing = Timing::default();
    let times = (timing.ping_every, timing.pong_within, timing.close_within);
    assert_eq!(times, (Some(30 * SECOND), 10 * SECOND, 5 * SECOND));
}

/// RFC 6455 section 5.5.3. hardening H13
#[test]
fn only_the_newest_pong_is_owed() {
    let mut server = connection(Role::Server);
    let now = Instant::now();
    assert_eq!(
        receive(&mut server, now, &[(0x89, b"a"), (0x89, b"b")]),
        [ping(b"a"), ping(b"b")]
    );
    // They came together, so each is answered.
    assert_eq!(owed(&mut server), [0x8A, 1, b'a', 0x8A, 1, b'b']);
    assert_eq!(owed(&mut server), []);

    // These were not written before the next came.
    receive(&mut server, now, &[(0x89, b"a"), (0x89, b"b")]);
    receive(&mut server, now, &[(0x82, b"no ping")]);
    receive(&mut server, now, &[(0x89, b"c"), (0x89, b"d")]);
    assert_eq!(owed(&mut server), [0x8A, 1, b'c', 0x8A, 1, b'd']);

    for _ in 0..10_000 {
        receive(&mut server, now, &[(0x89, &[7; 125])]);
    }
    let pong = owed(&mut server);
    assert_eq!((pong.len(), &pong[..3]), (127, [0x8A, 125, 7].as_slice()));

    let flood = vec![(0x89, [7; 125].as_slice()); PONGS_MAX];
    receive(&mut server, now, &flood);
    assert_eq!(owed(&mut server).len(), PONGS_MAX * 127);
    receive(
        &mut server,
        now,
        &[flood, vec![(0x89, b"x".as_slice())]].concat(),
    );
    assert_eq!(owed(&mut server), [0x8A, 1, b'x']);
}

#[test]
fn what_is_owed_has_a_bound() {
    let start = Instant::now();
    let mut client = connection(Role::Client);
    receive(
        &mut client,
        start,
        &vec![(0x89, [7; 125].as_slice()); PONGS_MAX],
    );
    assert_eq!(client.on_deadline(start + 31 * SECOND), None);
    assert_eq!(owed(&mut client).len(), OWED_BYTES_MAX);
}

#[test]
fn a_silent_peer_is_asked_and_given_up() {
    let start = Instant::now();
    let mut server = Connection::new(Role::Server, Limits::default(), Timing::default(), start);
    assert_eq!(server.next_deadline(), Some(start + 30 * SECOND));
    assert_eq!(
        server.on_deadline(start + 30 * SECOND - Duration::from_nanos(1)),
        None
    );
    assert!(!server.owes());
    let asked_at = start + 32 * SECOND;
    assert_eq!(server.on_deadline(asked_at), None);
    let asked = owed(&mut server);
    assert_eq!(asked.first(), Some(&0x89));
    assert_eq!(server.next_deadline(), Some(asked_at + 10 * SECOND));
    assert_eq!(server.on_deadline(asked_at + 9 * SECOND), None);
    assert!(!server.owes(), "asks once");
    assert_eq!(
        server.on_deadline(asked_at + 10 * SECOND),
        Some(Overdue::Pong)
    );
    assert_eq!(
        server.on_deadline(asked_at + 11 * SECOND),
        Some(Overdue::Pong)
    );
    assert_eq!(server.state(), State::Open);
}

#[test]
fn any_byte_is_a_sign_of_life() {
    let start = Instant::now();
    let mut server = Connection::new(Role::Server, Limits::default(), Timing::default(), start);
    assert_eq!(server.on_deadline(start + 30 * SECOND), None);
    let later = start + 35 * SECOND;
    // Half of a header.
    server.receive(later, &mut [0x82], &mut Vec::new()).unwrap();
    assert_eq!(server.heard_at(), later);
    assert!(!server.owes(), "no need to ask any more");
    assert_eq!(server.next_deadline(), Some(later + 30 * SECOND));
    // No bytes are no sign.
    server
        .receive(later + SECOND, &mut [], &mut Vec::new())
        .unwrap();
    assert_eq!(server.heard_at(), later);
}

#[test]
fn pings_can_be_off() {
    let start = Instant::now();
    let timing = Timing {
        ping_every: None,
        ..Timing::default()
    };
    let mut server = Connection::new(Role::Server, Limits::default(), timing, start);
    assert_eq!(server.next_deadline(), None);
    assert_eq!(server.on_deadline(start + 3_600 * SECOND), None);
    assert!(!server.owes());
    // The closing handshake has its deadline all the same.
    server.close(start, &CloseFrame::default(), &mut Vec::new());
    assert_eq!(server.next_deadline(), Some(start + 5 * SECOND));
    assert_eq!(server.on_deadline(start + 4 * SECOND), None);
    assert_eq!(server.on_deadline(start + 5 * SECOND), Some(Overdue::Close));
}

#[test]
fn a_time_beyond_the_clock_never_comes() {
    let start = Instant::now();
    let timing = Timing {
        ping_every: Some(Duration::MAX),
        pong_within: Duration::MAX,
        close_within: Duration::MAX,
    };
    let mut server = Connection::new(Role::Server, Limits::default(), timing, start);
    assert_eq!(server.next_deadline(), None);
    server.close(start, &CloseFrame::default(), &mut Vec::new());
    assert_eq!(server.next_deadline(), None);
}

#[test]
fn only_answers_to_the_applications_pings_are_reported() {
    let now = Instant::now();
    let mut server = connection(Role::Server);
    let mut out = Vec::new();
    server.ping(b"1", &mut out).unwrap();
    assert_eq!(out, [0x89, 1, b'1']);
    for payload in [b"2", b"3", b"4"] {
        server.ping(payload, &mut out).unwrap();
    }
    let pong = |payload: &[u8]| Event::Pong(payload.to_vec().into());
    let arrive = |server: &mut Connection, payload| receive(server, now, &[(0x8A, payload)]);
    assert_eq!(arrive(&mut server, b"unsolicited"), []);
    assert_eq!(arrive(&mut server, b""), []);
    // It answers the older ones, too.
    assert_eq!(arrive(&mut server, b"3"), [pong(b"3")]);
    assert_eq!(arrive(&mut server, b"3"), []);
    assert_eq!(arrive(&mut server, b"1"), []);
    assert_eq!(arrive(&mut server, b"4"), [pong(b"4")]);

    // An automatic ping's answer is a sign of life and no more.
    server.ping(b"", &mut out).unwrap();
    assert_eq!(server.on_deadline(now + 30 * SECOND), None);
    let automatic = owed(&mut server).split_off(2);
    assert_eq!(
        receive(&mut server, now + 31 * SECOND, &[(0x8A, &automatic)]),
        []
    );
    assert_eq!(arrive(&mut server, b""), [pong(b"")]);
}

#[test]
fn remembered_pings_have_a_bound() {
    let now = Instant::now();
    let mut server = connection(Role::Server);
    for i in 0..=u8::try_from(PING_PAYLOADS_MAX).unwrap() {
        server.ping(&[i], &mut Vec::new()).unwrap();
    }
    assert_eq!(receive(&mut server, now, &[(0x8A, &[0])]), []);
    assert_eq!(
        receive(&mut server, now, &[(0x8A, &[1])]),
        [Event::Pong(vec![1].into())]
    );
}

#[test]
fn a_ping_has_at_most_125_bytes() {
    let mut server = connection(Role::Server);
    let mut out = Vec::new();
    assert_eq!(
        server.ping(&[0; 126], &mut out),
        Err(PingError::TooLong { bytes: 126 })
    );
    assert_eq!(out, []);
    assert_eq!(server.ping(&[0; 125], &mut out), Ok(()));
    assert_eq!(out.len(), 127);
}
