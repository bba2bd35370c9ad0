//! Compressed messages that no client library would send, and offers that none would make.

use flate2::{Compress, Compression, FlushCompress};

use super::{MIB, Memory, Raw, header, masked, upgrade};
use crate::host::Host;

const OFFER: &str = "permessage-deflate; client_max_window_bits";

fn host() -> Host {
    Host::probe("compression = \"on\"\n")
}

/// A session of a client that offers this, and what it was answered.
fn open(host: &Host, offer: &str) -> (Raw, Option<String>) {
    let mut raw = Raw::connect(host);
    let field = format!("Sec-WebSocket-Extensions: {offer}\r\n");
    raw.send(upgrade("/probe", &field).as_bytes());
    let head = raw.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let extensions = head
        .lines()
        .find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
    (raw, extensions.map(str::to_owned))
}

/// What so many mebibytes of zeros deflate to.
fn zeros(mebibytes: usize) -> Vec<u8> {
    let mut codec = Compress::new(Compression::best(), false);
    let mut one = Vec::with_capacity(MIB);
    // Flushed so, nothing refers to what is before it: it can be repeated.
    let flush = FlushCompress::Full;
    codec.compress_vec(&vec![0; MIB], &mut one, flush).unwrap();
    let mut all = one.repeat(mebibytes);
    assert!(all.ends_with(&[0, 0, 0xFF, 0xFF]));
    all.truncate(all.len() - 4);
    all
}

// hardening H1: 1 MiB that inflates to 1 GiB costs the limit at most.
#[test]
fn a_bomb_ends_with_1009_and_costs_no_more_than_the_limit() {
    let host = host();
    let bomb = zeros(1024);
    assert!(
        (MIB - MIB / 16..MIB + MIB / 16).contains(&bomb.len()),
        "{}",
        bomb.len()
    );
    let whole = masked(0xC2, &bomb);
    let (first, rest) = bomb.split_at(MIB / 3);
    let fragments = [
        masked(0x42, first),
        masked(0x89, b""),
        masked(0x00, rest),
        masked(0x80, b""),
    ];
    open(&host, OFFER).0.reset();
    let before = Memory::watch(&host);
    for bytes in [whole, fragments.concat()] {
        let (mut raw, extensions) = open(&host, OFFER);
        assert!(extensions.is_some());
        // It may not wait for the rest.
        let _ = std::io::Write::write_all(&mut raw.0, &bytes);
        assert_eq!(raw.closed(), 1009);
        let grown = Memory::of(&host).peak.saturating_sub(before.resident);
        assert!(grown < MIB + 16 * MIB, "{grown} bytes more");
    }
    host.logged(&["event on-error", "limit", "1048576"]);
}

// hardening H1: many that are allowed each are not all inflated at once, however few bytes they came in.
#[test]
fn a_write_of_bombs_costs_little_more_than_one() {
    let host = Host::serve(
        "[service.probe]\npath = \"/probe\"\nnative = \"echo\"\ncompression = \"on\"\n",
    );
    let bombs = masked(0xC2, &zeros(1)).repeat(250);
    assert!(bombs.len() < MIB / 3, "{}", bombs.len());
    // The second time behind the opening handshake itself, as far as that is read with it.
    for early in [false, true] {
        let field = format!("Sec-WebSocket-Extensions: {OFFER}\r\n");
        let mut upgrade = upgrade("/probe", &field).into_bytes();
        let mut raw = Raw::connect(&host);
        let before = Memory::watch(&host);
        if early {
            upgrade.extend_from_slice(&bombs);
            raw.send(&upgrade);
        } else {
            raw.send(&upgrade);
        }
        assert!(raw.head().starts_with("HTTP/1.1 101 "));
        if !early {
            raw.send(&bombs);
        }
        for _ in 0..250 {
            let (first, payload) = raw.frame().unwrap();
            assert_eq!(first, 0xC2);
            assert!(payload.len() < MIB / 16, "{}", payload.len());
        }
        let grown = Memory::of(&host).peak.saturating_sub(before.resident);
        assert!(grown < MIB + 16 * MIB, "{grown} bytes more");
    }
}

