//! Plain HTTP: what is answered, when a connection goes on, and what is never read as a request.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wasket_net::Hosts;

use crate::plain::{BODY_BYTES_MAX, Plain};
use crate::support::{Peer, masked, request, soon, until};

/// Everything that is answered to these bytes, until the server ends the connection.
pub(crate) async fn answers(server: &Plain, bytes: &[u8]) -> String {
    let mut peer = Peer::connect(server.address).await;
    peer.send(bytes).await;
    rest(&mut peer).await
}

pub(crate) async fn rest(peer: &mut Peer) -> String {
    let mut answers = Vec::new();
    soon(peer.stream.read_to_end(&mut answers)).await.unwrap();
    String::from_utf8(answers).unwrap()
}

/// A request whose answer ends the connection.
pub(crate) const LAST: &str = "GET /read?last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

pub(crate) fn statuses(answers: &str) -> Vec<&str> {
    let lines = answers.split("HTTP/1.1 ").skip(1);
    lines.map(|line| &line[..3]).collect()
}

// parity H2, H3, S9
#[tokio::test]
async fn every_request_has_its_answer_and_the_connection_goes_on() {
    let server = Plain::start(|_| {}, |_| {});
    let cases = [
        ("GET /read?a=b", "", "", "200", "GET read /read?a=b "),
        (
            "POST /read",
            "Content-Length: 5\r\n",
            "hello",
            "200",
            "POST read /read hello",
        ),
        (
            "POST /read",
            "Transfer-Encoding: Chunked\r\n",
            "2\r\nab\r\n0\r\n\r\n",
            "200",
            "POST read /read ab",
        ),
        ("DELETE /read", "", "", "200", "DELETE read /read "),
        ("OPTIONS /read", "", "", "200", "OPTIONS read /read "),
        ("HEAD /read", "", "", "200", ""),
        ("GET /both", "", "", "200", "GET both /both "),
        (
            "GET /none",
            "Content-Length: 2\r\n",
            "ab",
            "200",
            "GET none /none ",
        ),
        (
            "GET /gone",
            "",
            "",
            "503",
            "this service is not available\n",
        ),
    ];
    for (line, headers, body, status, said) in cases {
        let first = format!("{line} HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}");
        let both = answers(&server, format!("{first}{LAST}").as_bytes()).await;
        assert_eq!(statuses(&both), [status, "200"], "{line}\n{both}");
        assert!(both.contains(&format!("\r\n\r\n{said}HTTP/1.1 ")), "{both}");
        let lower = both.to_ascii_lowercase();
        assert!(!lower.contains("upgrade"), "{both}");
        assert_eq!(lower.matches("x-served-by: wasket").count(), 2, "{both}");
        assert_eq!(lower.matches("connection: close").count(), 1, "{both}");
    }
}

