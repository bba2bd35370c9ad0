//! The rules of RFC 6455 section 5, in its order: hex in, events out. // parity C1 C3

use std::time::Instant;

use crate::support::{
    self, Frames, binary, connection, hex, ping, receive, receive_pieces, text, wire, write_frame,
};
use wasket_ws::{CloseCode, CloseFrame, Event, Limits, Message, Opcode, Role, Violation};

const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// RFC 6455 section 5.7.
#[test]
fn examples_of_the_rfc() {
    let kib_256: Vec<u8> = (0..=255).collect();
    let kib_64: Vec<u8> = kib_256.repeat(256);
    let cases = [
        (
            Role::Client,
            hex("81 05 48 65 6c 6c 6f"),
            vec![text("Hello")],
        ),
        (
            Role::Server,
            hex("81 85 37 fa 21 3d 7f 9f 4d 51 58"),
            vec![text("Hello")],
        ),
        (
            Role::Client,
            hex("01 03 48 65 6c 80 02 6c 6f"),
            vec![text("Hello")],
        ),
        (
            Role::Client,
            hex("89 05 48 65 6c 6c 6f"),
            vec![ping(b"Hello")],
        ),
        (
            Role::Client,
            [hex("82 7E 01 00"), kib_256.clone()].concat(),
            vec![binary(&kib_256)],
        ),
        (
            Role::Client,
            [hex("82 7F 00 00 00 00 00 01 00 00"), kib_64.clone()].concat(),
            vec![binary(&kib_64)],
        ),
    ];
    for (role, bytes, expected) in cases {
        assert_eq!(receive(connection(role), &bytes), (expected, Ok(())));
    }
    // "8a 85 ...": the masked pong, which nobody asked for, says nothing.
    let pong = hex("8a 85 37 fa 21 3d 7f 9f 4d 51 58");
    assert_eq!(receive(connection(Role::Server), &pong), (vec![], Ok(())));
}

/// RFC 6455 section 5.1. hardening H19
#[test]
fn the_mask_goes_one_way() {
    for first in 0..=u8::MAX {
        let Some(opcode) = Opcode::from_bits(first & 0xF) else {
            continue;
        };
        if first & 0x70 != 0
            || (first < 0x80 && opcode.is_control())
            || opcode == Opcode::Continuation
        {
            continue;
        }
        let to_server = wire(Role::Server, &[(first, b"")]);
        let to_client = wire(Role::Client, &[(first, b"")]);
        assert_eq!(
            receive(connection(Role::Client), &to_server).1,
            Err(Violation::Masked)
        );
        assert_eq!(
            receive(connection(Role::Server), &to_client).1,
            Err(Violation::Unmasked)
        );
    }
    // Inside of a message, too.
    let to_server = wire(Role::Server, &[(0x01, b"a")]);
    let pieces = [to_server.as_slice(), &[0x80, 0x00]];
    assert_eq!(
        receive_pieces(connection(Role::Server), pieces).1,
        Err(Violation::Unmasked)
    );
    let to_client = wire(Role::Client, &[(0x01, b"a")]);
    let pieces = [to_client.as_slice(), &[0x80, 0x80]];
    assert_eq!(
        receive_pieces(connection(Role::Client), pieces).1,
        Err(Violation::Masked)
    );
}

/// RFC 6455 sections 5.2, 5.4 and 5.5: every first byte there is, alone and inside of a message.
#[test]
fn every_first_byte() {
    for role in ROLES {
        for first in 0..=u8::MAX {
            for in_message in [false, true] {
                let mut bytes = Vec::new();
                if in_message {
                    write_frame(&mut bytes, role, 0x02, b"x");
                }
                write_frame(&mut bytes, role, first, b"");
                let (_, received) = receive(connection(role), &bytes);
                assert_eq!(
                    received,
                    expected_of(first, in_message),
                    "{first:#x} {in_message}"
                );
            }
        }
    }
}

