//! What meets while a guest waits, and who is told what when things end at the same moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasket_session::ws::{CloseCode, CloseFrame, Message};
use wasket_session::{Closing, Limits, Outcome, Party, ReadyState};

use crate::gated::Host;
use crate::support::{Peer, Running, closing, masked, request, soon, until};

const SOON: Duration = Duration::from_millis(150);

// What came right behind the opening handshake is the first of the stream, also when the guest waits in
// its `on-open` and the connection reads ahead.
#[tokio::test]
async fn what_came_with_the_handshake_is_read_first() {
    let host = Host::new(Limits::default(), true);
    let mut peer = Peer::connect(host.server.address).await;
    let frame = masked(0x81, b"early");
    let (begin, rest) = frame.split_at(8);
    peer.send(&[request("/echo", "").as_bytes(), begin].concat())
        .await;
    assert!(peer.head().await.starts_with("HTTP/1.1 101 "));
    host.logged("open").await;
    peer.send(&[rest, &masked(0x89, b"read")].concat()).await;
    assert_eq!(peer.read().await, Some((0x8A, b"read".to_vec())));
    host.go_on();
    host.logged("early").await;
}

// DESIGN: control frames are answered while a guest waits: all of them, not only the first.
#[tokio::test]
async fn every_ping_is_answered_while_a_guest_waits() {
    let host = Host::new(Limits::default(), false);
    let mut peer = host.waiting().await;
    for n in 0..5 {
        peer.frame(0x89, &[n]).await;
        assert_eq!(peer.read().await, Some((0x8A, vec![n])));
    }
    host.go_on();
}

// hardening H13: a flood of pings does not become a flood of memory: some are read, the rest waits in TCP.
#[tokio::test]
async fn pings_without_end_are_not_all_held() {
    let host = Host::new(Limits::default(), false);
    let peer = host.waiting().await;
    let (mut reader, mut writer) = peer.stream.into_split();
    let flood = tokio::spawn(async move {
        let pings = masked(0x89, b"").repeat(10_000);
        let mut sent = 0;
        loop {
            let write = tokio::io::AsyncWriteExt::write(&mut writer, &pings);
            match tokio::time::timeout(SOON * 4, write).await {
                Ok(count) => sent += count.unwrap(),
                Err(_) => return (writer, sent),
            }
            if sent > 64 << 20 {
                return (writer, sent);
            }
        }
    });
    let drain = tokio::spawn(async move {
        let mut answers = vec![0; 64 << 10];
        while matches!(
            tokio::io::AsyncReadExt::read(&mut reader, &mut answers).await,
            Ok(1..)
        ) {}
    });
    let (writer, sent) = soon(flood).await.unwrap();
    assert!(sent < 64 << 20, "backpressure");
    host.go_on();
    drop(writer);
    soon(drain).await.unwrap();
}

// The messages before the peer's close frame are delivered, also when both are read ahead.
#[tokio::test]
async fn messages_before_a_close_that_was_read_ahead_are_delivered() {
    let host = Host::new(Limits::default(), false);
    let mut peer = host.waiting().await;
    let bytes = [
        masked(0x89, b"seen"),
        masked(0x81, b"next"),
        masked(0x88, &closing(3001, "")),
    ];
    peer.send(&bytes.concat()).await;
    assert_eq!(peer.read().await, Some((0x8A, b"seen".to_vec())));
    host.go_on();
    assert_eq!(peer.read().await, Some((0x88, closing(3001, ""))));
    host.logged("close 3001 clean=true by=Peer").await;
    assert_eq!(
        host.log(),
        ["open", "wait", "next", "close 3001 clean=true by=Peer"]
    );
}

// hardening H21: the peer closes while its guest waits, and the host wants to close, too.
#[tokio::test]
async fn both_sides_may_close_at_once() {
    for host_first in [true, false] {
        let host = Host::new(Limits::default(), false);
        let mut peer = host.waiting().await;
        let session = host.session();
        let ours = Closing {
            frame: CloseFrame::from(CloseCode::GOING_AWAY),
            by: Party::Host,
            drain: true,
        };
        if host_first {
            assert_eq!(session.shut(ours.clone()), Outcome::Accepted);
        }
        peer.frame(0x88, &closing(3001, "")).await;
        let code = if host_first { 1001 } else { 3001 };
        assert_eq!(peer.read().await, Some((0x88, closing(code, ""))));
        assert_eq!(session.shut(ours), Outcome::NotOpen);
        host.go_on();
        let by = if host_first { "Host" } else { "Peer" };
        host.logged(&format!("close 3001 clean=true by={by}")).await;
    }
}

