//! hardening H25: whoever floods a connection ends that one, at the cost of little memory and of nobody else's time.

use std::time::Duration;

use super::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, Wire, frame, get, opening,
};
use crate::host::{Client, Host};
use crate::hostile::{MIB, Memory, descriptors};

/// A host that is soon tired of waiting, and a session on it that is well.
fn serve() -> (Host, Client) {
    let host = Host::serve(
        "[[listen]]\naddress = \"127.0.0.1:0\"\nrequest_head_timeout = \"1s\"\ntransfer_timeout = \"1s\"\n\
         [service.echo]\npath = \"/echo\"\ncomponent = \"GUESTS/echo.wasm\"\n",
    );
    let mut beside = host.connect("echo");
    assert_eq!(beside.ask("hello"), "hello");
    (host, beside)
}

fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

/// A field of 4,000 bytes that is told once and then named ten thousand times.
fn bomb() -> Vec<u8> {
    let mut block = get("/");
    // Kept by HPACK as its newest entry, of which 62 is the index; lengths of 4,000 in two bytes behind the prefix.
    block.extend([0x40, 1, b'x', 0x7F, 0xA1, 0x1E]);
    block.extend([b'y'; 4000]);
    block.extend([0xBE; 10_000]);
    block
}

/// What is sent in one go, and the codes that its connection may end with (RFC 9113, section 7).
fn floods() -> Vec<(&'static str, Vec<u8>, &'static [u32])> {
    const PROTOCOL: &[u32] = &[1];
    const CALM: &[u32] = &[11];
    let ends = END_HEADERS | END_STREAM;
    let reset = |stream| frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
    let resets = |block: &[u8]| -> Vec<u8> {
        let both = |id| [frame(HEADERS, END_HEADERS, id, block), reset(id)].concat();
        streams(2000).flat_map(both).collect()
    };
    let open = frame(HEADERS, END_HEADERS, 1, &opening("/echo"));
    let behind = |more: &[u8]| [&*open, more].concat();
    let grown = frame(WINDOW_UPDATE, 0, 0, &0x7FFF_FFFF_u32.to_be_bytes()).repeat(2);
    let mut continued = frame(HEADERS, END_STREAM, 1, &get("/"));
    continued.extend(frame(CONTINUATION, 0, 1, &[0; 16_000]).repeat(1000));
    let mut trickled = frame(HEADERS, END_STREAM, 1, &get("/"));
    trickled.extend(frame(CONTINUATION, 0, 1, &[]).repeat(100_000));
    vec![
        ("requests taken back", resets(&get("/nowhere")), CALM),
        ("sessions taken back", resets(&opening("/echo")), CALM),
        ("a head without end", continued, &[1, 9, 11]),
        ("a head of nothing, without end", trickled, CALM),
        ("windows past the highest", grown, &[3]),
        (
            "a frame of 16 MiB",
            behind(b"\xFF\xFF\xFF\0\0\0\0\0\x01"),
            &[6],
        ),
        ("data of no stream", frame(DATA, 0, 0, b"x"), PROTOCOL),
        ("data before a head", frame(DATA, 0, 7, b"x"), PROTOCOL),
        (
            "a stream of ours",
            frame(HEADERS, ends, 2, &get("/")),
            PROTOCOL,
        ),
        (
            "an unknown index",
            frame(HEADERS, ends, 1, &[0xFE]),
            &[1, 9],
        ),
        (
            "nothing, again and again",
            behind(&frame(DATA, 0, 1, &[]).repeat(200)),
            CALM,
        ),
        (
            "more than the window",
            behind(&frame(DATA, 0, 1, &[0; 16_384]).repeat(5)),
            // Its reader may have made room for the last of it.
            &[0, 3],
        ),
    ]
}

