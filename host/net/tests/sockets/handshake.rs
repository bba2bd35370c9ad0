//! What is answered to opening handshakes, good and bad.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use wasket_session::echo::Echo;
use wasket_session::{Hub, Limits};

use crate::support::{Peer, Running, masked, request, soon, until};

const GOOD: &str = "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

// parity S9, hardening H18
#[tokio::test]
async fn every_odd_handshake_has_its_status() {
    let without = |name: &str| {
        let kept = GOOD
            .split_inclusive("\r\n")
            .filter(|line| !line.starts_with(name));
        kept.collect::<String>()
    };
    let changed = |name: &str, line: &str| format!("{}{line}\r\n", without(name));
    let doubled = |line: &str| format!("{GOOD}{line}\r\n");
    let cases = [
        ("GET /echo HTTP/1.1", GOOD.to_owned(), 101),
        ("GET /echo/ HTTP/1.1", GOOD.to_owned(), 101),
        ("GET /%65cho?a=b HTTP/1.1", GOOD.to_owned(), 101),
        (
            "GET /echo HTTP/1.1",
            changed("Upgrade", "upgrade: h2c, WebSocket"),
            101,
        ),
        (
            "GET /echo HTTP/1.1",
            changed("Connection", "connection: keep-alive, UPGRADE"),
            101,
        ),
        ("GET /nowhere HTTP/1.1", GOOD.to_owned(), 404),
        ("GET /broken HTTP/1.1", GOOD.to_owned(), 503),
        ("POST /echo HTTP/1.1", GOOD.to_owned(), 405),
        ("GET /echo HTTP/1.0", GOOD.to_owned(), 400),
        ("GET /echo HTTP/1.1", "Host: localhost\r\n".to_owned(), 426),
        ("GET /echo HTTP/1.1", without("Upgrade"), 426),
        ("GET /echo HTTP/1.1", without("Connection"), 426),
        (
            "GET /echo HTTP/1.1",
            changed("Upgrade", "Upgrade: h2c"),
            426,
        ),
        ("GET /echo HTTP/1.1", without("Host"), 400),
        ("GET /echo HTTP/1.1", doubled("Host: other"), 400),
        ("GET /echo HTTP/1.1", without("Sec-WebSocket-Key"), 400),
        (
            "GET /echo HTTP/1.1",
            changed("Sec-WebSocket-Key", "Sec-WebSocket-Key: short"),
            400,
        ),
        (
            "GET /echo HTTP/1.1",
            doubled("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
            400,
        ),
        ("GET /echo HTTP/1.1", without("Sec-WebSocket-Version"), 400),
        (
            "GET /echo HTTP/1.1",
            changed("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"),
            400,
        ),
        (
            "GET /echo HTTP/1.1",
            doubled("Sec-WebSocket-Version: 13"),
            400,
        ),
        (
            "GET /echo HTTP/1.1",
            doubled("Sec-WebSocket-Protocol: a, a"),
            400,
        ),
        (
            "GET /echo HTTP/1.1",
            doubled("Sec-WebSocket-Protocol: a b"),
            400,
        ),
    ];
    let server = Running::echo(Limits::default());
    for (line, headers, status) in cases {
        let mut peer = Peer::connect(server.address).await;
        let head = peer.ask(&format!("{line}\r\n{headers}\r\n")).await;
        assert_eq!(
            head.split(' ').nth(1),
            Some(&*status.to_string()),
            "{line} {headers}\n{head}"
        );
        let head = head.to_ascii_lowercase();
        match status {
            426 => assert!(head.contains("\r\nupgrade: websocket\r\n"), "{head}"),
            405 => assert!(head.contains("\r\nallow: "), "{head}"),
            _ => {}
        }
        if headers.contains("Version: 8") {
            assert!(head.contains("\r\nsec-websocket-version: 13\r\n"), "{head}");
        }
    }
}

// parity B6, B9
#[tokio::test]
async fn the_answer_carries_accept_protocol_and_headers() {
    let server = Running::echo(Limits::default());
    let mut peer = Peer::connect(server.address).await;
    let offers = "Sec-WebSocket-Protocol: z, a\r\nSec-WebSocket-Protocol: b\r\n";
    let head = peer.ask(&request("/echo", offers)).await;
    let head = head.to_ascii_lowercase();
    for line in [
        "upgrade: websocket",
        "connection: upgrade",
        "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
        // The service's order of preference counts.
        "sec-websocket-protocol: b",
        "x-served-by: wasket",
    ] {
        assert!(
            head.contains(&format!("\r\n{line}\r\n")),
            "{line} in {head}"
        );
    }
    assert!(!head.contains("sec-websocket-extensions"), "{head}");
    let head = Peer::connect(server.address)
        .await
        .ask(&request("/echo", "Sec-WebSocket-Protocol: z\r\n"))
        .await;
    assert!(
        head.starts_with("HTTP/1.1 101 ") && !head.to_ascii_lowercase().contains("protocol:"),
        "{head}"
    );
}

// parity B5, hardening H15
#[tokio::test]
async fn a_foreign_origin_is_refused() {
    let server = Running::echo(Limits::default());
    for (origin, status) in [
        ("Origin: http://localhost\r\n", "101"),
        ("Origin: http://localhost.evil\r\n", "403"),
        ("Origin: null\r\n", "403"),
        (
            "Origin: http://localhost\r\nOrigin: http://localhost\r\n",
            "403",
        ),
    ] {
        let head = Peer::connect(server.address)
            .await
            .ask(&request("/echo", origin))
            .await;
        assert_eq!(head.split(' ').nth(1), Some(status), "{origin}");
    }
}

// hardening H16
#[tokio::test]
async fn nothing_behind_a_refused_upgrade_is_read() {
    let server = Running::echo(Limits::default());
    let refused = request("/echo", "Origin: http://evil\r\n");
    let mut bytes = refused.into_bytes();
    bytes.extend(masked(0x81, b"frame"));
    bytes.extend_from_slice(request("/echo", "").as_bytes());
    let mut peer = Peer::connect(server.address).await;
    peer.send(&bytes).await;
    let mut answer = String::new();
    soon(peer.stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_eq!(server.hub.count(), 0);
}

// hardening H5, H6; parity S12
#[tokio::test]
async fn an_endless_request_head_is_refused_at_its_limit() {
    let server = Running::echo(Limits::default());
    for filler in [
        format!("X: {}\r\n", "y".repeat(20 << 10)),
        "A: b\r\n".repeat(4000),
    ] {
        let head = Peer::connect(server.address)
            .await
            .ask(&request("/echo", &filler))
            .await;
        assert_eq!(head.split(' ').nth(1), Some("431"), "{head}");
    }
    let fits = format!("X: {}\r\n", "y".repeat(15 << 10));
    let head = Peer::connect(server.address)
        .await
        .ask(&request("/echo", &fits))
        .await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}

// hardening H14; parity S12
#[tokio::test]
async fn a_slow_request_is_cut_off() {
    for (head, whole) in [(50, 10_000), (10_000, 50)] {
        let hub = Arc::new(Hub::new("echo", Limits::default(), Vec::new()));
        let server = Running::start(Arc::new(Echo::new(hub)), |listener| {
            listener.request_head_timeout = Duration::from_millis(head);
            listener.handshake_timeout = Duration::from_millis(whole);
        });
        let mut peer = Peer::connect(server.address).await;
        peer.send(b"GET /echo HTTP/1.1\r\nHost: loc").await;
        let mut rest = Vec::new();
        soon(peer.stream.read_to_end(&mut rest)).await.unwrap();
        let rest = String::from_utf8(rest).unwrap();
        assert!(
            rest.is_empty() || rest.starts_with("HTTP/1.1 408 "),
            "{rest}"
        );
    }
}

// parity S1
#[tokio::test]
async fn connections_past_a_limit_are_closed_and_room_comes_back() {
    for (all, per_address) in [(2, None), (100, Some(2))] {
        let hub = Arc::new(Hub::new("echo", Limits::default(), Vec::new()));
        let server = Running::start(Arc::new(Echo::new(hub)), |listener| {
            listener.connections_max = all;
            listener.connections_per_address_max = per_address;
        });
        let first = server.open().await;
        let _second = server.open().await;
        let mut third = Peer::connect(server.address).await;
        assert!(soon(third.stream.read_u8()).await.is_err());
        drop(first);
        until("the first is gone", || server.hub.count() == 1).await;
        // Its connection ends right after its session.
        for attempt in 0.. {
            let mut next = Peer::connect(server.address).await;
            let _ = tokio::io::AsyncWriteExt::write_all(
                &mut next.stream,
                request("/echo", "").as_bytes(),
            )
            .await;
            if next.head().await.starts_with("HTTP/1.1 101 ") {
                break;
            }
            assert!(attempt < 1000, "no room came back");
        }
    }
}

#[tokio::test]
async fn sessions_past_the_limit_of_their_service_get_503() {
    let server = Running::echo(Limits {
        sessions_max: Some(2),
        ..Limits::default()
    });
    let first = server.open().await;
    let _second = server.open().await;
    let refused = Peer::connect(server.address)
        .await
        .ask(&request("/echo", ""))
        .await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    drop(first);
    until("the first is gone", || server.hub.reserve().is_some()).await;
    let _third = server.open().await;
}
