//! What a peer can make a connection hold.

use std::borrow::Cow;
use std::time::Instant;

use wasket_ws::{Event, Limits, Message, Role, Violation};

use crate::support::{binary, connection, limited, receive, receive_pieces, wire};

const LIMITS: Limits = Limits {
    message_bytes_max: 10,
    fragments_max: 3,
};

#[test]
fn the_defaults_are_those_of_the_design() {
    let limits = Limits::default();
    assert_eq!(
        (limits.message_bytes_max, limits.fragments_max),
        (1_048_576, 131_072)
    );
}

/// The limit holds over all fragments, and is known from the headers.
#[test]
fn message_bytes() {
    let too_big = |bytes| Err(Violation::MessageTooBig { bytes, max: 10 });
    let server = || limited(Role::Server, LIMITS);
    let ten = wire(Role::Server, &[(0x82, b"0123456789")]);
    assert_eq!(
        receive(server(), &ten),
        (vec![binary(b"0123456789")], Ok(()))
    );
    let eleven = wire(Role::Server, &[(0x82, b"0123456789X")]);
    // The header is enough.
    assert_eq!(receive(server(), &eleven[..6]).1, too_big(11));

    let sum = wire(
        Role::Server,
        &[(0x02, b"01234"), (0x89, b"not counted"), (0x80, b"56789")],
    );
    assert_eq!(receive(server(), &sum).1, Ok(()));
    let sum = wire(
        Role::Server,
        &[(0x02, b"01234"), (0x00, b"5678"), (0x80, b"9X")],
    );
    assert_eq!(receive(server(), &sum).1, too_big(11));
}

/// hardening H2
#[test]
fn fragments() {
    let server = || limited(Role::Server, LIMITS);
    let three = wire(Role::Server, &[(0x01, b""), (0x00, b""), (0x80, b"")]);
    let more = [three.clone(), three.clone()].concat();
    assert_eq!(receive(server(), &more).1, Ok(()));
    let four = wire(
        Role::Server,
        &[
            (0x01, b""),
            (0x00, b""),
            (0x89, b""),
            (0x00, b""),
            (0x80, b""),
        ],
    );
    assert_eq!(
        receive(server(), &four).1,
        Err(Violation::TooManyFragments { max: 3 })
    );
}

/// As many as the default allows, and one more. hardening H2
#[test]
fn the_default_limit_of_fragments_at_its_edge() {
    let fragments_max = Limits::default().fragments_max;
    for (count, expected) in [
        (fragments_max, Ok(())),
        (
            fragments_max + 1,
            Err(Violation::TooManyFragments { max: fragments_max }),
        ),
    ] {
        let mut bytes = vec![0x02, 0x00];
        for _ in 2..count {
            bytes.extend([0x00, 0x00]);
        }
        bytes.extend([0x80, 0x00]);
        let (events, received) = receive(connection(Role::Client), &bytes);
        assert_eq!(received, expected);
        assert_eq!(events.len(), usize::from(expected.is_ok()));
    }
}

/// hardening H23
#[test]
fn messages_that_are_kept_cost_their_size() {
    let small = wire(Role::Server, &[(0x82, b"small")]);
    let mut input = small.repeat(1_000);
    let mut events = Vec::new();
    connection(Role::Server)
        .receive(Instant::now(), &mut input, &mut events)
        .unwrap();
    let kept: usize = events
        .into_iter()
        .map(|event| capacity(event.into_owned()))
        .sum();
    assert_eq!(kept, 5_000);

    for len in [1, 100, 10_000, 200_000] {
        let payload = vec![b'x'; len];
        let (half, rest) = payload.split_at(len / 2);
        for bytes in [
            wire(Role::Server, &[(0x82, &payload)]),
            wire(Role::Server, &[(0x81, &payload)]),
            wire(Role::Server, &[(0x02, half), (0x80, rest)]),
            wire(Role::Server, &[(0x01, half), (0x00, rest), (0x80, b"")]),
        ] {
            for size in [7, 1_000] {
                let (events, _) = receive_pieces(connection(Role::Server), bytes.chunks(size));
                let [event] = <[_; 1]>::try_from(events).unwrap();
                let kept = capacity(event);
                assert!(kept <= len + len / 4, "{kept} bytes for {len}");
            }
        }
    }
}

fn capacity(event: Event<'_>) -> usize {
    match event {
        Event::Message(Message::Binary(Cow::Owned(bytes))) => bytes.capacity(),
        Event::Message(Message::Text(Cow::Owned(text))) => text.capacity(),
        other => panic!("not owned: {other:?}"),
    }
}
