//! Sessions of the native echo over real sockets.

use std::time::Duration;

use crate::support::{Peer, Running, closing, masked, request, until};
use wasket_session::Limits;

#[tokio::test]
async fn messages_come_back_as_they_were() {
    let server = Running::echo(Limits::default());
    let mut peer = server.open().await;
    for (first, size) in [
        (0x81, 0),
        (0x82, 5),
        (0x82, 125),
        (0x81, 126),
        (0x82, 65_535),
        (0x82, 65_536),
        (0x81, 1 << 20),
    ] {
        let payload = vec![b'x'; size];
        peer.frame(first, &payload).await;
        assert_eq!(peer.read().await, Some((first, payload)));
    }
    peer.frame(0x88, &closing(1000, "bye")).await;
    assert_eq!(peer.read_close().await.0, 1000);
    until("the hub is empty", || server.hub.count() == 0).await;
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn what_comes_behind_the_handshake_is_read() {
    let server = Running::echo(Limits::default());
    let mut peer = Peer::connect(server.address).await;
    let mut bytes = request("/echo", "").into_bytes();
    bytes.extend(masked(0x81, b"one"));
    bytes.extend(masked(0x89, b"ping"));
    bytes.extend(masked(0x82, b"two"));
    bytes.extend(masked(0x88, b""));
    peer.send(&bytes).await;
    assert!(peer.head().await.starts_with("HTTP/1.1 101 "));
    let mut frames = Vec::new();
    while let Some(frame) = peer.read().await {
        frames.push(frame);
    }
    let data: Vec<_> = frames.iter().filter(|(first, _)| first & 8 == 0).collect();
    assert_eq!(data, [&(0x81, b"one".to_vec()), &(0x82, b"two".to_vec())]);
    assert_eq!(frames.last(), Some(&(0x88, Vec::new())));
}

#[tokio::test]
async fn a_thousand_messages_of_one_write_come_back_in_order() {
    let server = Running::echo(Limits::default());
    let mut peer = server.open().await;
    let bytes: Vec<u8> = (0..1000_u32)
        .flat_map(|n| masked(0x82, &n.to_be_bytes()))
        .collect();
    peer.send(&bytes).await;
    for n in 0..1000_u32 {
        assert_eq!(peer.read().await, Some((0x82, n.to_be_bytes().to_vec())));
    }
}

#[tokio::test]
async fn a_violation_is_answered_with_its_code() {
    let cases: [(&[u8], u16); 4] = [
        (&[0x81, 0x01, b'x'], 1002),
        (&[0xC1, 0x81, 0, 0, 0, 0, b'x'], 1002),
        (&[0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28], 1007),
        (&[0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0], 1009),
    ];
    for (bytes, code) in cases {
        let server = Running::echo(Limits::default());
        let mut peer = server.open().await;
        peer.frame(0x81, b"before").await;
        peer.send(bytes).await;
        assert_eq!(peer.read().await, Some((0x81, b"before".to_vec())));
        assert_eq!(peer.read_close().await.0, code);
    }
}

// parity S8
#[tokio::test]
async fn stopping_closes_sessions_with_1001() {
    let server = Running::echo(Limits::default());
    let mut peers = Vec::new();
    for _ in 0..5 {
        peers.push(server.open().await);
    }
    until("all are there", || server.hub.count() == 5).await;
    server.begin_stop();
    for mut peer in peers {
        let (first, payload) = peer.read().await.unwrap();
        assert_eq!((first, &payload[..2]), (0x88, &1001_u16.to_be_bytes()[..]));
        peer.frame(0x88, &payload).await;
        assert!(peer.read().await.is_none());
    }
    assert_eq!(server.stop().await, 0);
}

// hardening H14
#[tokio::test]
async fn a_peer_that_does_not_answer_the_close_is_cut_off() {
    let limits = Limits {
        close_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = Running::echo(limits);
    let mut peer = server.open().await;
    until("it is there", || server.hub.count() == 1).await;
    server.begin_stop();
    assert!(peer.read().await.is_some());
    assert!(peer.read().await.is_none());
    assert_eq!(server.stop().await, 0);
}
