//! Peers that send as fast as they can, and read late or never.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::{MIB, Memory, PATIENCE, Raw, masked};
use crate::host::Host;

/// Sends until the socket takes nothing for a while; how much it took.
fn send_until_stalled(stream: &mut TcpStream, bytes: &[u8]) -> usize {
    stream.set_write_timeout(Some(STALL)).unwrap();
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(count) => sent += count,
            Err(error) => {
                assert!(
                    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                    "{error}"
                );
                break;
            }
        }
    }
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    sent
}

const STALL: Duration = Duration::from_millis(500);

// hardening H13
#[test]
fn pings_without_end_leave_memory_flat() {
    let host = Host::probe("");
    let mut raw = Raw::open(&host, "/probe");
    raw.send(&masked(0x81, b"count"));
    raw.frame().unwrap();
    let before = Memory::of(&host);
    let pings = masked(0x89, &[b'p'; 125]).repeat(1_000);
    for _ in 0..200 {
        // The host reads them all; nobody reads its answers.
        raw.send(&pings);
    }
    raw.send(&masked(0x81, b"count"));
    let grown = Memory::of(&host).resident.saturating_sub(before.resident);
    assert!(
        grown < 8 * MIB,
        "{} MiB more for pings of 25 MB",
        grown / MIB
    );
    let mut pongs = 0;
    while raw.frame().unwrap().0 == 0x8A {
        pongs += 1;
    }
    assert!(pongs < 100_000, "{pongs} pongs");
}

// hardening H24: messages that nobody reads the answers to stop the sender, not the host; then all is there.
#[test]
fn a_hundred_thousand_quick_messages_are_held_back_by_tcp() {
    let host = Host::serve(
        "[service.echo]\npath = \"/echo\"\ncomponent = \"GUESTS/echo.wasm\"\noutbox_bytes_max = \"1MiB\"\n",
    );
    let mut raw = Raw::open(&host, "/echo");
    raw.send(&masked(0x82, b"first"));
    raw.frame().unwrap();
    let before = Memory::of(&host);
    let payload = |n: u32| n.to_be_bytes().repeat(64);
    let bytes: Vec<u8> = (0..MESSAGES)
        .flat_map(|n| masked(0x82, &payload(n)))
        .collect();
    let sent = send_until_stalled(&mut raw.0, &bytes);
    assert!(sent < bytes.len(), "all {sent} bytes were taken");
    let grown = Memory::of(&host).resident.saturating_sub(before.resident);
    assert!(grown < 8 * MIB, "{} MiB more", grown / MIB);
    let mut writer = raw.0.try_clone().unwrap();
    let rest = thread::spawn(move || writer.write_all(&bytes[sent..]).unwrap());
    for n in 0..MESSAGES {
        assert_eq!(raw.frame().unwrap(), (0x82, payload(n)));
    }
    rest.join().unwrap();
}

const MESSAGES: u32 = 100_000;
