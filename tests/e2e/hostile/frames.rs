//! Frames that no client may send, each with its close code, over HTTP/1.1 and over HTTP/2.

use super::{MIB, Memory, Raw, header, masked};
use crate::h2::pipe::Parts;
use crate::host::Host;

/// A host, and others that are reached by HTTP/2.
fn hosts(serve: impl Fn() -> Host) -> [Host; 3] {
    [
        serve(),
        serve().piped(Parts::AsTheyCome),
        serve().piped(Parts::OneByte),
    ]
}

/// What a session is closed with when these bytes come.
fn closed_by(host: &Host, bytes: &[u8]) -> u16 {
    let mut raw = Raw::open(host, "/probe");
    raw.send(bytes);
    raw.closed()
}

// hardening H19: the opcode and the other bits of the first byte do not matter.
#[test]
fn every_opcode_without_a_mask_is_refused() {
    for host in hosts(|| Host::probe("")) {
        for opcode in 0..16_u8 {
            for first in [opcode, 0x80 | opcode] {
                for rest in [&[0][..], b"\x01x", b"\x7e\x00\x80"] {
                    let bytes = [&[first], rest].concat();
                    assert_eq!(closed_by(&host, &bytes), 1002, "{bytes:02x?}");
                }
            }
        }
        // Within a message, too.
        let begun = masked(0x01, b"a");
        for first in [0x00, 0x80, 0x89] {
            let bytes = [&begun[..], &[first, 0x01, b'x']].concat();
            assert_eq!(closed_by(&host, &bytes), 1002, "{bytes:02x?}");
        }
        host.logged(&["event on-error", "protocol", "mask"]);
    }
}

// hardening H20
#[test]
fn lengths_in_a_longer_form_than_they_need_are_refused() {
    for host in hosts(|| Host::probe("")) {
        for first in [0x81, 0x82, 0x01] {
            for len in [0_u16, 1, 125] {
                let bytes = [&[first, 0xFE][..], &len.to_be_bytes(), &[0; 200]].concat();
                assert_eq!(closed_by(&host, &bytes), 1002, "{len} in 16 bits");
            }
            for len in [0_u64, 125, 126, 65_535] {
                let bytes = [&[first, 0xFF][..], &len.to_be_bytes(), &[0; 200]].concat();
                assert_eq!(closed_by(&host, &bytes), 1002, "{len} in 64 bits");
            }
        }
    }
}

// hardening H3: the header alone decides, whatever the kind of frame.
#[test]
fn lengths_that_nobody_can_mean_are_refused() {
    for host in hosts(|| Host::probe("")) {
        let begun = masked(0x02, b"a");
        for (len, code) in [
            (1 << 32, 1009),
            ((1 << 32) + 5, 1009),
            ((1 << 63) - 1, 1009),
            (1 << 63, 1002),
            (u64::MAX, 1002),
        ] {
            for first in [0x81, 0x82, 0x01, 0x02] {
                assert_eq!(closed_by(&host, &header(first, len)), code, "{len}");
            }
            for first in [0x00, 0x80] {
                let bytes = [&begun[..], &header(first, len)].concat();
                assert_eq!(closed_by(&host, &bytes), code, "{len}, continued");
            }
            assert_eq!(
                closed_by(&host, &header(0x89, len)),
                1002,
                "a ping of {len}"
            );
        }
    }
}

/// A hundred sessions whose peers send these bytes, and what the host's memory grew by.
fn growth(host: &Host, bytes: &[u8]) -> (Vec<Raw>, usize, usize) {
    // What the first sessions need only once is not theirs.
    let witnesses: Vec<_> = (0..100).map(|_| Raw::open(host, "/echo")).collect();
    let before = Memory::of(host);
    let mut peers = witnesses;
    for peer in &mut peers {
        peer.send(bytes);
    }
    // Each has been read when another's echo comes back behind it.
    let mut last = Raw::open(host, "/echo");
    last.send(&masked(0x81, b"echo"));
    assert_eq!(last.frame().unwrap(), (0x81, b"echo".to_vec()));
    let after = Memory::of(host);
    (
        peers,
        after.resident.saturating_sub(before.resident),
        after.address_space.saturating_sub(before.address_space),
    )
}

/// A native echo, for what counts here is what the host holds before any guest hears of it.
fn echo(message_bytes_max: &str) -> Host {
    Host::serve(&format!(
        "[service.echo]\npath = \"/echo\"\nnative = \"echo\"\nmessage_bytes_max = \"{message_bytes_max}\"\n"
    ))
}

// hardening H4: not even address space.
#[test]
fn a_declared_length_allocates_nothing() {
    let host = echo("1GiB");
    let (_peers, resident, address_space) = growth(&host, &header(0x82, 1 << 30));
    assert!(resident < 8 * MIB, "{} MiB resident", resident / MIB);
    assert!(address_space < 512 * MIB, "{} MiB", address_space / MIB);
}

// hardening H3 H4
#[test]
fn a_hundred_peers_that_declare_2_gib_are_refused() {
    let host = echo("1GiB");
    let (peers, resident, address_space) = growth(&host, &header(0x82, 2 << 30));
    assert!(resident < 8 * MIB, "{} MiB resident", resident / MIB);
    assert!(address_space < 512 * MIB, "{} MiB", address_space / MIB);
    for mut peer in peers {
        assert_eq!(peer.closed(), 1009);
    }
}

// hardening H4: a frame under way costs about what has come of it.
#[test]
fn half_a_message_costs_what_has_arrived() {
    let host = echo("1GiB");
    let bytes = [&header(0x82, 1 << 30)[..], &[7; 100_000]].concat();
    let (_peers, resident, _) = growth(&host, &bytes);
    // At most twice 100 x 100,000 bytes, and what a read takes.
    assert!(resident < 28 * MIB, "{} MiB resident", resident / MIB);
}
