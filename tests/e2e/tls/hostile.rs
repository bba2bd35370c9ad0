//! Peers that do not shake hands as they should.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

use super::client::Dial;
use super::{Authority, host_with, plain_host};
use crate::host::{Host, wait_for};
use crate::hostile::descriptors;

fn connect(host: &Host) -> TcpStream {
    let stream = TcpStream::connect(host.authority()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream
}

/// What a host says to these bytes, to its end; a reset is an end too.
fn answer(host: &Host, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(host);
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn plain_http_is_told_to_use_tls() {
    let (host, _) = plain_host();
    let said = answer(&host, b"GET /echo HTTP/1.1\r\nHost: host.example\r\n\r\n");
    let said = String::from_utf8(said).unwrap();
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    assert!(
        said.ends_with("connect with https:// or wss://\n"),
        "{said}"
    );
    host.logged(&["\"DEBUG\"", "plain HTTP on a TLS listener"]);
}

#[test]
fn other_bytes_have_a_clean_end() {
    let (host, authority) = plain_host();
    assert_eq!(answer(&host, b"\x00\x01\x02"), b"");
    host.logged(&["\"DEBUG\"", "this is not how a handshake begins"]);
    // A record of a handshake that is none: the answer is an alert (RFC 8446, section 6).
    for bytes in [
        &b"\x16\x03\x01\x00\x04\xff\x00\x00\x00"[..],
        b"\x16\x03\x01\xff\xff",
        b"\x16GET / HTTP/1.1\r\nHost: host.example\r\n\r\n",
    ] {
        assert_eq!(answer(&host, bytes).first(), Some(&21), "{bytes:?}");
    }
    host.logged(&["no TLS handshake"]);
    // A peer that leaves in the middle.
    drop(connect(&host));
    let mut half = connect(&host);
    half.write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
    drop(half);
    assert_eq!(
        Dial::new(&authority).open(&host, "echo").ask("well"),
        "well"
    );
    assert!(!host.log().join("\n").contains("panicked"));
}

// After the handshake: what cannot be decrypted ends the session, and nothing else.
#[test]
fn garbage_within_a_session_ends_it() {
    let (host, authority) = plain_host();
    let mut client = Dial::new(&authority).open(&host, "probe");
    client.ask("count");
    let socket = &mut client.socket.get_mut().sock;
    socket.write_all(b"\x17\x03\x03\x00\x20").unwrap();
    socket.write_all(&[7; 32]).unwrap();
    while client.socket.read().is_ok() {}
    host.events_with(1, "on-error connection=");
    host.logged(&["\"closed\"", "1006"]);
    assert_eq!(
        Dial::new(&authority).open(&host, "echo").ask("well"),
        "well"
    );
}

// hardening H14
#[test]
fn a_slow_handshake_is_cut_off_in_tls_as_behind_it() {
    let authority = Authority::new();
    let issued = authority.issue("host", &["host.example"]);
    let host = host_with("handshake_timeout = \"300ms\"", &issued.setting());
    let patient = Dial::new(&authority).open(&host, "echo");
    assert_eq!(answer(&host, b""), b"");
    assert_eq!(answer(&host, b"\x16\x03\x01\x02\x00\x01\x00"), b"");
    // All of TLS, and then nothing.
    let mut stream = Dial::new(&authority).shake_hands(&host).unwrap();
    assert!(!matches!(stream.read(&mut [0]), Ok(1..)));
    let cut_off = |line: &&String| line.contains("cut off") && line.contains("handshake_timeout");
    let all = || (host.log().iter().filter(cut_off).count() == 3).then_some(());
    assert!(wait_for(all).is_some(), "{:?}", host.log());
    drop(patient);
}

// hardening H4
#[test]
fn the_limit_of_connections_holds_before_the_handshake() {
    let authority = Authority::new();
    let issued = authority.issue("host", &["host.example"]);
    let host = host_with("connections_max = 2", &issued.setting());
    let (_first, _second) = (connect(&host), connect(&host));
    let refused = Dial::new(&authority).shake_hands(&host);
    assert!(refused.is_err());
    host.logged(&["connections turned away", "connections_max"]);
}

// hardening H12
#[test]
fn resets_at_any_stage_leave_nothing_behind() {
    let (host, authority) = plain_host();
    let dial = Dial::new(&authority);
    let mut watcher = dial.open(&host, "probe");
    watcher.ask("count");
    let open = descriptors(&host);
    for n in 0..100 {
        let socket = match n % 4 {
            0 => {
                let mut socket = connect(&host);
                socket.write_all(&[22, 3, 1, 2, 0, 1, 0]).unwrap();
                socket
            }
            1 => dial.shake_hands(&host).unwrap().sock,
            2 => dial.open(&host, "probe").socket.into_inner().sock,
            _ => {
                let mut client = dial.open(&host, "probe");
                client.send("repeat:50:x");
                client.socket.into_inner().sock
            }
        };
        let linger = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        linger.unwrap();
    }
    let alone = || (watcher.ask("count") == "count=1").then_some(());
    wait_for(alone).expect("the sessions end");
    let closed = || (descriptors(&host) <= open).then_some(());
    wait_for(closed).unwrap_or_else(|| panic!("{} descriptors, {open} before", descriptors(&host)));
}
