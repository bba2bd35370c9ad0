//! However the bytes are divided, they mean the same. // hardening H21

use proptest::prelude::*;
use wasket_ws::{Event, Limits, Role, Violation};

use crate::support::{Frames, limited, receive, receive_pieces, wire, write_frame};

const LIMITS: Limits = Limits {
    message_bytes_max: 700,
    fragments_max: 4,
};

type Outcome = (Vec<Event<'static>>, Result<(), Violation>);

/// Cuts where the bits say, so that pieces are short as well as long.
fn in_pieces(role: Role, bytes: &[u8], cuts: &[prop::sample::Index]) -> Outcome {
    let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.sort_unstable();
    let ends = at.iter().copied().chain([bytes.len()]);
    let starts = [0].into_iter().chain(at.iter().copied());
    receive_pieces(
        limited(role, LIMITS),
        starts.zip(ends).map(|(start, end)| &bytes[start..end]),
    )
}

fn at_once(role: Role, bytes: &[u8]) -> Outcome {
    receive(limited(role, LIMITS), bytes)
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

/// First bytes that are mostly legal somewhere, and some that never are.
fn first_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        20 => prop::sample::select(&[0x81_u8, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A][..]),
        1 => Just(0x88),
        1 => any::<u8>(),
    ]
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        10 => "\\PC{0,40}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..20),
        1 => "[a-z]{120,300}".prop_map(String::into_bytes),
    ]
}

/// Frames, and what a peer may break about them.
fn stream() -> impl Strategy<Value = (Role, Vec<u8>)> {
    let frames = prop::collection::vec((first_byte(), payload()), 0..8);
    let noise = prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>()));
    (role(), frames, noise).prop_map(|(role, frames, noise)| {
        let mut bytes = Vec::new();
        for (first, payload) in &frames {
            write_frame(&mut bytes, role, *first, payload);
        }
        if let Some((at, byte)) = noise
            && !bytes.is_empty()
        {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        (role, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_division_gives_the_same_events_and_violation(
        (role, bytes) in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let expected = at_once(role, &bytes);
        prop_assert_eq!(&in_pieces(role, &bytes, &cuts), &expected);
        prop_assert_eq!(&receive_pieces(limited(role, LIMITS), bytes.chunks(1)), &expected);
    }

    #[test]
    fn noise_is_survived(
        role in role(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        prop_assert_eq!(in_pieces(role, &bytes, &cuts), at_once(role, &bytes));
    }
}

#[test]
fn every_frame_split_at_every_byte() {
    let (short, medium) = ("é".repeat(62), "x".repeat(600));
    let close = [&[0x03, 0xE8], "goodbye".as_bytes()].concat();
    let cases: [Frames<'_>; 7] = [
        &[(0x81, short.as_bytes())],
        &[(0x82, medium.as_bytes())],
        &[(0x81, b"")],
        &[(0x89, short.as_bytes())],
        &[(0x88, &close)],
        &[
            (0x01, "a€".as_bytes()),
            (0x89, b"!"),
            (0x00, b""),
            (0x80, "🦀".as_bytes()),
        ],
        &[(0x02, b"12"), (0x80, b"34"), (0x82, b"5"), (0x88, b"")],
    ];
    for role in [Role::Server, Role::Client] {
        for frames in cases {
            let bytes = wire(role, frames);
            let expected = at_once(role, &bytes);
            assert_eq!(expected.1, Ok(()));
            assert!(!expected.0.is_empty());
            for at in 0..=bytes.len() {
                let (before, after) = bytes.split_at(at);
                let got = receive_pieces(limited(role, LIMITS), [before, after]);
                assert_eq!(got, expected, "{role:?}, split at {at}");
            }
        }
    }
}

/// A frame of 64 KiB, whose length has the longest form.
#[test]
fn a_long_frame_split_at_its_edges() {
    let payload = vec![0xA5; 65_536];
    for role in [Role::Server, Role::Client] {
        let bytes = wire(role, &[(0x82, &payload), (0x82, b"next")]);
        let connection = || limited(role, Limits::default());
        let expected = receive(connection(), &bytes);
        assert_eq!(expected.0.len(), 2);
        for at in (0..20).chain(bytes.len() - 20..bytes.len()) {
            let (before, after) = bytes.split_at(at);
            assert_eq!(
                receive_pieces(connection(), [before, after]),
                expected,
                "{role:?}, {at}"
            );
        }
        assert_eq!(receive_pieces(connection(), bytes.chunks(1_000)), expected);
    }
}
