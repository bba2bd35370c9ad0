//! Request heads as bytes: what smuggles, what is odd, what is nearly right. Each has its status, and ends its
//! connection.

use tokio::io::AsyncReadExt;
use wasket_session::Limits;

use crate::support::{Peer, Running, masked, request, soon};

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/// What is answered to these bytes with a frame and a good request behind them, to the end of the connection.
async fn answered(server: &Running, head: &[u8]) -> String {
    let mut peer = Peer::connect(server.address).await;
    let mut bytes = head.to_vec();
    bytes.extend(masked(0x81, b"frame"));
    bytes.extend_from_slice(request("/echo", "").as_bytes());
    peer.send(&bytes).await;
    let mut answer = Vec::new();
    // A reset is as good an end as any.
    let _ = soon(peer.stream.read_to_end(&mut answer)).await;
    String::from_utf8(answer).unwrap()
}

async fn check(server: &Running, head: &[u8], status: &str) {
    let answer = answered(server, head).await;
    let text = String::from_utf8_lossy(head);
    assert_eq!(
        answer.split(' ').nth(1).unwrap_or_default(),
        status,
        "{text}\n{answer}"
    );
    let heads = answer.lines().filter(|line| line.starts_with("HTTP/1."));
    assert_eq!(heads.count(), 1, "{text}\n{answer}");
    let answer = answer.to_ascii_lowercase();
    assert!(answer.contains("close\r\n"), "{text}\n{answer}");
    assert_eq!(server.hub.count(), 0, "{text}");
}

/// An upgrade with these lines before the rest.
fn with(lines: &str) -> Vec<u8> {
    format!("GET /echo HTTP/1.1\r\nHost: localhost\r\n{lines}{UPGRADE}\r\n").into_bytes()
}

// hardening H16
#[tokio::test]
async fn a_request_whose_end_is_in_doubt_is_refused() {
    let server = Running::echo(Limits::default());
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999\r\n",
    ] {
        check(&server, &with(lines), "400").await;
    }
    let post = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(&server, post.as_bytes(), "400").await;
    let nowhere =
        "GET /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    check(&server, nowhere.as_bytes(), "400").await;
}

// hardening H16 H18
#[tokio::test]
async fn every_odd_head_has_its_status() {
    let server = Running::echo(Limits::default());
    let lines: [(&str, &str); 17] = [
        ("X: a\r\n b\r\n", "400"),
        ("X : a\r\n", "400"),
        (" X: a\r\n", "400"),
        ("no colon\r\n", "400"),
        (": no name\r\n", "400"),
        ("X: a\0b\r\n", "400"),
        ("X: a\rb\r\n", "400"),
        ("X: \u{7f}\r\n", "400"),
        ("X\u{e9}: a\r\n", "400"),
        ("Host: other\r\n", "400"),
        ("Sec-WebSocket-Version: 13\r\n", "400"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "400"),
        ("Sec-WebSocket-Protocol: a,,b,a\r\n", "400"),
        ("Sec-WebSocket-Extensions: permessage-deflate; =\r\n", "400"),
        (
            "Sec-WebSocket-Extensions: permessage-deflate; a=\"b\r\n",
            "400",
        ),
        ("Origin: http://evil.example\r\n", "403"),
        ("Origin: null\r\n", "403"),
    ];
    for (line, status) in lines {
        check(&server, &with(line), status).await;
    }
    let first: [(&str, &str); 15] = [
        ("GET /echo HTTP/1.0", "400"),
        ("GET /echo HTTP/1.2", "400"),
        ("GET /echo HTTP/2.0", "400"),
        ("GET /echo HTTP/0.9", "400"),
        ("GET /echo", "400"),
        ("GET  /echo HTTP/1.1", "400"),
        ("GET echo HTTP/1.1", "404"),
        ("GET /ec ho HTTP/1.1", "400"),
        ("get /echo HTTP/1.1", "405"),
        ("HEAD /echo HTTP/1.1", "405"),
        ("OPTIONS * HTTP/1.1", "404"),
        ("CONNECT localhost:80 HTTP/1.1", "405"),
        ("GET /nowhere HTTP/1.1", "404"),
        ("GET /echo/%ff HTTP/1.1", "404"),
        ("GET /broken HTTP/1.1", "503"),
    ];
    for (first, status) in first {
        let head = format!("{first}\r\nHost: localhost\r\n{UPGRADE}\r\n");
        check(&server, head.as_bytes(), status).await;
    }
    for (host, status) in [("", "400"), ("Host:\r\n", "400"), ("Host: a@b\r\n", "400")] {
        let head = format!("GET /echo HTTP/1.1\r\n{host}{UPGRADE}\r\n");
        check(&server, head.as_bytes(), status).await;
    }
    // Where HTTP/2 is off, its preface gets no answer that it could not read.
    let server = Running::echo_at(|listener| listener.http2 = false, |_| {});
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert_eq!(answered(&server, preface).await, "");
}

