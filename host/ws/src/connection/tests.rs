//! What only the inside can tell: the memory of what is not complete.

use std::time::Instant;

use super::*;
use crate::Violation;
use crate::deflate::Parameters;

const DECLARES_2_GIB: [u8; 14] = [0x82, 0xFF, 0, 0, 0, 0, 0x80, 0, 0, 0, 1, 2, 3, 4];
/// A binary frame of 1 MiB, the default limit, without its payload.
const DECLARES_1_MIB: [u8; 14] = [0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4];

fn server() -> Connection {
    let now = Instant::now();
    Connection::new(Role::Server, Limits::default(), Timing::default(), now)
        .with_inflate(Parameters::default().inflate(Role::Server))
}

fn receive(connection: &mut Connection, bytes: &[u8]) -> Result<(), Violation> {
    connection.receive(Instant::now(), &mut bytes.to_vec(), &mut Vec::new())
}

fn capacity(connection: &Connection) -> Option<usize> {
    Some(connection.partial.as_ref()?.message.as_ref()?.capacity())
}

/// hardening H3 H4
#[test]
fn a_declared_length_allocates_nothing() {
    let mut connection = server();
    receive(&mut connection, &DECLARES_2_GIB).unwrap_err();
    assert!(connection.partial.is_none());

    for first in [0x82, 0x02, 0x81, 0x01, 0xC2, 0x42] {
        let mut connection = server();
        let mut bytes = DECLARES_1_MIB;
        bytes[0] = first;
        receive(&mut connection, &bytes).unwrap();
        assert_eq!(capacity(&connection), Some(0));
    }
}

/// hardening H1 H4
#[test]
fn memory_follows_what_arrived() {
    // A compressed message in fragments may take more than comes out of it.
    let needs = [
        (0x82, 1 << 20),
        (0x02, 1 << 20),
        (0xC2, 1 << 20),
        (0x42, (2 << 20) + 1024),
    ];
    for (first, needed_max) in needs {
        let mut connection = server();
        let mut bytes = DECLARES_1_MIB;
        bytes[0] = first;
        receive(&mut connection, &bytes).unwrap();
        for arrived in 1..2_000 {
            receive(&mut connection, &[0; 1]).unwrap();
            assert!(capacity(&connection).unwrap() <= 64.max(2 * arrived));
        }
        receive(&mut connection, &[0; 600_000]).unwrap();
        assert!(
            capacity(&connection).unwrap() <= needed_max,
            "never more than the message can need"
        );
    }
}

/// hardening H2
#[test]
fn empty_fragments_hold_nothing() {
    let mut connection = server();
    receive(&mut connection, &[0x02, 0x80, 0, 0, 0, 0]).unwrap();
    for _ in 0..1_000 {
        receive(&mut connection, &[0x00, 0x80, 0, 0, 0, 0]).unwrap();
    }
    assert_eq!(capacity(&connection), Some(0));
}

#[test]
fn an_idle_connection_owns_no_memory() {
    let mut connection = server();
    let frame: &[u8] = &[0x82, 0x81, 0, 0, 0, 0, b'x'];
    let fragments: &[u8] = &[0x01, 0x80, 0, 0, 0, 0, 0x80, 0x80, 0, 0, 0, 0];
    for bytes in [frame, fragments] {
        for at in 0..=bytes.len() {
            let (before, after) = bytes.split_at(at);
            receive(&mut connection, before).unwrap();
            receive(&mut connection, after).unwrap();
            assert!(
                connection.partial.is_none() && connection.control.is_none(),
                "{at}"
            );
        }
    }
}

#[test]
fn an_ended_connection_lets_go_of_what_was_incomplete() {
    let begun = [0x02, 0x81, 0, 0, 0, 0, b'x'];
    let close = [0x88, 0x80, 0, 0, 0, 0];
    let violation = [0x83];
    for end in [&close[..], &violation] {
        let mut connection = server();
        receive(&mut connection, &begun).unwrap();
        assert!(connection.partial.is_some());
        assert_eq!(receive(&mut connection, end).is_ok(), end == close);
        assert!(connection.partial.is_none());
    }
}

/// hardening H13
#[test]
fn pings_keep_one_payload() {
    let mut connection = server();
    for len in [125, 3] {
        let mut ping = vec![0x89, 0x80 | len, 0, 0, 0, 0];
        ping.resize(6 + usize::from(len), 7);
        for _ in 0..100 {
            receive(&mut connection, &ping).unwrap();
        }
        let pongs = &connection.control.as_ref().unwrap().pongs;
        assert_eq!((pongs.len(), pongs[0].len()), (1, usize::from(len)));
    }
    connection.write_owed(&mut Vec::new());
    assert_eq!(connection.control.as_ref().unwrap().pongs.len(), 0);
}
