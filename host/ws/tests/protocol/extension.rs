//! The hook for compression, with a toy in place of deflate: run lengths.

use wasket_ws::{Connection, Extension, Inflated, Limits, Role, Violation};

use crate::support::{Frames, binary, limited, ping, receive, receive_pieces, text, wire};

/// Pairs of count and byte. A pair may be split anywhere; at the end of a message none may be open.
#[derive(Default)]
struct RunLengths {
    count: Option<u8>,
}

impl Extension for RunLengths {
    fn inflate(
        &mut self,
        chunk: &[u8],
        last: bool,
        message: &mut Inflated<'_>,
    ) -> Result<(), Violation> {
        for &byte in chunk {
            match self.count.take() {
                None => self.count = Some(byte),
                Some(count) => message.push(&vec![byte; count.into()])?,
            }
        }
        match (last, self.count) {
            (true, Some(_)) => Err(Violation::NotInflatable),
            _ => Ok(()),
        }
    }
}

fn server() -> Connection {
    let limits = Limits {
        message_bytes_max: 300,
        fragments_max: 10,
    };
    limited(Role::Server, limits).with_extension(Box::<RunLengths>::default())
}

/// hardening H10
#[test]
fn compressed_and_plain_messages_mix() {
    let frames: Frames<'_> = &[
        (0xC1, b"\x03a\x01b"),
        (0x81, b"\x03plain"),
        (0x42, b"\x02x\x02"),
        (0x89, b"between"),
        (0x00, b"y"),
        (0x80, b""),
        // A character in two runs.
        (0xC1, b"\x01\xC3\x01\xA9"),
        (0xC2, b""),
    ];
    let bytes = wire(Role::Server, frames);
    let expected = [
        text("aaab"),
        text("\u{3}plain"),
        ping(b"between"),
        binary(b"xxyy"),
        text("é"),
        binary(b""),
    ];
    for size in 1..bytes.len() {
        let (events, received) = receive_pieces(server(), bytes.chunks(size));
        assert_eq!(
            (events.as_slice(), received),
            (expected.as_slice(), Ok(())),
            "{size}"
        );
    }
}

/// hardening H1 H10
#[test]
fn what_is_refused() {
    let bits = |bits, opcode| Violation::ReservedBits { bits, opcode };
    let too_big = |bytes| Violation::MessageTooBig { bytes, max: 300 };
    let cases: [(Frames<'_>, Violation); 9] = [
        (&[(0xC9, b"")], bits(0x40, 9)),
        (&[(0xC8, b"")], bits(0x40, 8)),
        (&[(0x42, b""), (0xC0, b"")], bits(0x40, 0)),
        (&[(0xD1, b"")], bits(0x50, 1)),
        (&[(0xE1, b"")], bits(0x60, 1)),
        (&[(0xC2, b"\x05")], Violation::NotInflatable),
        (
            &[(0xC1, b"\x02a\x01\xFF")],
            Violation::TextNotUtf8 { at: 2 },
        ),
        (&[(0xC2, b"\xC8x\x64x\x01x")], too_big(301)),
        (
            &[(0x42, b"\xC8x"), (0x00, b"\x64x"), (0x80, b"\x01x")],
            too_big(301),
        ),
    ];
    for (frames, expected) in cases {
        let bytes = wire(Role::Server, frames);
        assert_eq!(
            receive(server(), &bytes),
            (vec![], Err(expected)),
            "{frames:x?}"
        );
    }
}

#[test]
fn the_limit_is_on_what_comes_out() {
    let bytes = wire(Role::Server, &[(0xC2, b"\xC8x\x64x")]);
    assert_eq!(
        receive(server(), &bytes),
        (vec![binary(&[b'x'; 300])], Ok(()))
    );
    // And on what goes in, where nothing is compressed.
    let bytes = wire(Role::Server, &[(0x82, &[0; 301])]);
    let too_big = Violation::MessageTooBig {
        bytes: 301,
        max: 300,
    };
    assert_eq!(receive(server(), &bytes).1, Err(too_big));
}

/// What deflate could not excuse ends with the header, whatever might come out of it.
#[test]
fn what_goes_in_has_a_limit_too() {
    let declare = |len: u16| {
        let [high, low] = len.to_be_bytes();
        receive(server(), &[0xC2, 0xFE, high, low, 0, 0, 0, 0]).1
    };
    assert_eq!(declare(1_624), Ok(()));
    let too_big = Violation::MessageTooBig {
        bytes: 1_625,
        max: 300,
    };
    assert_eq!(declare(1_625), Err(too_big));
}