fn expected_of(first: u8, in_message: bool) -> Result<(), Violation> {
    let (fin, reserved, bits) = (first & 0x80 != 0, first & 0x70, first & 0x0F);
    if reserved != 0 {
        return Err(Violation::ReservedBits {
            bits: reserved,
            opcode: bits,
        });
    }
    match Opcode::from_bits(bits) {
        None => Err(Violation::ReservedOpcode(bits)),
        Some(opcode) if opcode.is_control() && !fin => Err(Violation::FragmentedControl(opcode)),
        Some(Opcode::Continuation) if !in_message => Err(Violation::LoneContinuation),
        Some(opcode @ (Opcode::Text | Opcode::Binary)) if in_message => {
            Err(Violation::MessageInMessage(opcode))
        }
        Some(_) => Ok(()),
    }
}

/// RFC 6455 section 5.2, payload length. hardening H3 H20
#[test]
fn lengths() {
    const BIG: u64 = u64::MAX;
    let too_big = |bytes| Violation::MessageTooBig {
        bytes,
        max: 1 << 20,
    };
    let cases = [
        ("82 7e 00 00", Violation::LengthNotMinimal(0)),
        ("82 7e 00 7d", Violation::LengthNotMinimal(125)),
        (
            "82 7f 00 00 00 00 00 00 00 00",
            Violation::LengthNotMinimal(0),
        ),
        (
            "82 7f 00 00 00 00 00 00 ff ff",
            Violation::LengthNotMinimal(65_535),
        ),
        ("82 7f 00 00 00 00 00 10 00 01", too_big((1 << 20) + 1)),
        ("82 7f 00 00 00 01 00 00 00 00", too_big(1 << 32)),
        ("82 7f 7f ff ff ff ff ff ff ff", too_big(BIG / 2)),
        ("82 7f 80 00 00 00 00 00 00 00", Violation::LengthTopBit),
        ("82 7f ff ff ff ff ff ff ff ff", Violation::LengthTopBit),
        ("88 7e", Violation::LongControl(Opcode::Close)),
        ("89 7e 00 7e", Violation::LongControl(Opcode::Ping)),
        (
            "8a 7f 00 00 00 00 00 01 00 00",
            Violation::LongControl(Opcode::Pong),
        ),
    ];
    for (bytes, expected) in cases {
        let mut bytes = hex(bytes);
        assert_eq!(
            receive(connection(Role::Client), &bytes),
            (vec![], Err(expected))
        );
        bytes[1] |= 0x80;
        bytes.extend(support::KEY);
        assert_eq!(
            receive(connection(Role::Server), &bytes),
            (vec![], Err(expected))
        );
    }
}

#[test]
fn a_message_may_have_any_length_up_to_the_limit() {
    for role in ROLES {
        for len in [0, 1, 31, 32, 33, 125, 126, 127, 65_535, 65_536, 1 << 20] {
            let payload = vec![b'x'; len];
            for first in [0x81, 0x82] {
                let bytes = wire(role, &[(first, &payload)]);
                let (events, received) = receive(connection(role), &bytes);
                assert_eq!(received, Ok(()));
                let [Event::Message(message)] = events.as_slice() else {
                    panic!("{len}: {} events", events.len());
                };
                assert_eq!(
                    (message.as_bytes(), message.is_text()),
                    (&payload[..], first == 0x81)
                );
            }
        }
    }
}

