//! The defaults that are times, each at its edge: never early, and kept. They take up to a minute, side by
//! side, and run with `cargo xtask test --all`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::host::{Client, Host};

const SECOND: Duration = Duration::from_secs(1);

/// How long the peer's end of this takes; it must not be shorter than `least`.
fn takes(least: Duration, what: impl FnOnce()) {
    let began = Instant::now();
    what();
    let took = began.elapsed();
    assert!(took >= least, "{took:?}, before {least:?}");
}

fn raw(host: &Host) -> TcpStream {
    let stream = TcpStream::connect(host.authority()).unwrap();
    stream.set_read_timeout(Some(60 * SECOND)).unwrap();
    stream
}

/// An open session, on a bare socket.
fn open(host: &Host) -> TcpStream {
    let mut client = host.connect("probe");
    client.ask("count");
    let stream = client.socket.get_ref().try_clone().unwrap();
    stream.set_read_timeout(Some(60 * SECOND)).unwrap();
    // Dropping the client would close nothing while this clone lives.
    stream
}

/// Reads to the end.
fn to_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

fn patient(host: &Host) -> Client {
    let client = host.connect("probe");
    client
        .socket
        .get_ref()
        .set_read_timeout(Some(60 * SECOND))
        .unwrap();
    client
}

/// Sends to the session that opened first until its outbox is full.
fn fill_the_first(other: &mut Client) {
    let ids = other.ask("ids");
    let first = ids.trim_start_matches("ids=").split(',').next().unwrap();
    let command = format!("send-to:{first}:{}", "x".repeat(1 << 19));
    while !other.ask(&command).contains("backlogged") {}
}

#[test]
#[ignore = "slow: 10 s"]
fn a_request_head_has_10_seconds() {
    let host = Host::probe("");
    let mut stream = raw(&host);
    takes(10 * SECOND, || {
        stream.write_all(b"GET /probe HTTP/1.1\r\nHost: ").unwrap();
        to_the_end(&mut stream);
    });
}

#[test]
#[ignore = "slow: 10 s"]
fn a_handshake_has_10_seconds() {
    let host = Host::probe("event_wall_time = \"1m\"");
    let mut stream = raw(&host);
    takes(10 * SECOND, || {
        let head = "GET /probe?handshake=sleep:30000 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
                    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        assert_eq!(to_the_end(&mut stream), b"");
    });
    host.logged(&["handshake_timeout"]);
}

#[test]
#[ignore = "slow: 40 s"]
fn a_silent_peer_is_pinged_after_30_seconds_and_has_10_to_answer() {
    let host = Host::probe("");
    let mut stream = open(&host);
    takes(30 * SECOND, || {
        let mut ping = [0; 2];
        stream.read_exact(&mut ping).unwrap();
        assert_eq!(ping[0], 0x89);
    });
    takes(9 * SECOND, || {
        to_the_end(&mut stream);
    });
    host.logged(&["event on-close", "code=1006", "by=peer"]);
}

#[test]
#[ignore = "slow: 35 s"]
fn a_peer_that_answers_pings_stays() {
    // However idle it is, and however long it lives: both limits are off.
    let host = Host::probe("");
    let mut client = patient(&host);
    let message = client.socket.read().unwrap();
    assert!(message.is_ping(), "{message:?}");
    client.socket.flush().unwrap();
    std::thread::sleep(12 * SECOND);
    assert_eq!(client.ask("count"), "count=1");
}

#[test]
#[ignore = "slow: 5 s"]
fn a_close_has_5_seconds() {
    let host = Host::probe("");
    let mut stream = open(&host);
    takes(5 * SECOND, || {
        // close:1000, masked with zeros
        stream.write_all(b"\x81\x8a\0\0\0\0close:1000").unwrap();
        to_the_end(&mut stream);
    });
    host.logged(&["event on-close", "code=1006", "by=guest", "clean=false"]);
}

#[test]
#[ignore = "slow: 10 s"]
fn a_slow_reader_has_10_seconds() {
    let host = Host::probe("");
    let _stream = open(&host);
    let mut other = patient(&host);
    takes(10 * SECOND, || {
        fill_the_first(&mut other);
        while other.ask("count") != "count=1" {
            std::thread::sleep(SECOND / 5);
        }
    });
    host.logged(&["event on-close", "code=1008", "by=host"]);
}

#[test]
#[ignore = "slow: 30 s"]
fn a_write_has_30_seconds() {
    let host = Host::probe("slow_reader_time = \"5m\"\nping_every = \"off\"");
    let _stream = open(&host);
    let mut other = patient(&host);
    takes(29 * SECOND, || {
        fill_the_first(&mut other);
        while other.ask("count") != "count=1" {
            std::thread::sleep(SECOND / 5);
        }
    });
    host.logged(&["event on-close", "code=1006"]);
}

#[test]
#[ignore = "slow: 11 s"]
fn an_event_may_wait_for_10_seconds() {
    let host = Host::probe("");
    let mut client = patient(&host);
    assert!(client.ask("sleep:9000").starts_with("sleep="));
    client.send("sleep:20000");
    takes(10 * SECOND - SECOND / 10, || {
        assert_eq!(client.closed().0, 1011);
    });
    host.logged(&["wasket::guest", "\"level\":\"ERROR\"", "wall"]);
}
