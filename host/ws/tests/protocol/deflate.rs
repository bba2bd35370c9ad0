//! Compressed messages (RFC 7692 sections 6 and 7.2).

use std::time::Instant;

use proptest::prelude::*;
use wasket_ws::deflate::{Deflater, Parameters, Profile};
use wasket_ws::frame::{self, FirstByte};
use wasket_ws::{Connection, Event, Limits, Opcode, Role, Violation};

use crate::support::{
    Frames, KEY, binary, hex, limited, ping, receive, receive_pieces, text, wire,
};

const LIMITS: Limits = Limits {
    message_bytes_max: 300,
    fragments_max: 10,
};

const TAKEOVER: Parameters = Parameters {
    server_context_takeover: true,
    client_context_takeover: true,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

const NO_TAKEOVER: Parameters = Parameters {
    server_context_takeover: false,
    client_context_takeover: false,
    ..TAKEOVER
};

const BOTH: [Parameters; 2] = [TAKEOVER, NO_TAKEOVER];

fn side(role: Role, parameters: Parameters, limits: Limits) -> Connection {
    limited(role, limits).with_inflate(parameters.inflate(role))
}

fn server(parameters: Parameters) -> Connection {
    side(Role::Server, parameters, LIMITS)
}

fn deflated(payload: &[u8]) -> Vec<u8> {
    let profile = Profile::new(6, 15);
    profile.deflate(payload, <[u8]>::to_vec).expect("deflates")
}

/// RFC 7692 section 7.2.3: each of its examples, unfragmented and in fragments of any size.
#[test]
fn the_examples_of_the_rfc() {
    let cases: [(&str, &str); 6] = [
        // 7.2.3.1: one block.
        ("f2 48 cd c9 c9 07 00", "Hello"),
        // 7.2.3.3: a block without compression.
        ("00 05 00 fa ff 48 65 6c 6c 6f 00", "Hello"),
        // 7.2.3.4: a block with BFINAL, and without the empty one behind it.
        ("f3 48 cd c9 c9 07 00 00", "Hello"),
        ("f3 48 cd c9 c9 07 00", "Hello"),
        // 7.2.3.5: two blocks.
        ("f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "Hello"),
        // 7.2.3.6: nothing.
        ("00", ""),
    ];
    for (deflated, expected) in cases {
        let deflated = hex(deflated);
        for parameters in BOTH {
            let whole = wire(Role::Server, &[(0xC1, &deflated)]);
            let got = receive(server(parameters), &whole);
            assert_eq!(got, (vec![text(expected)], Ok(())), "{deflated:x?}");
            for at in 0..=deflated.len() {
                let (first, second) = deflated.split_at(at);
                let bytes = wire(Role::Server, &[(0x41, first), (0x89, b"!"), (0x80, second)]);
                let got = receive(server(parameters), &bytes);
                let expected = vec![ping(b"!"), text(expected)];
                assert_eq!(got, (expected, Ok(())), "{deflated:x?} at {at}");
            }
        }
    }
}

/// RFC 7692 section 7.2.3.2.
#[test]
fn a_message_refers_to_an_earlier_one_only_with_context_takeover() {
    let frames: Frames<'_> = &[
        (0xC1, b"\xf2\x48\xcd\xc9\xc9\x07\x00"),
        (0xC1, b"\xf2\x00\x11\x00\x00"),
    ];
    let bytes = wire(Role::Server, frames);
    let both = vec![text("Hello"), text("Hello")];
    assert_eq!(receive(server(TAKEOVER), &bytes), (both, Ok(())));
    let one = (vec![text("Hello")], Err(Violation::NotInflatable));
    assert_eq!(receive(server(NO_TAKEOVER), &bytes), one);
}

#[test]
fn a_message_may_be_deflated_in_parts() {
    let payload: Vec<u8> = (0..=250).cycle().take(100_000).collect();
    for part in [1, 1000, 65_536, 99_999] {
        let mut deflater = Deflater::new(Profile::new(6, 15));
        let mut bytes = Vec::new();
        // The second refers to the first.
        for _ in 0..2 {
            let mut out = Vec::new();
            let mut parts = payload.chunks(part);
            let last = parts.next_back().expect("it is not empty");
            for part in parts {
                assert_eq!(deflater.deflate_part(part, &mut out), Ok(()));
            }
            assert_eq!(deflater.deflate(last, &mut out), Ok(()));
            frame::encode_first(&mut bytes, FirstByte::deflated(Opcode::Binary), &out, None);
        }
        let limits = Limits::default();
        let (events, received) = receive(side(Role::Client, TAKEOVER, limits), &bytes);
        assert_eq!(received, Ok(()), "{part}");
        assert_eq!(events, [binary(&payload), binary(&payload)], "{part}");
    }
}

/// RFC 7692 sections 7.2.3.1 and 7.2.3.2: what we write is what it shows.
#[test]
fn we_write_what_the_rfc_shows() {
    assert_eq!(deflated(b"Hello"), hex("f2 48 cd c9 c9 07 00"));
    assert_eq!(deflated(b""), [0]);
    let mut deflater = Deflater::new(Profile::new(6, 15));
    for expected in ["f2 48 cd c9 c9 07 00", "f2 00 11 00 00"] {
        let mut out = b"before".to_vec();
        assert_eq!(deflater.deflate(b"Hello", &mut out), Ok(()));
        assert_eq!(out.strip_prefix(b"before"), Some(&*hex(expected)));
    }
    // Nothing, twice: no codec is asked to flush what it has flushed.
    for _ in 0..2 {
        let mut out = Vec::new();
        assert_eq!(deflater.deflate(b"", &mut out), Ok(()));
        assert_eq!(out, [0]);
    }
    let mut out = Vec::new();
    frame::encode_first(
        &mut out,
        FirstByte::deflated(Opcode::Text),
        &deflated(b"Hello"),
        None,
    );
    assert_eq!(out, hex("c1 07 f2 48 cd c9 c9 07 00"));
}

/// hardening H10
#[test]
fn compressed_and_plain_messages_mix() {
    let (long, split) = (
        deflated("é".repeat(100).as_bytes()),
        deflated("é".as_bytes()),
    );
    let frames: Frames<'_> = &[
        (0xC1, &long),
        (0x81, b"plain"),
        (0x41, &split[..1]),
        (0x89, b"between"),
        (0x00, &split[1..]),
        (0x80, b""),
        (0x02, b"plain "),
        (0x80, b"pieces"),
        // As some write an empty message.
        (0xC2, b""),
        (0x42, b""),
        (0x80, b""),
    ];
    let bytes = wire(Role::Server, frames);
    let expected = [
        text(&"é".repeat(100)),
        text("plain"),
        ping(b"between"),
        text("é"),
        binary(b"plain pieces"),
        binary(b""),
        binary(b""),
    ];
    for size in 1..bytes.len() {
        for parameters in BOTH {
            let (events, received) = receive_pieces(server(parameters), bytes.chunks(size));
            assert_eq!(
                (events.as_slice(), received),
                (expected.as_slice(), Ok(())),
                "{size}"
            );
        }
    }
}

