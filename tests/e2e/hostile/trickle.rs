//! Peers that send a byte now and then: which deadline ends what.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use super::{PATIENCE, Raw, header, masked, upgrade};
use crate::host::Host;

/// Sends these bytes one by one, a little apart, until the host has ended the connection.
fn trickle(raw: &mut Raw, bytes: impl Iterator<Item = u8>) {
    let began = Instant::now();
    for byte in bytes {
        if raw.0.write_all(&[byte]).is_err() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "it goes on");
        thread::sleep(Duration::from_millis(20));
    }
}

fn listening(settings: &str) -> Host {
    Host::serve(&format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\n{settings}\n\
         [service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\n"
    ))
}

// hardening H14
#[test]
fn a_trickled_request_head_is_cut_off() {
    for deadline in ["request_head_timeout", "handshake_timeout"] {
        let host = listening(&format!("{deadline} = \"300ms\""));
        let mut raw = Raw::connect(&host);
        let endless = upgrade("/probe", "").into_bytes().into_iter().cycle();
        trickle(
            &mut raw,
            b"GET /probe HTTP/1.1\r\nX: "
                .iter()
                .copied()
                .chain(endless.filter(u8::is_ascii_alphanumeric)),
        );
    }
}

// hardening H14: a body that never ends holds nobody up: it is not waited for.
#[test]
fn a_trickled_body_is_not_waited_for() {
    let host = listening("handshake_timeout = \"1s\"");
    let mut raw = Raw::connect(&host);
    raw.send(b"POST /probe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n");
    assert!(raw.head().starts_with("HTTP/1.1 405 "));
    trickle(&mut raw, std::iter::repeat(b'x'));
}

// hardening H14: nothing comes behind a header, no pong either, so it is the ping's deadline that ends it.
#[test]
fn half_a_frame_and_silence_end_with_the_ping() {
    let host = Host::probe("ping_every = \"200ms\"\npong_timeout = \"200ms\"");
    for bytes in [&header(0x82, 1_000)[..], &[0x82], &masked(0x01, b"begun")] {
        let mut raw = Raw::open(&host, "/probe");
        raw.send(bytes);
        assert!(
            raw.frame().is_err(),
            "there is no close frame, for the peer is thought dead"
        );
    }
    host.events_with(3, "on-close code=1006 by=peer");
}

// hardening H14: any byte is a sign of life, but no message.
#[test]
fn a_trickled_message_ends_with_the_idle_time() {
    for (setting, code) in [("idle_timeout", 1000), ("lifetime_max", 1001)] {
        let host = Host::probe(&format!(
            "{setting} = \"1s\"\nping_every = \"100ms\"\npong_timeout = \"100ms\"\nclose_timeout = \"200ms\""
        ));
        let mut raw = Raw::open(&host, "/probe");
        raw.send(&header(0x82, 1_000_000));
        trickle(&mut raw, std::iter::repeat(b'x'));
        host.logged(&[
            "event on-close",
            &format!("code={code}"),
            "by=host",
            "clean=false",
        ]);
    }
}