// hardening H15, H16: whoever passes requests on may have looked at the one or the other host.
#[tokio::test]
async fn a_target_with_a_host_is_of_the_host_that_is_asked_for() {
    let server = Running::echo(Limits::default());
    let asked = |target: &str, host: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}\r\n")
    };
    for (target, host) in [
        ("http://localhost/echo", "localhost"),
        ("http://LOCALHOST:80/echo", "localhost"),
        ("ws://localhost/echo?a", "localhost:80"),
        ("wss://localhost:443/echo", "localhost"),
    ] {
        let mut peer = Peer::connect(server.address).await;
        let head = peer.ask(&asked(target, host)).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{target}: {head}");
        drop(peer);
        crate::support::until("it has left", || server.hub.count() == 0).await;
    }
    for (target, host) in [
        ("http://evil.example/echo", "localhost"),
        ("http://localhost:81/echo", "localhost"),
        ("http://localhost/echo", "localhost:443"),
        ("http://a@localhost/echo", "localhost"),
        ("http://localhost/echo", ""),
    ] {
        check(&server, asked(target, host).as_bytes(), "400").await;
    }
}

// hardening H18
#[tokio::test]
async fn another_version_is_told_the_right_one() {
    let server = Running::echo(Limits::default());
    for version in [
        "",
        "Sec-WebSocket-Version: 8\r\n",
        "Sec-WebSocket-Version: 13, 8\r\n",
        "Sec-WebSocket-Version:\r\n",
    ] {
        let good = request("/echo", "");
        let head = good.replace("Sec-WebSocket-Version: 13\r\n", version);
        let answer = answered(&server, head.as_bytes())
            .await
            .to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 400 "), "{answer}");
        assert!(
            answer.contains("\r\nsec-websocket-version: 13\r\n"),
            "{answer}"
        );
    }
}

// hardening H6: the fields that are needed are found behind as many others as there may be.
#[tokio::test]
async fn what_is_needed_is_found_behind_many_fields() {
    let server = Running::echo(Limits::default());
    let others = |count: usize| {
        (0..count)
            .map(|n| format!("X-{n}: a\r\n"))
            .collect::<String>()
    };
    // hyper takes a hundred fields.
    let mut peer = Peer::connect(server.address).await;
    peer.send(&with(&others(95))).await;
    let head = peer.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    drop(peer);
    crate::support::until("it has left", || server.hub.count() == 0).await;
    check(&server, &with(&others(96)), "431").await;
    for needed in ["Sec-WebSocket-Key", "Sec-WebSocket-Version", "Host"] {
        let head = String::from_utf8(with(&others(95))).unwrap();
        let head: String = head
            .split_inclusive("\r\n")
            .filter(|line| !line.starts_with(needed))
            .collect();
        check(&server, head.as_bytes(), "400").await;
    }
}

// hardening H7: names that other languages' objects know are names like any other.
#[tokio::test]
async fn no_field_name_is_special() {
    let server = Running::echo(Limits::default());
    for name in ["constructor", "__proto__", "prototype", "toString"] {
        let mut peer = Peer::connect(server.address).await;
        peer.send(&with(&format!("{name}: {name}\r\nSec-WebSocket-Protocol: {name}\r\nSec-WebSocket-Extensions: {name}; {name}={name}\r\n"))).await;
        let head = peer.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{name}: {head}");
        assert!(!head.contains(name), "{head}");
    }
}

// hardening H5: a head that comes byte by byte is answered like any other, at its limit too.
#[tokio::test]
async fn a_head_may_come_byte_by_byte() {
    let server = Running::echo(Limits::default());
    for (filler, status) in [(1_000, "101"), (17_000, "431")] {
        let mut peer = Peer::connect(server.address).await;
        let (mut reader, mut writer) = peer.stream.split();
        let head = with(&format!("X: {}\r\n", "y".repeat(filler)));
        let writing = async {
            for byte in head {
                // The answer may come before the end, and the end of reading with it.
                if tokio::io::AsyncWriteExt::write_u8(&mut writer, byte)
                    .await
                    .is_err()
                {
                    break;
                }
            }
            std::future::pending::<()>().await;
        };
        let mut answer = [0; 12];
        tokio::select! {
            () = writing => {}
            read = soon(reader.read_exact(&mut answer)) => { read.unwrap(); }
        }
        assert_eq!(answer, *format!("HTTP/1.1 {status}").as_bytes());
    }
}