/// hardening H1 H10
#[test]
fn what_is_refused() {
    let bits = |bits, opcode| Violation::ReservedBits { bits, opcode };
    let (full, over) = (deflated(&[b'x'; 300]), deflated(&[b'x'; 301]));
    let not_text = deflated(b"ab\xFF");
    let cut_text = deflated(b"ab\xC3");
    let stored = hex("00 05 00 fa ff 48 65");
    let too_big = Violation::MessageTooBig {
        bytes: 301,
        max: 300,
    };
    let damaged = Violation::NotInflatable;
    let cases: [(Frames<'_>, Violation); 16] = [
        (&[(0xC9, b"")], bits(0x40, 9)),
        (&[(0xC8, b"")], bits(0x40, 8)),
        (&[(0xCA, b"")], bits(0x40, 10)),
        (&[(0x42, b""), (0xC0, b"")], bits(0x40, 0)),
        (&[(0x02, b""), (0xC0, b"")], bits(0x40, 0)),
        (&[(0xD1, b"")], bits(0x50, 1)),
        (&[(0xE1, b"")], bits(0x60, 1)),
        (&[(0xC2, &over)], too_big),
        (
            &[(0x42, &over[..2]), (0x00, &over[2..3]), (0x80, &over[3..])],
            too_big,
        ),
        (&[(0xC1, &not_text)], Violation::TextNotUtf8 { at: 2 }),
        (&[(0xC1, &cut_text)], Violation::TextNotUtf8 { at: 2 }),
        // A reserved kind of block, a length that its complement contradicts, a distance to before the beginning.
        (&[(0xC2, b"\x06\x00")], damaged),
        (&[(0xC2, b"\x00\x05\x00\x00\x00Hello\x00")], damaged),
        (&[(0xC2, b"\xf2\x00\x11\x00\x00")], damaged),
        // The end is missing: within a block of each kind.
        (&[(0xC2, &stored)], damaged),
        (&[(0xC2, &full[..full.len() - 2])], damaged),
    ];
    for (frames, expected) in cases {
        let bytes = wire(Role::Server, frames);
        for parameters in BOTH {
            let got = receive(server(parameters), &bytes);
            assert_eq!(got, (vec![], Err(expected)), "{frames:x?} {parameters:?}");
        }
    }
    // Without the extension RSV1 has no meaning.
    let bytes = wire(Role::Server, &[(0xC1, b"\0")]);
    assert_eq!(
        receive(limited(Role::Server, LIMITS), &bytes).1,
        Err(bits(0x40, 1))
    );
}

#[test]
fn the_limit_is_on_what_comes_out() {
    for parameters in BOTH {
        let bytes = wire(Role::Server, &[(0xC2, &deflated(&[b'x'; 300]))]);
        let expected = vec![binary(&[b'x'; 300])];
        assert_eq!(receive(server(parameters), &bytes), (expected, Ok(())));
    }
    // And on what goes in, where nothing is compressed.
    let bytes = wire(Role::Server, &[(0x82, &[0; 301])]);
    let too_big = Violation::MessageTooBig {
        bytes: 301,
        max: 300,
    };
    assert_eq!(receive(server(TAKEOVER), &bytes).1, Err(too_big));
}

/// What deflate could not excuse ends with the header, whatever might come out of it.
#[test]
fn what_goes_in_has_a_limit_too() {
    let declare = |len: u16| {
        let [high, low] = len.to_be_bytes();
        receive(server(TAKEOVER), &[0xC2, 0xFE, high, low, 0, 0, 0, 0]).1
    };
    assert_eq!(declare(1_624), Ok(()));
    let too_big = Violation::MessageTooBig {
        bytes: 1_625,
        max: 300,
    };
    assert_eq!(declare(1_625), Err(too_big));
}

/// hardening H1: a message of any size up to the limit comes out whole, and one byte more does not.
#[test]
fn large_messages_come_out_whole() {
    let buffer = 64 << 10;
    for len in [buffer - 1, buffer, buffer + 1, 3 * buffer, 1 << 20] {
        let payload: Vec<u8> = (0..len)
            .map(|n| b"abcdefg"[(n / 3 + n / 1000) % 7])
            .collect();
        let as_text = String::from_utf8(payload.clone()).expect("ASCII");
        let deflated = deflated(&payload);
        let bytes = wire(Role::Server, &[(0xC2, &deflated), (0xC1, &deflated)]);
        for parameters in BOTH {
            let at_most = |message_bytes_max| {
                let limits = Limits {
                    message_bytes_max,
                    ..LIMITS
                };
                receive(side(Role::Server, parameters, limits), &bytes)
            };
            let expected = vec![binary(&payload), text(&as_text)];
            assert!(at_most(len) == (expected, Ok(())), "{len}");
            let (events, received) = at_most(len - 1);
            assert_eq!(events, []);
            assert!(
                matches!(received, Err(Violation::MessageTooBig { .. })),
                "{len}"
            );
        }
    }
}

/// hardening H10: wherever a message breaks off, in the tables of a block too, it is none.
#[test]
fn what_breaks_off_is_no_message() {
    let payload: Vec<u8> = (0..6_000_u32)
        .map(|n| b"etaoinshrdlucmfwyp"[(n.wrapping_mul(n) >> 5) as usize % 18])
        .collect();
    let whole = deflated(&payload);
    assert_eq!(whole[0] & 0b110, 0b100, "a block with codes of its own");
    // But for the last bytes: they are of the empty block that ends every message, and some leave them out.
    for cut in 1..whole.len() - 3 {
        let bytes = wire(Role::Server, &[(0xC2, &whole[..cut])]);
        for parameters in BOTH {
            let got = receive(side(Role::Server, parameters, Limits::default()), &bytes);
            let expected = (vec![], Err(Violation::NotInflatable));
            assert!(got == expected, "{cut} of {} {parameters:?}", whole.len());
        }
    }
}

/// hardening H1: many small messages that inflate to large ones are taken one after another.
#[test]
fn a_read_of_bombs_is_not_inflated_at_once() {
    let limits = Limits {
        message_bytes_max: 1 << 20,
        ..LIMITS
    };
    let bomb = deflated(&vec![0; 1 << 20]);
    let frames: [(u8, &[u8]); 5] = [
        (0xC2, &bomb),
        (0x42, &bomb),
        (0x80, b""),
        (0x82, b"plain"),
        (0xC2, &bomb),
    ];
    for parameters in BOTH {
        let mut server = side(Role::Server, parameters, limits);
        let mut bytes = wire(Role::Server, &frames);
        let mut input = &mut bytes[..];
        let mut turns = Vec::new();
        while !input.is_empty() {
            let mut events = Vec::new();
            let received = server.receive_some(Instant::now(), &mut input, &mut events);
            assert_eq!(received, Ok(()));
            turns.push(events.iter().map(len).collect::<Vec<_>>());
        }
        assert_eq!(turns, [vec![1 << 20], vec![1 << 20], vec![5, 1 << 20]]);
    }
    // Small ones come together, and the smallest are not free.
    for (payload, together) in [(&[0; 1024][..], 256), (b"", 1024)] {
        let small = deflated(payload);
        let mut bytes = wire(Role::Server, &[(0xC2, &small)]).repeat(together + 1);
        let (mut input, mut events) = (&mut bytes[..], Vec::new());
        let mut server = side(Role::Server, NO_TAKEOVER, limits);
        let received = server.receive_some(Instant::now(), &mut input, &mut events);
        assert_eq!((received, events.len()), (Ok(()), together));
        assert!(!input.is_empty());
    }
}

/// What is left is nothing where it would be ignored.
#[test]
fn nothing_is_left_of_a_connection_that_failed() {
    let bomb = deflated(&[0; 300]);
    let mut bytes = wire(Role::Server, &[(0xC2, &bomb), (0xC9, b""), (0x82, b"late")]);
    let (mut input, mut events) = (&mut bytes[..], Vec::new());
    let mut server = server(TAKEOVER);
    let received = server.receive_some(Instant::now(), &mut input, &mut events);
    assert!(matches!(received, Err(Violation::ReservedBits { .. })));
    assert_eq!((events.len(), input.len()), (1, 0));
}

fn len(event: &Event<'_>) -> usize {
    match event {
        Event::Message(message) => message.len(),
        other => panic!("{other:?}"),
    }
}

fn parameters() -> impl Strategy<Value = Parameters> {
    (any::<bool>(), any::<bool>(), 9..=15_u8, 9..=15_u8).prop_map(|(server, client, s, c)| {
        Parameters {
            server_context_takeover: server,
            client_context_takeover: client,
            server_max_window_bits: s,
            client_max_window_bits: c,
        }
    })
}

fn payload() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-f]{0,40}",
        "\\PC{0,40}",
        ("[a-z ]{1,30}", 1..2_000_usize).prop_map(|(part, times)| part.repeat(times)),
    ]
}