/// RFC 6455 section 5.4.
#[test]
fn fragments_make_one_message_and_control_frames_pass_between() {
    let cases: [(Frames<'_>, Vec<Event<'_>>); 7] = [
        (
            &[(0x01, b"a"), (0x00, b"b"), (0x80, b"c")],
            vec![text("abc")],
        ),
        (&[(0x02, b"a"), (0x80, b"b")], vec![binary(b"ab")]),
        (&[(0x01, b""), (0x00, b""), (0x80, b"")], vec![text("")]),
        (&[(0x02, b""), (0x80, b"z")], vec![binary(b"z")]),
        (
            &[(0x01, b"a"), (0x89, b"p"), (0x80, b"b"), (0x82, b"c")],
            vec![ping(b"p"), text("ab"), binary(b"c")],
        ),
        (
            &[
                (0x01, b"a"),
                (0x8A, b"unasked"),
                (0x89, b""),
                (0x00, b"b"),
                (0x89, b"q"),
                (0x80, b""),
            ],
            vec![ping(b""), ping(b"q"), text("ab")],
        ),
        (
            &[(0x01, b"a"), (0x88, &[3, 0xE8]), (0x80, b"b")],
            vec![Event::Close(CloseCode::NORMAL.into())],
        ),
    ];
    for role in ROLES {
        for (frames, expected) in &cases {
            let bytes = wire(role, frames);
            assert_eq!(
                receive(connection(role), &bytes),
                (expected.clone(), Ok(())),
                "{frames:?}"
            );
        }
    }
}

/// RFC 6455 section 5.5.1, 7.4. parity C2
#[test]
fn close_frames() {
    let longest = "x".repeat(123);
    let frame = |code, reason| Ok(CloseFrame::new(CloseCode::new(code).unwrap(), reason).unwrap());
    let cases: [(Vec<u8>, Result<CloseFrame, Violation>); 11] = [
        (vec![], Ok(CloseFrame::default())),
        (vec![3], Err(Violation::CloseTooShort)),
        (hex("03e8"), frame(1000, "")),
        ([hex("0bb8"), "né".into()].concat(), frame(3000, "né")),
        (
            [hex("1387"), longest.clone().into()].concat(),
            frame(4999, &longest),
        ),
        (hex("03ec"), Err(Violation::CloseCode(1004))),
        (hex("03ed"), Err(Violation::CloseCode(1005))),
        (hex("03ee"), Err(Violation::CloseCode(1006))),
        (hex("0000"), Err(Violation::CloseCode(0))),
        (hex("03e8 c3"), Err(Violation::CloseReasonNotUtf8)),
        (hex("03e8 6f eda080"), Err(Violation::CloseReasonNotUtf8)),
    ];
    for role in ROLES {
        for (payload, expected) in &cases {
            let (events, received) = receive(connection(role), &wire(role, &[(0x88, payload)]));
            let got = received.map(|()| events.into_iter().next());
            assert_eq!(
                got,
                expected.clone().map(|frame| Some(Event::Close(frame))),
                "{payload:x?}"
            );
        }
    }
}

#[test]
fn every_close_code() {
    for code in 0..=u16::MAX {
        let bytes = wire(Role::Server, &[(0x88, &code.to_be_bytes())]);
        let expected = CloseCode::new(code).ok_or(Violation::CloseCode(code));
        assert_eq!(
            receive(connection(Role::Server), &bytes).1,
            expected.map(|_| ())
        );
    }
}

#[test]
fn nothing_is_read_after_a_close_frame_or_a_violation() {
    let after: (u8, &[u8]) = (0x82, b"late");
    let mut closed = connection(Role::Server);
    let mut events = Vec::new();
    let mut bytes = wire(Role::Server, &[(0x82, b"a"), (0x88, b""), after]);
    closed
        .receive(Instant::now(), &mut bytes, &mut events)
        .unwrap();
    assert_eq!(events, [binary(b"a"), Event::Close(CloseFrame::default())]);

    let mut failed = connection(Role::Server);
    let mut events = Vec::new();
    let mut bytes = wire(Role::Server, &[(0x82, b"a"), (0x83, b""), after]);
    let received = failed.receive(Instant::now(), &mut bytes, &mut events);
    assert_eq!(received, Err(Violation::ReservedOpcode(3)));
    // What came before the violation is valid.
    assert_eq!(events, [binary(b"a")]);

    for mut connection in [closed, failed] {
        let mut events = Vec::new();
        let mut bytes = [0xFF; 100];
        assert_eq!(
            connection.receive(Instant::now(), &mut bytes, &mut events),
            Ok(())
        );
        assert_eq!(events, []);
    }
}

