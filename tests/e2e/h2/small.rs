//! hardening H25: what is small by the byte is not by the frame.

use super::wire::{DATA, END_HEADERS, END_STREAM, HEADERS, Wire, frame, get};
use crate::host::Host;
use crate::hostile::{MIB, Memory};

/// Each byte is a frame, and all streams are there before any of them is looked at. Nobody reads their bodies.
#[test]
fn bytes_that_are_frames_are_not_piled_up() {
    let host = Host::serve("[service.echo]\npath = \"/echo\"\ncomponent = \"GUESTS/echo.wasm\"\n");
    let mut beside = host.connect("echo");
    assert_eq!(beside.ask("hello"), "hello");
    let before = Memory::watch(&host);
    let streams = || (0..99).map(|number| 2 * number + 1);
    let heads = streams().flat_map(|id| frame(HEADERS, END_HEADERS, id, &get("/nowhere")));
    let mut bytes: Vec<u8> = heads.collect();
    let byte = |id| frame(DATA, 0, id, b"x");
    for _ in 0..1000 {
        bytes.extend(streams().flat_map(byte));
    }
    let last = 199;
    let ends = END_HEADERS | END_STREAM;
    bytes.extend(frame(HEADERS, ends, last, &get("/nowhere")));
    let mut wire = Wire::connect(&host);
    assert!(wire.send(&bytes));
    // Then all before it has been read.
    loop {
        let (kind, id, _) = wire.read().expect("the connection goes on");
        if (kind, id) == (HEADERS, last) {
            break;
        }
    }
    let grown = Memory::of(&host).peak.saturating_sub(before.resident);
    assert!(grown < 8 * MIB, "{} MiB", grown / MIB);
    assert_eq!(beside.ask("beside"), "beside");
}