/// A whole conversation in one direction, each message in up to three frames with a ping in between.
fn conversation(
    from: Role,
    parameters: Parameters,
    level: u8,
    messages: &[String],
) -> (Vec<u8>, Vec<Event<'static>>) {
    let profile = parameters.profile(from, level).expect("9 bits and more");
    let mut own = parameters.takes_over(from).then(|| Deflater::new(profile));
    let to = if from == Role::Server {
        Role::Client
    } else {
        Role::Server
    };
    let (mut bytes, mut events) = (Vec::new(), Vec::new());
    for message in messages {
        let mut deflated = Vec::new();
        match &mut own {
            Some(own) => own.deflate(message.as_bytes(), &mut deflated),
            None => profile.deflate(message.as_bytes(), |bytes| {
                deflated.extend_from_slice(bytes);
            }),
        }
        .expect("deflates");
        let (a, rest) = deflated.split_at(deflated.len() / 3);
        let (b, c) = rest.split_at(rest.len() / 2);
        bytes.extend(wire(
            to,
            &[(0x41, a), (0x00, b), (0x89, KEY.as_slice()), (0x80, c)],
        ));
        events.extend([ping(&KEY), text(message)]);
    }
    (bytes, events)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// hardening H9
    #[test]
    fn what_is_deflated_is_inflated_with_all_parameters(
        parameters in parameters(),
        level in 1..=9_u8,
        messages in prop::collection::vec(payload(), 1..6),
        size in 1..5_000_usize,
    ) {
        for (from, to) in [(Role::Server, Role::Client), (Role::Client, Role::Server)] {
            let (bytes, expected) = conversation(from, parameters, level, &messages);
            let connection = side(to, parameters, Limits::default());
            let got = receive_pieces(connection, bytes.chunks(size));
            prop_assert_eq!(got, (expected, Ok(())));
        }
    }

    /// hardening H10 H21
    #[test]
    fn noise_means_the_same_however_it_is_cut(
        parameters in parameters(),
        deflated in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            ("[a-c]{0,80}", any::<prop::sample::Index>(), any::<u8>()).prop_map(|(text, at, byte)| {
                let mut deflated = deflated(text.as_bytes());
                let at = at.index(deflated.len());
                deflated[at] = byte;
                deflated
            }),
        ],
        first in prop::sample::select(&[0xC1_u8, 0xC2, 0x41][..]),
        cut in any::<prop::sample::Index>(),
    ) {
        let end: &[u8] = if first == 0x41 { b"\x00" } else { b"" };
        let bytes = wire(Role::Server, &[(first, &deflated), (0x80 | u8::from(first != 0x41), end)]);
        let expected = receive(server(parameters), &bytes);
        let (before, after) = bytes.split_at(cut.index(bytes.len()));
        prop_assert_eq!(&receive_pieces(server(parameters), [before, after]), &expected);
        prop_assert_eq!(&receive_pieces(server(parameters), bytes.chunks(1)), &expected);
    }
}