/// RFC 6455 section 8.1. parity C3
#[test]
fn text_is_utf8() {
    let cases: [(Frames<'_>, usize); 7] = [
        (&[(0x81, b"\xFF")], 0),
        (&[(0x81, b"ok \xED\xA0\x80")], 3),
        (&[(0x81, b"ends in \xE2\x82")], 8),
        (&[(0x01, b"ok"), (0x80, b"\xC0\xAF")], 2),
        (&[(0x01, b"\xE2"), (0x80, b"\x82")], 0),
        (&[(0x01, b"\xE2"), (0x00, b""), (0x80, b"\x28\xA1")], 0),
        (&[(0x01, b"\xF4\x90"), (0x89, b"too late")], 0),
    ];
    for role in ROLES {
        for (frames, at) in cases {
            let got = receive(connection(role), &wire(role, frames));
            assert_eq!(
                got,
                (vec![], Err(Violation::TextNotUtf8 { at })),
                "{frames:x?}"
            );
        }
        let split: Frames<'_> = &[
            (0x01, b"\xF0\x9F"),
            (0x89, b""),
            (0x00, b"\xA6"),
            (0x80, b"\x80!"),
        ];
        let got = receive(connection(role), &wire(role, split));
        assert_eq!(got, (vec![ping(b""), text("🦀!")], Ok(())));
    }
}

/// As Autobahn's 6.4: with the byte that is wrong, not with the end of the frame.
#[test]
fn bad_text_fails_inside_the_frame() {
    let mut frame = wire(Role::Server, &[(0x81, b"ok \xF4\x90 and much more")]);
    let header_len = 6;
    let at_bad_byte = header_len + 5;
    let mut connection = connection(Role::Server);
    let now = Instant::now();
    for (i, byte) in frame.iter_mut().enumerate().take(at_bad_byte) {
        let received = connection.receive(now, std::slice::from_mut(byte), &mut Vec::new());
        let expected = match i + 1 == at_bad_byte {
            true => Err(Violation::TextNotUtf8 { at: 3 }),
            false => Ok(()),
        };
        assert_eq!(received, expected, "byte {i}");
    }
}

#[test]
fn violations_have_their_close_codes() {
    let limits = Limits {
        message_bytes_max: 4,
        fragments_max: 2,
    };
    let cases: [(Frames<'_>, u16); 7] = [
        (&[(0x82, b"12345")], 1009),
        (&[(0x02, b"123"), (0x80, b"45")], 1009),
        (&[(0x02, b""), (0x00, b""), (0x00, b"")], 1008),
        (&[(0x81, b"\xFF")], 1007),
        (&[(0x88, b"\x03\xE8\xFF")], 1007),
        (&[(0x88, b"\x03\xED")], 1002),
        (&[(0x80, b"")], 1002),
    ];
    for (frames, code) in cases {
        let limited = support::limited(Role::Server, limits);
        let violation = receive(limited, &wire(Role::Server, frames)).1.unwrap_err();
        assert_eq!(violation.close_code().get(), code, "{violation}");
        let told = violation.close_frame();
        assert_eq!(
            (told.code, &*told.reason),
            (Some(violation.close_code()), violation.peer_text())
        );
    }
}

#[test]
fn whole_messages_are_borrowed_and_others_owned() {
    use std::borrow::Cow;
    let mut bytes = wire(
        Role::Server,
        &[(0x81, b"a"), (0x82, b"b"), (0x01, b"c"), (0x80, b"d")],
    );
    let mut events = Vec::new();
    connection(Role::Server)
        .receive(Instant::now(), &mut bytes, &mut events)
        .unwrap();
    assert!(matches!(
        events.as_slice(),
        [
            Event::Message(Message::Text(Cow::Borrowed("a"))),
            Event::Message(Message::Binary(Cow::Borrowed(b"b"))),
            Event::Message(Message::Text(Cow::Owned(_))),
        ]
    ));
}
