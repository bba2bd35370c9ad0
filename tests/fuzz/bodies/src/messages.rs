use wasket_ws::frame::{self, FirstByte};
use wasket_ws::{Opcode, Role, mask};

use crate::frames::compare;
use crate::peer;

/// A conversation: the input says which frames a peer sends, which are mostly legal, and where TCP cuts their bytes.
/// However they are cut they mean the same.
///
/// A frame of the input: its first byte, its length, its payload; the highest bit of the length cuts before it. The
/// input's own first byte is the role and the size of other pieces.
// hardening H2 H21
pub fn messages(data: &[u8]) {
    let Some((&settings, mut script)) = data.split_first() else {
        return;
    };
    let role = match settings & 1 {
        0 => Role::Server,
        _ => Role::Client,
    };
    let mut bytes = Vec::new();
    let mut cuts = Vec::new();
    while let Some((&[first, len], rest)) = script.split_first_chunk() {
        if len & 0x80 != 0 {
            cuts.push(bytes.len() + usize::from(len & 0x07));
        }
        // Beyond the 7-bit lengths and up to the limit: lengths of two bytes, too.
        let len = match len & 0x7F {
            len @ 0x70.. => usize::from(len - 0x70) * 20,
            len => usize::from(len),
        };
        let (payload, rest) = rest.split_at(len.min(rest.len()));
        write_frame(&mut bytes, role, first, payload);
        script = rest;
    }
    let whole = peer::receive(role, [bytes.as_slice()]);
    compare(role, &bytes, &whole);
    assert_eq!(
        peer::receive(role, pieces(&bytes, &cuts)),
        whole,
        "cut at {cuts:?}"
    );
    let size = usize::from(settings >> 1) + 1;
    assert_eq!(
        peer::receive(role, bytes.chunks(size)),
        whole,
        "cut every {size} bytes"
    );
}

/// Writes a frame with any first byte at all.
fn write_frame(out: &mut Vec<u8>, to: Role, first: u8, payload: &[u8]) {
    let key = (to == Role::Server).then_some([first, 0xFA, 0x21, 0x3D]);
    let mut header = Vec::new();
    frame::encode_header(
        &mut header,
        FirstByte::whole(Opcode::Binary),
        payload.len(),
        key,
    );
    out.push(first);
    out.extend(header.iter().skip(1));
    let mut payload = payload.to_vec();
    if let Some(key) = key {
        mask(&mut payload, key, 0);
    }
    out.extend(payload);
}

/// The bytes cut at these places, which ascend as the frames do; a place before the last one cuts nothing.
fn pieces<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([bytes.len()]) {
        if let Some(piece) = bytes.get(start..end) {
            pieces.push(piece);
            start = end;
        }
    }
    pieces
}