// parity H3
#[tokio::test]
async fn a_path_serves_both_and_a_connection_may_become_a_session_late() {
    let server = Plain::start(|_| {}, |_| {});
    let mut peer = Peer::connect(server.address).await;
    let head = peer
        .ask("GET /both HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut body = [0; "GET both /both ".len()];
    soon(peer.stream.read_exact(&mut body)).await.unwrap();
    let head = peer.ask(&request("/both", "")).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    peer.frame(0x81, b"hello").await;
    assert_eq!(peer.read().await, Some((0x81, b"hello".to_vec())));
}

// hardening H16: where a body is taken these are not refused, for hyper does not tell of the length (see `onward`). What
// counts is that nobody's second request can come of it.
#[tokio::test]
async fn of_a_length_beside_chunks_the_chunks_count_and_nothing_behind_them_is_read() {
    let server = Plain::start(|_| {}, |_| {});
    let (chunked, length) = ("Transfer-Encoding: chunked\r\n", "Content-Length: 3\r\n");
    for lines in [[chunked, length], [length, chunked]].map(|lines| lines.concat()) {
        let mut peer = Peer::connect(server.address).await;
        let request = format!("POST /read HTTP/1.1\r\nHost: a\r\n{lines}\r\n2\r\nab\r\n0\r\n\r\n");
        let behind = "GET /read HTTP/1.1\r\nHost: a\r\n\r\n";
        peer.send(format!("{request}{behind}").as_bytes()).await;
        let mut answers = String::new();
        soon(peer.stream.read_to_string(&mut answers))
            .await
            .unwrap();
        assert!(answers.starts_with("HTTP/1.1 200 "), "{answers}");
        assert!(
            answers.to_ascii_lowercase().contains("connection: close"),
            "{answers}"
        );
        assert!(answers.ends_with("ab"), "{answers}");
    }
}

// parity S9; hardening H16
#[tokio::test]
async fn what_is_behind_these_is_never_read() {
    let server = Plain::start(|_| {}, |_| {});
    let frame = String::from_utf8_lossy(&masked(0x81, b"x")).into_owned();
    let long = "y".repeat(100_000);
    let with_length = format!("Content-Length: {}\r\n", long.len());
    let over = format!("Content-Length: {}\r\n", BODY_BYTES_MAX + 1);
    let chunked = "Transfer-Encoding: chunked\r\n";
    let cases = [
        ("GET /echo HTTP/1.1", "Host: a\r\n", "", "426"),
        (
            "POST /echo HTTP/1.1",
            "Host: a\r\nContent-Length: 2\r\n",
            "ab",
            "405",
        ),
        ("GET /nowhere HTTP/1.1", "Host: a\r\n", "", "404"),
        ("GET /read HTTP/1.1", "", "", "400"),
        ("GET /read HTTP/1.1", "Host: a\r\nHost: a\r\n", "", "400"),
        (
            "GET /read HTTP/1.1",
            "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
            &frame,
            "200",
        ),
        (
            "GET /none HTTP/1.1",
            &format!("Host: a\r\n{chunked}"),
            "0\r\n\r\n",
            "400",
        ),
        (
            "POST /read HTTP/1.1",
            "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n",
            "2\r\nab\r\n0\r\n\r\n",
            "200",
        ),
        (
            "POST /read HTTP/1.1",
            &format!("Host: a\r\nTransfer-Encoding: gzip\r\n{chunked}"),
            "2\r\nab\r\n0\r\n\r\n",
            "200",
        ),
        (
            "POST /none HTTP/1.1",
            &format!("Host: a\r\nContent-Length: 3\r\n{chunked}"),
            "0\r\n\r\n",
            "400",
        ),
        ("CONNECT http://a/read HTTP/1.1", "Host: a\r\n", "", "405"),
        ("CONNECT a:80 HTTP/1.1", "Host: a\r\n", "", "405"),
        (
            "CONNECT http://a/read HTTP/1.1",
            "Host: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n",
            "",
            "405",
        ),
        (
            "POST /read HTTP/1.1",
            "Host: a\r\nContent-Length: 2, 3\r\n",
            "ab",
            "400",
        ),
        (
            "POST /read HTTP/1.1",
            "Host: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n",
            "ab",
            "400",
        ),
        (
            "POST /read HTTP/1.1",
            &format!("Host: a\r\n{over}"),
            "",
            "413",
        ),
        (
            "POST /unread HTTP/1.1",
            &format!("Host: a\r\n{with_length}"),
            &long,
            "200",
        ),
        (
            "POST /gone HTTP/1.1",
            &format!("Host: a\r\n{with_length}"),
            &long,
            "503",
        ),
        (
            "POST /unread HTTP/1.1",
            "Host: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n",
            "",
            "200",
        ),
    ];
    for (line, headers, body, status) in cases {
        let bytes = format!("{line}\r\n{headers}\r\n{body}{LAST}");
        let all = answers(&server, bytes.as_bytes()).await;
        assert_eq!(statuses(&all), [status], "{line} {headers}\n{all}");
        let lower = all.to_ascii_lowercase();
        let says = ["connection: close", "connection: upgrade, close"];
        assert!(says.iter().any(|says| lower.contains(says)), "{all}");
    }
}

// hardening H16
#[tokio::test]
async fn a_body_that_looks_like_a_request_is_none() {
    let server = Plain::start(|_| {}, |_| {});
    for path in ["/read", "/unread", "/none", "/gone"] {
        let body = "GET /read?smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        let length = body.len();
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}{LAST}"
        );
        let all = answers(&server, bytes.as_bytes()).await;
        assert_eq!(statuses(&all).len(), 2, "{path}\n{all}");
        assert!(!all.contains("read /read?smuggled"), "{all}");
        assert!(all.ends_with("GET read /read?last "), "{all}");
    }
}

