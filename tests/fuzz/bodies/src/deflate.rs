use std::time::Instant;

use wasket_ws::deflate::{Deflater, Parameters, Profile};
use wasket_ws::frame::{self, FirstByte};
use wasket_ws::{Connection, Event, Opcode, Role, Timing, Violation};

use crate::peer::LIMITS;

/// What a peer says is deflated: two compressed messages mean the same however they are cut, and never more than the
/// limit. And the same bytes as a message: what is deflated is inflated.
///
/// The input's first byte: context takeover, text or binary, a level, a window; the second says where the first
/// message ends, in sixteenths, and where a frame of the second one does.
// hardening H1 H9 H10
pub fn deflate(data: &[u8]) {
    let Some((&[settings, cuts], payload)) = data.split_first_chunk() else {
        return;
    };
    let parameters = Parameters {
        server_context_takeover: settings & 1 != 0,
        client_context_takeover: settings & 1 != 0,
        server_max_window_bits: 9 + (settings >> 5) % 7,
        ..Parameters::default()
    };
    let opcode = match settings & 2 {
        0 => Opcode::Binary,
        _ => Opcode::Text,
    };
    let at = |sixteenths: u8, len: usize| len * usize::from(sixteenths) / 16;
    let (first, second) = payload.split_at(at(cuts & 0x0F, payload.len()));
    inflate(
        parameters,
        opcode,
        first,
        second,
        at(cuts >> 4, second.len()),
    );
    both_ways(parameters, 1 + ((settings >> 2) & 7), [first, second]);
}

fn inflate(parameters: Parameters, opcode: Opcode, first: &[u8], second: &[u8], cut: usize) {
    let mut whole = Vec::new();
    let deflated = FirstByte::deflated(opcode);
    frame::encode_first(&mut whole, deflated, first, None);
    let mut in_frames = whole.clone();
    frame::encode_first(&mut whole, deflated, second, None);
    let (begin, end) = second.split_at(cut);
    let unfinished = FirstByte {
        fin: false,
        ..deflated
    };
    frame::encode_first(&mut in_frames, unfinished, begin, None);
    frame::encode(&mut in_frames, Opcode::Continuation, end, None);

    let expected = receive(parameters, [&*whole]);
    for (bytes, size) in [(&whole, 1), (&in_frames, usize::MAX), (&in_frames, 3)] {
        let got = receive(parameters, bytes.chunks(size));
        assert_eq!(got, expected, "in pieces of {size}");
    }
}

type Received = (Vec<Vec<u8>>, Result<(), Violation>);

/// What a client of ours receives, and that it keeps to its limit.
fn receive<'p>(parameters: Parameters, pieces: impl IntoIterator<Item = &'p [u8]>) -> Received {
    let now = Instant::now();
    let mut client = Connection::new(Role::Client, LIMITS, Timing::default(), now)
        .with_inflate(parameters.inflate(Role::Client));
    let mut messages = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut events = Vec::new();
        let received = client.receive(now, &mut piece, &mut events);
        for event in events {
            let Event::Message(message) = event else {
                panic!("{event:?} was not sent");
            };
            assert!(message.len() <= LIMITS.message_bytes_max);
            messages.push(message.as_bytes().to_vec());
        }
        if received.is_err() {
            return (messages, received);
        }
    }
    (messages, Ok(()))
}

/// What our server deflates our client inflates, as far as its limit allows.
fn both_ways(parameters: Parameters, level: u8, messages: [&[u8]; 2]) {
    let max = LIMITS.message_bytes_max;
    let messages = messages.map(|message| message.get(..max).unwrap_or(message));
    let profile = parameters.profile(Role::Server, level);
    let profile: Profile = profile.expect("a window of 9 bits or more");
    let mut own = Deflater::new(profile);
    let mut wire = Vec::new();
    for message in messages {
        let mut deflated = Vec::new();
        let done = match parameters.server_context_takeover {
            true => own.deflate(message, &mut deflated),
            false => profile.deflate(message, |bytes| deflated.extend_from_slice(bytes)),
        };
        assert_eq!(done, Ok(()));
        let first = FirstByte::deflated(Opcode::Binary);
        frame::encode_first(&mut wire, first, &deflated, None);
    }
    let (got, received) = receive(parameters, [&*wire]);
    assert_eq!(
        (got.iter().map(Vec::as_slice).collect(), received),
        (messages.to_vec(), Ok(()))
    );
}
