//! Garbage and resets leave nothing behind.

use std::time::Duration;

use socket2::SockRef;
use tokio::runtime::Handle;
use wasket_session::Limits;

use crate::support::{Peer, Running, masked, request, until};

/// Connects, sends something that is not what it should be, and resets. Half of them are sessions first.
async fn annoy(server: &Running, n: usize) {
    let mut peer = Peer::connect(server.address).await;
    if n.is_multiple_of(2) {
        let head = peer.ask(&request("/echo", "")).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    }
    let message = masked(0x82, &[7; 500]);
    let garbage: &[u8] = match n % 12 {
        0 => &[0xFF; 64],
        1 => b"GET /echo HTTP/1.1\r\nHost: ",
        2 => &[0x82],
        3 => &[0; 64],
        // A header that declares 1 MiB, and nothing.
        4 => &[0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4],
        5 => b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n12345",
        6 => message.get(..100).unwrap(),
        7 => b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\nGET /echo HTTP/1.1\r\n",
        8 => &message,
        9 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        10 => &[0x01, 0x81, 0, 0, 0, 0, b'x', 0x89, 0x80],
        _ => b"",
    };
    peer.send(garbage).await;
    let reset = SockRef::from(&peer.stream);
    reset.set_linger(Some(Duration::ZERO)).unwrap();
}

async fn leaves_nothing_behind(cycles: usize) {
    let server = Running::echo(Limits::default());
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let witness = server.open().await;
    until("it has joined", || server.hub.count() == 1).await;
    let before = tasks();
    for n in 0..cycles {
        annoy(&server, n).await;
    }
    until("the sessions are gone", || server.hub.count() == 1).await;
    until("the tasks are gone", || tasks() == before).await;
    drop(witness);
    until("the hub is empty", || server.hub.count() == 0).await;
    assert_eq!(server.stop().await, 0);
}

// hardening H12
#[tokio::test]
async fn garbage_and_resets_leave_no_task() {
    leaves_nothing_behind(600).await;
}

// hardening H12
#[tokio::test]
#[ignore = "slow: 5 s"]
async fn ten_thousand_resets_leave_no_task() {
    leaves_nothing_behind(10_000).await;
}
