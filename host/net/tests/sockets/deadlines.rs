//! Every wait on a peer ends: pings, idle sessions, readers that stall.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use wasket_session::ws::Message;
use wasket_session::{Frame, Limits, Outcome, SlowReader};

use crate::support::{Running, closing, masked, soon, until};

const SOON: Duration = Duration::from_millis(150);

// parity S3, S4
#[tokio::test]
async fn a_silent_peer_is_pinged_and_given_up() {
    let server = Running::echo(Limits {
        ping_every: Some(SOON),
        pong_timeout: SOON,
        ..Limits::default()
    });
    let mut peer = server.open().await;
    let (first, payload) = peer.read().await.unwrap();
    assert_eq!(first, 0x89);
    peer.frame(0x8A, &payload).await;
    assert_eq!(peer.read().await.unwrap().0, 0x89);
    // This one is not answered: the connection ends without a close frame.
    assert!(peer.read().await.is_none());
    until("it is gone", || server.hub.count() == 0).await;
}

#[tokio::test]
async fn an_idle_session_is_closed_with_1000_whatever_pongs_come() {
    let server = Running::echo(Limits {
        ping_every: Some(SOON / 3),
        idle_timeout: Some(SOON * 3),
        ..Limits::default()
    });
    let mut peer = server.open().await;
    let (mut pings, mut frame) = (0, peer.read().await.unwrap());
    while frame.0 == 0x89 {
        pings += 1;
        peer.frame(0x8A, &frame.1).await;
        frame = peer.read().await.unwrap();
    }
    assert!(pings > 0);
    assert_eq!(frame, (0x88, closing(1000, "idle")));
}

#[tokio::test]
async fn a_session_ends_at_its_age() {
    let server = Running::echo(Limits {
        lifetime_max: Some(SOON),
        ..Limits::default()
    });
    let mut peer = server.open().await;
    let (first, payload) = peer.read().await.unwrap();
    assert_eq!((first, &payload[..2]), (0x88, &1001_u16.to_be_bytes()[..]));
}

/// 64 KiB frames until the outbox of the only session is full; how many were accepted.
fn fill(server: &Running) -> usize {
    let id = server.hub.ids(0, 1)[0];
    let session = server.hub.session(id).unwrap();
    let frame = Frame::new(&Message::Binary(vec![7; 64 << 10].into()));
    (0..10_000)
        .take_while(|_| session.push(frame.clone()) == Outcome::Accepted)
        .count()
}

async fn fill_until_stalled(server: &Running) -> usize {
    until("it has joined", || server.hub.count() == 1).await;
    let mut sent = 0;
    // The kernel's buffers take a while to fill.
    loop {
        let more = fill(server);
        sent += more;
        tokio::time::sleep(Duration::from_millis(20)).await;
        if more == 0 {
            return sent;
        }
    }
}

// hardening H11
#[tokio::test]
async fn a_stalled_reader_is_closed_after_its_time() {
    let server = Running::echo(Limits {
        outbox_bytes_max: 1 << 20,
        slow_reader_time: SOON,
        close_timeout: SOON,
        ..Limits::default()
    });
    let mut peer = server.open().await;
    let sent = fill_until_stalled(&server).await;
    assert!(sent >= 16);
    until("it is gone", || server.hub.count() == 0).await;
    // Whatever it reads now ends; nothing hangs.
    let mut rest = Vec::new();
    let _ = soon(peer.stream.read_to_end(&mut rest)).await;
}

#[tokio::test]
async fn a_write_without_progress_ends_the_connection() {
    let server = Running::echo(Limits {
        outbox_bytes_max: 1 << 20,
        write_timeout: SOON,
        ..Limits::default()
    });
    let _peer = server.open().await;
    fill_until_stalled(&server).await;
    until("it is gone", || server.hub.count() == 0).await;
}

// hardening H11; parity M2
#[tokio::test]
async fn a_broadcast_overflows_only_the_stalled() {
    for policy in [SlowReader::Close, SlowReader::Drop] {
        let server = Running::echo(Limits {
            outbox_bytes_max: 256 << 10,
            slow_reader: policy,
            close_timeout: SOON,
            ..Limits::default()
        });
        let _stalled = server.open().await;
        let mut reader = server.open().await;
        until("both are there", || server.hub.count() == 2).await;
        for n in 0..400_u32 {
            let payload = [&n.to_be_bytes()[..], &[0; 64 << 10]].concat();
            server
                .hub
                .broadcast(&Message::Binary(payload.as_slice().into()), None);
            // As fast as the reader reads.
            assert_eq!(reader.read().await, Some((0x82, payload)));
        }
        let left = if policy == SlowReader::Close { 1 } else { 2 };
        until("the policy was kept", || server.hub.count() == left).await;
    }
}

// hardening H24: backpressure reaches TCP, memory stays bounded, nothing is lost.
#[tokio::test]
async fn an_echo_to_a_peer_that_reads_late_loses_nothing() {
    let server = Running::echo(Limits {
        outbox_bytes_max: 256 << 10,
        ..Limits::default()
    });
    let peer = server.open().await;
    let (mut reader, mut writer) = peer.stream.into_split();
    let message = masked(0x82, &[5; 10_000]);
    let total = 2_000;
    let writing = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        for _ in 0..total {
            writer.write_all(&message).await.unwrap();
        }
        writer
    });
    let id = {
        until("it has joined", || server.hub.count() == 1).await;
        server.hub.ids(0, 1)[0]
    };
    let session = server.hub.session(id).unwrap();
    until("the outbox is full", || session.is_full()).await;
    assert!(
        session.queued_bytes() <= (256 << 10) + (64 << 10),
        "{}",
        session.queued_bytes()
    );
    let mut bytes = vec![0; total * 10_004];
    soon(reader.read_exact(&mut bytes)).await.unwrap();
    assert!(
        bytes
            .chunks(10_004)
            .all(|frame| frame[..4] == [0x82, 126, 0x27, 0x10])
    );
    writing.await.unwrap();
    until("all is written", || session.queued_bytes() == 0).await;
}
