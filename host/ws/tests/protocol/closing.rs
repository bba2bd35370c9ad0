//! The closing handshake (RFC 6455 section 7).

use std::time::{Duration, Instant};

use wasket_ws::{CloseCode, CloseFrame, Connection, Event, Overdue, PingError, Role, State};

use crate::support::{KEY, binary, connection, wire, write_frame};

const LATE: Duration = Duration::from_secs(3_600);

fn receive(connection: &mut Connection, frames: &[(u8, &[u8])]) -> Vec<Event<'static>> {
    let mut bytes = wire(connection.role(), frames);
    let mut events = Vec::new();
    // The tests look at the state that a violation leaves, not at the violation.
    let _ = connection.receive(Instant::now(), &mut bytes, &mut events);
    events.into_iter().map(Event::into_owned).collect()
}

fn close(connection: &mut Connection, frame: &CloseFrame) -> Vec<u8> {
    let mut out = Vec::new();
    connection.close(Instant::now(), frame, &mut out);
    out
}

/// What the other role's peer would send: our own close frame, from us.
fn close_bytes(from: Role, payload: &[u8]) -> Vec<u8> {
    let to = match from {
        Role::Server => Role::Client,
        Role::Client => Role::Server,
    };
    let mut out = Vec::new();
    write_frame(&mut out, to, 0x88, payload);
    out
}

#[test]
fn we_close_first() {
    for role in [Role::Server, Role::Client] {
        let mut connection = connection(role);
        assert_eq!(connection.state(), State::Open);
        let frame = CloseFrame::new(CloseCode::GOING_AWAY, "bye").unwrap();
        assert_eq!(
            close(&mut connection, &frame),
            close_bytes(role, b"\x03\xE9bye")
        );
        assert_eq!(
            (connection.state(), connection.is_clean()),
            (State::CloseSent, false)
        );
        // Once.
        assert_eq!(close(&mut connection, &frame), []);

        // What was on its way still arrives.
        let events = receive(
            &mut connection,
            &[(0x82, b"late"), (0x88, b"\x03\xE9"), (0x82, b"no")],
        );
        assert_eq!(
            events,
            [binary(b"late"), Event::Close(CloseCode::GOING_AWAY.into())]
        );
        assert_eq!(
            (connection.state(), connection.is_clean()),
            (State::Closed, true)
        );
        assert_eq!(connection.peer_close(), Some(&CloseCode::GOING_AWAY.into()));
        assert_eq!(close(&mut connection, &frame), []);
    }
}

#[test]
fn the_peer_closes_first() {
    let ours = CloseFrame::from(CloseCode::new(3000).unwrap());
    // What the peer says, what we say, what goes out.
    let cases: [(&[u8], CloseFrame, &[u8]); 5] = [
        (b"\x03\xE8", CloseFrame::default(), b"\x03\xE8"),
        (
            b"\x0F\xA0because",
            CloseFrame::default(),
            b"\x0F\xA0because",
        ),
        (b"", CloseFrame::default(), b""),
        (b"", ours.clone(), b"\x0B\xB8"),
        (b"\x03\xE8", ours, b"\x0B\xB8"),
    ];
    for role in [Role::Server, Role::Client] {
        for (theirs, ours, expected) in &cases {
            let mut connection = connection(role);
            receive(&mut connection, &[(0x88, theirs)]);
            assert_eq!(
                (connection.state(), connection.is_clean()),
                (State::CloseReceived, false)
            );
            assert_eq!(connection.next_deadline(), None);
            assert_eq!(close(&mut connection, ours), close_bytes(role, expected));
            assert_eq!(
                (connection.state(), connection.is_clean()),
                (State::Closed, true)
            );
        }
    }
}

#[test]
fn a_violation_is_told_once() {
    let mut connection = connection(Role::Server);
    receive(&mut connection, &[(0x83, b"")]);
    assert_eq!(
        (connection.state(), connection.next_deadline()),
        (State::Failed, None)
    );
    let frame = CloseFrame::from(CloseCode::PROTOCOL_ERROR);
    assert_eq!(close(&mut connection, &frame), [0x88, 2, 3, 0xEA]);
    assert_eq!(close(&mut connection, &frame), []);
    assert_eq!(
        (connection.state(), connection.is_clean()),
        (State::Failed, false)
    );
    assert_eq!(
        connection.on_deadline(Instant::now() + LATE),
        Some(Overdue::Close)
    );
}

#[test]
fn a_violation_after_our_close_frame_is_no_clean_end() {
    let mut connection = connection(Role::Server);
    close(&mut connection, &CloseFrame::default());
    receive(&mut connection, &[(0x83, b"")]);
    assert_eq!(
        (connection.state(), connection.is_clean()),
        (State::Failed, false)
    );
    assert_eq!(close(&mut connection, &CloseFrame::default()), []);
}

#[test]
fn nothing_follows_our_close_frame() {
    let mut connection = connection(Role::Server);
    receive(&mut connection, &[(0x89, b"before")]);
    assert!(connection.owes());
    close(&mut connection, &CloseFrame::default());
    receive(&mut connection, &[(0x89, b"after")]);
    let mut out = Vec::new();
    assert!(!connection.owes());
    connection.write_owed(&mut out);
    assert_eq!(connection.ping(b"", &mut out), Err(PingError::Closing));
    assert_eq!(out, []);
    assert_eq!(
        connection.on_deadline(Instant::now() + LATE),
        Some(Overdue::Close)
    );
    assert!(!connection.owes());
}

/// RFC 6455 section 5.5.2: a ping before the close frame is answered, before ours.
#[test]
fn a_pong_may_precede_the_answer_to_a_close_frame() {
    let mut connection = connection(Role::Server);
    receive(&mut connection, &[(0x89, b"p"), (0x88, b"")]);
    let mut out = Vec::new();
    connection.write_owed(&mut out);
    connection.close(Instant::now(), &CloseFrame::default(), &mut out);
    assert_eq!(out, [0x8A, 1, b'p', 0x88, 0]);
}

#[test]
fn a_close_frame_without_a_code_has_no_reason() {
    let mut frame = CloseFrame::new(CloseCode::NORMAL, "reason").unwrap();
    frame.code = None;
    assert_eq!(close(&mut connection(Role::Server), &frame), [0x88, 0]);
}

#[test]
#[should_panic(expected = "with_mask_keys")]
fn a_client_without_mask_keys_never_writes() {
    let now = Instant::now();
    let mut client = Connection::new(Role::Client, Default::default(), Default::default(), now);
    close(&mut client, &CloseFrame::default());
}

/// hardening H19
#[test]
fn a_client_takes_a_new_key_for_each_frame() {
    let now = Instant::now();
    let mut key = KEY;
    let mut client = Connection::new(Role::Client, Default::default(), Default::default(), now)
        .with_mask_keys(Box::new(move || {
            key[0] += 1;
            key
        }));
    let mut out = Vec::new();
    receive(&mut client, &[(0x89, b"")]);
    client.write_owed(&mut out);
    client.ping(b"", &mut out).unwrap();
    client.close(now, &CloseFrame::default(), &mut out);
    let [_, b, c, d] = KEY;
    let expected = [
        0x8A, 0x80, 0x38, b, c, d, 0x89, 0x80, 0x39, b, c, d, 0x88, 0x80, 0x3A, b, c, d,
    ];
    assert_eq!(out, expected);
}
