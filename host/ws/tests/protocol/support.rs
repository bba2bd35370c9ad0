//! Connections, hex and frames for the tests of this crate.

use std::time::Instant;

use wasket_ws::frame::{self, FirstByte};
use wasket_ws::{Connection, Event, Limits, Opcode, Role, Timing, Violation, mask};

/// The key that the tests' clients mask with: the one of RFC 6455 section 5.7.
pub(crate) const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// Frames as a test writes them: first byte, payload.
pub(crate) type Frames<'f> = &'f [(u8, &'f [u8])];

pub(crate) fn connection(role: Role) -> Connection {
    limited(role, Limits::default())
}

pub(crate) fn limited(role: Role, limits: Limits) -> Connection {
    Connection::new(role, limits, Timing::default(), Instant::now())
        .with_mask_keys(Box::new(|| KEY))
}

/// Everything that the bytes mean, and how they ended, when they arrive in these pieces.
pub(crate) fn receive_pieces<'p>(
    mut connection: Connection,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (Vec<Event<'static>>, Result<(), Violation>) {
    let mut all = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut events = Vec::new();
        let received = connection.receive(Instant::now(), &mut piece, &mut events);
        all.extend(events.into_iter().map(Event::into_owned));
        if received.is_err() {
            return (all, received);
        }
    }
    (all, Ok(()))
}

pub(crate) fn receive(
    connection: Connection,
    bytes: &[u8],
) -> (Vec<Event<'static>>, Result<(), Violation>) {
    receive_pieces(connection, [bytes])
}

/// The bytes that the peer of `to` sends: unmasked ones as they are to a client, masked ones to a server.
pub(crate) fn wire(to: Role, frames: Frames<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for (first, payload) in frames {
        write_frame(&mut out, to, *first, payload);
    }
    out
}

/// Writes a frame with any first byte at all.
pub(crate) fn write_frame(out: &mut Vec<u8>, to: Role, first: u8, payload: &[u8]) {
    let start = out.len();
    let key = (to == Role::Server).then_some(KEY);
    frame::encode_header(out, FirstByte::whole(Opcode::Binary), payload.len(), key);
    out[start] = first;
    let payload_start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = key {
        mask(&mut out[payload_start..], key, 0);
    }
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter(|char| *char != ' ').collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16);
    digits
        .chunks(2)
        .map(|pair| byte(pair).expect("hex"))
        .collect()
}

pub(crate) fn text(text: &str) -> Event<'static> {
    Event::Message(wasket_ws::Message::Text(text.to_owned().into()))
}

pub(crate) fn binary(bytes: &[u8]) -> Event<'static> {
    Event::Message(wasket_ws::Message::Binary(bytes.to_vec().into()))
}

pub(crate) fn ping(payload: &[u8]) -> Event<'static> {
    Event::Ping(payload.to_vec().into())
}