#[test]
fn every_flood_ends_its_own_connection() {
    let (host, mut beside) = serve();
    for (name, bytes, codes) in floods() {
        let before = Memory::watch(&host);
        let mut wire = Wire::connect(&host);
        // It may be over before all is sent: then a reset may have taken its last words.
        let sent = wire.send(&bytes);
        match wire.ended() {
            Some(code) => assert!(codes.contains(&code), "{name}: {code}"),
            None => assert!(!sent || bytes.len() > 10_000, "{name}: no GOAWAY"),
        }
        let grown = Memory::of(&host).peak.saturating_sub(before.resident);
        assert!(grown < 16 * MIB, "{name}: {} MiB", grown / MIB);
        assert_eq!(beside.ask(name), name);
    }
    assert_eq!(beside.close(1000, "").0, 1000);
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_head_that_unfolds_is_refused_before_it_does() {
    let (host, mut beside) = serve();
    let before = Memory::watch(&host);
    for stream in streams(1) {
        let mut wire = Wire::connect(&host);
        let bomb = bomb();
        let (first, rest) = bomb.split_at(10_000);
        wire.send(&frame(HEADERS, END_STREAM, stream, first));
        wire.send(&frame(CONTINUATION, END_HEADERS, stream, rest));
        // 431, a reset or the end of the connection: that it is over is told in either way.
        let answered = |kind, id| id == stream && matches!(kind, HEADERS | RST_STREAM);
        while let Some((kind, id, _)) = wire.read() {
            if answered(kind, id) {
                break;
            }
        }
    }
    let grown = Memory::of(&host).peak.saturating_sub(before.resident);
    assert!(grown < 16 * MIB, "{} MiB", grown / MIB);
    assert_eq!(beside.ask("beside"), "beside");
}

/// Frames that are answered, from a peer that does not read the answers: so many that they would be 100 MB.
#[test]
fn answers_that_nobody_reads_are_not_piled_up() {
    let (host, mut beside) = serve();
    for (name, bytes) in [
        ("pings", frame(PING, 0, 0, &[7; 8])),
        ("settings", frame(SETTINGS, 0, 0, &[])),
    ] {
        let before = Memory::watch(&host);
        let mut wire = Wire::connect(&host);
        let much = bytes.repeat((1 << 20) / bytes.len());
        let taken = (0..100).take_while(|_| wire.send(&much)).count();
        assert!(taken < 100, "{name}: all were taken");
        let grown = Memory::of(&host).peak.saturating_sub(before.resident);
        assert!(grown < 16 * MIB, "{name}: {} MiB", grown / MIB);
        assert_eq!(beside.ask(name), name);
        // `transfer_timeout` ends it.
        wire.ended();
    }
}

#[test]
fn a_peer_that_gives_no_window_waits_for_itself() {
    let (host, mut beside) = serve();
    let mut wire = Wire::connect(&host);
    // SETTINGS_INITIAL_WINDOW_SIZE
    wire.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
    for stream in streams(100) {
        let ends = END_HEADERS | END_STREAM;
        wire.send(&frame(HEADERS, ends, stream, &get("/nowhere")));
    }
    // Their heads come; their bodies cannot, and `transfer_timeout` ends each.
    let mut reset = 0;
    while reset < 100 {
        let (kind, ..) = wire.read().expect("the connection itself goes on");
        reset += u32::from(kind == RST_STREAM);
        assert_ne!(kind, DATA);
    }
    assert_eq!(wire.ended(), Some(0));
    assert_eq!(beside.ask("beside"), "beside");
}

#[test]
fn a_thousand_connections_without_a_stream_leave_by_themselves() {
    let (host, mut beside) = serve();
    let (before, open) = (Memory::watch(&host), descriptors(&host));
    let wires: Vec<_> = (0..1000).map(|_| Wire::connect(&host)).collect();
    let grown = Memory::of(&host).peak.saturating_sub(before.resident);
    assert!(grown < 100 * MIB, "{} MiB", grown / MIB);
    for wire in wires {
        assert_eq!(wire.ended(), Some(0));
    }
    while descriptors(&host) > open {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(beside.ask("beside"), "beside");
}