// parity S3: pings keep their pace when the peer has longer to answer than they are apart.
#[tokio::test]
async fn pings_keep_their_pace_whatever_the_time_for_pongs() {
    let host = Host::new(
        Limits {
            ping_every: Some(SOON),
            pong_timeout: Duration::from_secs(15),
            ..Limits::default()
        },
        false,
    );
    let mut peer = host.server.open().await;
    let begin = Instant::now();
    for _ in 0..3 {
        let (first, payload) = peer.read().await.unwrap();
        assert_eq!(first, 0x89);
        peer.frame(0x8A, &payload).await;
    }
    assert!(begin.elapsed() < Duration::from_secs(10));
}

// parity S4: a pong that lies unread behind a waiting guest's messages is no missing pong.
#[tokio::test]
async fn an_unread_pong_is_not_overdue() {
    let host = Host::new(
        Limits {
            ping_every: Some(SOON),
            pong_timeout: SOON,
            ..Limits::default()
        },
        false,
    );
    let mut peer = host.waiting().await;
    peer.frame(0x81, b"next").await;
    let (first, payload) = peer.read().await.unwrap();
    assert_eq!(first, 0x89);
    peer.frame(0x8A, &payload).await;
    tokio::time::sleep(SOON * 5).await;
    host.go_on();
    host.logged("next").await;
    assert_eq!(peer.read().await.unwrap().0, 0x89);
}

// What goes out counts as much as what comes in.
#[tokio::test]
async fn a_session_that_is_sent_messages_is_not_idle() {
    let host = Host::new(
        Limits {
            idle_timeout: Some(Duration::from_secs(1)),
            ..Limits::default()
        },
        false,
    );
    let mut peer = host.server.open().await;
    host.logged("open").await;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1500) {
        let message = Message::Text("news".into());
        assert_eq!(host.server.hub.broadcast(&message, None), Outcome::Accepted);
        assert_eq!(peer.read().await, Some((0x81, b"news".to_vec())));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(peer.read().await, Some((0x88, closing(1000, "idle"))));
}

// hardening H11: the guest and the log hear that the host ended it, although the peer never took the
// close frame.
#[tokio::test]
async fn a_slow_reader_was_closed_by_the_host() {
    let host = Host::new(
        Limits {
            outbox_bytes_max: 1 << 20,
            close_timeout: SOON,
            ..Limits::default()
        },
        false,
    );
    let _peer = host.server.open().await;
    host.logged("open").await;
    host.fill().await;
    let message = Message::Binary(vec![7; 1 << 20].into());
    host.server.hub.broadcast(&message, None);
    host.logged("close 1008 clean=false by=Host").await;
    assert_eq!(host.log().len(), 2, "{:?}", host.log());
}

// A panic is our mistake, and costs one session: it does not stay in the hub, where broadcasts would fill
// its outbox.
#[tokio::test]
async fn a_task_that_panics_leaves_the_hub() {
    let host = Host::new(Limits::default(), false);
    let mut peer = host.server.open().await;
    host.logged("open").await;
    let session = host.session();
    host.server.hub.subscribe(session.id(), "topic");
    peer.frame(0x81, b"panic").await;
    assert!(peer.read().await.is_none());
    until("it has left", || host.server.hub.count() == 0).await;
    assert_eq!(session.state(), ReadyState::Closed);
    until("nobody holds it", || Arc::strong_count(&session) == 1).await;
}

// hardening H24: room for a message larger than half the outbox is waited for, not spun for.
#[tokio::test]
async fn an_echo_of_large_messages_through_a_small_outbox() {
    let server = Running::echo(Limits {
        outbox_bytes_max: 256 << 10,
        ..Limits::default()
    });
    let peer = server.open().await;
    let (mut reader, mut writer) = peer.stream.into_split();
    let (message, total) = (masked(0x82, &[5; 200_000]), 50);
    let writing = tokio::spawn(async move {
        for _ in 0..total {
            let write = tokio::io::AsyncWriteExt::write_all(&mut writer, &message);
            write.await.unwrap();
        }
        writer
    });
    let session = {
        until("it has joined", || server.hub.count() == 1).await;
        server.hub.session(server.hub.ids(0, 1)[0]).unwrap()
    };
    until("the outbox is full", || session.is_full()).await;
    let mut bytes = vec![0; total * 200_010];
    let read = tokio::io::AsyncReadExt::read_exact(&mut reader, &mut bytes);
    soon(read).await.unwrap();
    soon(writing).await.unwrap();
    until("all is written", || session.queued_bytes() == 0).await;
    assert!(!session.is_full());
}