// parity S10: who comes when the memory for context takeover is taken is compressed without, and the operator told.
#[test]
fn the_memory_of_context_takeover_is_bounded() {
    let host = Host::serve(
        "[host]\ncontext_takeover_bytes_max = \"1MiB\"\n[service.probe]\npath = \"/probe\"\nnative = \"echo\"\n\
         compression = { server_context_takeover = true }\n",
    );
    let mut raws: Vec<_> = (0..3).map(|_| open(&host, OFFER)).collect();
    let takes_over = raws.iter().map(|(_, extensions)| {
        let extensions = extensions.as_deref().unwrap();
        !extensions.contains("server_no_context_takeover")
    });
    assert_eq!(takes_over.collect::<Vec<_>>(), [true, true, false]);
    host.logged(&["WARN", "context_takeover_bytes_max", "1048576"]);
    // Who goes leaves room.
    raws.remove(0).0.reset();
    host.logged(&["\"messages_in\":0", "closed"]);
    let (_, extensions) = open(&host, OFFER);
    assert!(!extensions.unwrap().contains("server_no_context_takeover"));
}

// hardening H1 H4: as long as a message is incomplete, it costs what has arrived of it.
#[test]
fn what_is_not_whole_is_not_inflated() {
    let host = Host::serve(
        "[service.probe]\npath = \"/probe\"\nnative = \"echo\"\ncompression = \"on\"\n",
    );
    let part = zeros(1);
    let witnesses: Vec<_> = (0..100).map(|_| open(&host, OFFER).0).collect();
    let before = Memory::of(&host);
    let mut raws: Vec<_> = (0..100).map(|_| open(&host, OFFER).0).collect();
    for raw in &mut raws {
        raw.send(&masked(0x42, &part));
        raw.send(&masked(0x89, b"there?"));
        assert_eq!(raw.frame().unwrap(), (0x8A, b"there?".to_vec()));
    }
    let grown = Memory::of(&host).resident.saturating_sub(before.resident);
    // 2 KB are a session's own. A codec would be 48, and what this inflates to 1,024.
    assert!(grown < 100 * (16 << 10), "{grown} bytes more");
    drop(witnesses);
}

// hardening H8
#[test]
fn offers_that_cannot_be_met_are_declined() {
    let host = host();
    let mut offers = vec![
        "permessage-deflate; server_max_window_bits=8".to_owned(),
        "permessage-deflate; server_max_window_bits".to_owned(),
        "permessage-deflate; unknown".to_owned(),
    ];
    for name in ["server_max_window_bits", "client_max_window_bits"] {
        for value in [
            "0",
            "7",
            "16",
            "99",
            "-1",
            "4294967311",
            "18446744073709551631",
        ] {
            offers.push(format!("permessage-deflate; {name}={value}"));
        }
        offers.push(format!("permessage-deflate; {name}=9; {name}=9"));
    }
    for offer in offers {
        let (mut raw, extensions) = open(&host, &offer);
        assert_eq!(extensions, None, "{offer}");
        raw.send(&masked(0xC1, b"\0"));
        assert_eq!(raw.closed(), 1002, "{offer}");
    }
    let (_, extensions) = open(
        &host,
        "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=\"10\"",
    );
    let expected = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10";
    assert_eq!(extensions.as_deref(), Some(expected));
    host.logged(&[
        "\"extensions\":\"permessage-deflate",
        "server_max_window_bits=10",
    ]);
}

// hardening H10
#[test]
fn damaged_data_and_misplaced_bits_end_the_session() {
    let host = host();
    let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    let begun = masked(0x41, &hello[..3]);
    let cases: [(&[&[u8]], u16); 11] = [
        (&[&masked(0xC9, b"")], 1002),
        (&[&masked(0xC8, b"")], 1002),
        (&[&masked(0xCA, b"")], 1002),
        (&[&begun, &masked(0xC0, &hello[3..])], 1002),
        (&[&begun, &masked(0xC9, b"")], 1002),
        (&[&begun, &masked(0xC1, hello)], 1002),
        (&[&masked(0xC1, b"\x06\x00")], 1007),
        (&[&begun, &masked(0x80, b"")], 1007),
        (&[&masked(0xC1, b"\xf2\x00\x11\x00\x00")], 1007),
        (&[&masked(0xC1, b"\x00\x01\x00\xfe\xff\xff\x00")], 1007),
        (&[&header(0xC2, 2 * MIB as u64 + 1025)], 1009),
    ];
    for (frames, code) in cases {
        let (mut raw, _) = open(&host, OFFER);
        raw.send(&frames.concat());
        assert_eq!(raw.closed(), code, "{frames:02x?}");
    }
    host.events_with(11, "on-close");
}