// hardening H16
#[tokio::test]
async fn who_asks_for_leave_gets_it_only_when_somebody_reads() {
    let server = Plain::start(|_| {}, |_| {});
    let ask = |path: &str, length: u64| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let mut peer = Peer::connect(server.address).await;
    let head = peer.ask(&ask("/read", 2)).await;
    assert!(head.starts_with("HTTP/1.1 100 "), "{head}");
    peer.send(format!("ab{LAST}").as_bytes()).await;
    let all = rest(&mut peer).await;
    assert_eq!(statuses(&all), ["200", "200"], "{all}");
    for (path, length, status) in [("/read", BODY_BYTES_MAX + 1, "413"), ("/unread", 2, "200")] {
        let all = answers(&server, ask(path, length).as_bytes()).await;
        assert_eq!(statuses(&all), [status], "{all}");
    }
}

// hardening H16
#[tokio::test]
async fn a_chunked_body_past_the_limit_is_413() {
    let server = Plain::start(|_| {}, |_| {});
    let head =
        "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    for (bytes, status) in [(BODY_BYTES_MAX, "200"), (BODY_BYTES_MAX + 1, "413")] {
        let body = "z".repeat(usize::try_from(bytes).unwrap());
        let chunked = format!("{head}{bytes:x}\r\n{body}\r\n0\r\n\r\n");
        let all = answers(&server, chunked.as_bytes()).await;
        assert_eq!(statuses(&all), [status], "{}", &all[..200]);
    }
}

// hardening H14
#[tokio::test]
async fn every_wait_for_a_peer_ends() {
    // Long enough for whoever means to go on, also where much else runs.
    let soon_over = Duration::from_millis(400);
    let server = Plain::start(
        |listener| {
            listener.request_head_timeout = soon_over;
            listener.transfer_timeout = soon_over;
            listener.handshake_timeout = soon_over;
        },
        |_| {},
    );
    let first = "GET /read HTTP/1.1\r\nHost: a\r\n\r\n";
    let cases: [(String, &[&str]); 4] = [
        // A body that stops; a head that stops; one that never begins; one behind an answer.
        (
            "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab".into(),
            &["408"],
        ),
        (format!("{first}GET /read HT"), &["200", "408"]),
        (first.into(), &["200"]),
        (format!("{first}{LAST}"), &["200", "200"]),
    ];
    for (bytes, expected) in cases {
        let all = answers(&server, bytes.as_bytes()).await;
        assert_eq!(statuses(&all), expected, "{bytes}\n{all}");
    }
    // A service may take longer than a handshake.
    let slow = "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let all = answers(&server, slow.as_bytes()).await;
    assert_eq!(statuses(&all), ["200"], "{all}");
    // A peer that does not read.
    let mut peer = Peer::connect(server.address).await;
    let head = peer.ask("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    until("the body is dropped", || {
        server.dropped.load(Ordering::Relaxed)
    })
    .await;
}

// hardening H12
#[tokio::test]
async fn an_answer_ends_with_its_connection() {
    let server = Plain::start(|_| {}, |_| {});
    let mut peer = Peer::connect(server.address).await;
    let head = peer.ask("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(!server.dropped.load(Ordering::Relaxed));
    drop(peer);
    until("the body is dropped", || {
        server.dropped.load(Ordering::Relaxed)
    })
    .await;
}

// parity S8
#[tokio::test]
async fn stopping_ends_connections_that_wait_for_a_request() {
    let server = Plain::start(|_| {}, |_| {});
    let mut peer = Peer::connect(server.address).await;
    let head = peer.ask("GET /read HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let stopped = tokio::spawn(server.stop());
    let all = rest(&mut peer).await;
    assert_eq!(all, "GET read /read ");
    drop(peer);
    assert_eq!(stopped.await.unwrap(), 0);
}

// parity B5
#[tokio::test]
async fn other_hosts_are_refused_and_the_answer_is_dressed() {
    let hosts = Hosts::parse(&["a"]).unwrap();
    let server = Plain::start(|_| {}, move |place| place.hosts = hosts.clone());
    let other = "GET /read HTTP/1.1\r\nHost: b\r\n\r\n";
    let both = answers(&server, format!("{other}{LAST}").as_bytes()).await;
    assert_eq!(statuses(&both), ["400", "200"], "{both}");
    assert_eq!(both.matches("x-served-by: wasket").count(), 2, "{both}");
}

// parity S8: whoever sends on behind a refusal is read from for a while, but not by a host that stops.
#[tokio::test]
async fn a_refused_upload_that_goes_on_does_not_hold_up_a_stop() {
    let server = Plain::start(|_| {}, |_| {});
    let mut peer = Peer::connect(server.address).await;
    let post = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    let head = peer.ask(post).await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    let sends_on = tokio::spawn(async move {
        while peer.stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(server.stop().await, 0);
    soon(sends_on).await.unwrap();
}
