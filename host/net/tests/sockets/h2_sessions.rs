//! Sessions that are streams of HTTP/2: what goes over them, and every way they end.

use std::time::Duration;

use h2::Reason;
use h2::client::Builder;
use wasket_session::ws::Message;
use wasket_session::{Frame, Limits, Outcome};

use crate::gated::Host;
use crate::h2_client::{End, H2, Session};
use crate::support::{Running, closing, masked, until};

// hardening H21
#[tokio::test]
async fn frames_may_be_spread_over_any_parts() {
    let server = Running::echo(Limits::default());
    let mut client = H2::connect(server.address).await;
    let mut session = client.open("/echo").await;
    let frames = [masked(0x01, b"hel"), masked(0x80, b"lo")].concat();
    for split in 0..=frames.len() {
        let (first, second) = frames.split_at(split);
        for part in [first, second].into_iter().filter(|part| !part.is_empty()) {
            session.send(part);
            tokio::task::yield_now().await;
        }
        assert_eq!(session.read().await, Ok((0x81, b"hello".to_vec())));
    }
    for byte in masked(0x82, &[7; 300]) {
        session.send(&[byte]);
    }
    assert_eq!(session.read().await, Ok((0x82, vec![7; 300])));
}

#[tokio::test]
async fn messages_longer_than_any_window_pass_both_ways() {
    let server = Running::echo(Limits::default());
    // One session is read after the other: the second one's echo is not to take all of the connection's window.
    let mut builder = Builder::new();
    builder.initial_connection_window_size(1 << 20);
    let mut client = H2::with(server.address, &builder).await;
    let mut sessions = [client.open("/echo").await, client.open("/echo").await];
    let message: Vec<u8> = (0..=255).cycle().take(500_000).collect();
    for session in &mut sessions {
        session.frame(0x82, &message);
    }
    for session in &mut sessions {
        assert_eq!(session.read().await, Ok((0x82, message.clone())));
        session.frame(0x88, &closing(1000, ""));
        assert_eq!(session.read_close().await, 1000);
    }
}

async fn opened() -> (Host, H2, Session) {
    let host = Host::new(Limits::default(), false);
    let mut client = H2::connect(host.server.address).await;
    let session = client.open("/echo").await;
    host.logged("open").await;
    (host, client, session)
}

// hardening H25, parity B1
#[tokio::test]
async fn every_end_of_a_stream_is_an_end_of_its_session() {
    // The closing handshake; then both sides end.
    let (host, mut client, mut session) = opened().await;
    session.frame(0x88, &closing(3001, "bye"));
    assert_eq!(session.read_close().await, 3001);
    session.end();
    host.logged("close 3001 clean=true by=Peer").await;
    // A second one on the same connection ends by itself, without a closing handshake.
    let mut second = client.open("/echo").await;
    host.logged("open").await;
    second.frame(0x81, b"said before");
    second.end();
    assert!(second.read().await.is_err());
    host.logged("close 1006 clean=false by=Peer").await;
    let log = host.log();
    let [.., said, error, _] = &log[..] else {
        panic!("{log:?}");
    };
    assert_eq!(said, "said before");
    assert!(error.starts_with("error Connection"), "{log:?}");
    // Each reset is an end.
    for reason in [Reason::CANCEL, Reason::NO_ERROR, Reason::INTERNAL_ERROR] {
        let mut next = client.open("/echo").await;
        host.logged("open").await;
        next.frame(0x81, b"said before");
        host.logged("said before").await;
        next.send.send_reset(reason);
        host.logged("close 1006 clean=false by=Peer").await;
    }
    // The connection is still there for others, and ends what is on it when it goes.
    let last = client.open("/echo").await;
    host.logged("open").await;
    client.driver.abort();
    host.logged("close 1006 clean=false by=Peer").await;
    drop(last);
    until("all have left", || host.server.hub.count() == 0).await;
    assert_eq!(host.server.stop().await, 0);
}

// parity S8
#[tokio::test]
async fn a_stop_closes_sessions_and_then_their_connection() {
    let (host, client, mut session) = opened().await;
    host.server.begin_stop();
    assert_eq!(session.read().await.unwrap().0, 0x88);
    session.frame(0x88, &closing(1001, ""));
    assert_eq!(session.read().await, Err(End::Said));
    session.end();
    host.logged("close 1001 clean=true by=Host").await;
    // Told by GOAWAY, which is no error to its client.
    crate::support::soon(client.driver).await.unwrap().unwrap();
    assert_eq!(host.server.stop().await, 0);
}

// hardening H16 H18
#[tokio::test]
async fn a_peer_that_breaks_the_protocol_ends_its_own_session() {
    let server = Running::echo(Limits::default());
    let mut client = H2::connect(server.address).await;
    let mut beside = client.open("/echo").await;
    for (bytes, code) in [(&b"\x81\x01x"[..], 1002), (b"\x83\x80\0\0\0\0", 1002)] {
        let mut session = client.open("/echo").await;
        session.send(bytes);
        assert_eq!(session.read_close().await, code);
        // It never ends its side: its stream is reset, a moment later.
    }
    beside.echo("still here").await;
}

// hardening H11
#[tokio::test]
async fn a_reader_that_gives_no_window_holds_up_itself() {
    let limits = Limits {
        outbox_bytes_max: 1 << 20,
        write_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = Running::echo(limits);
    let mut builder = Builder::new();
    builder.initial_connection_window_size(10 << 20);
    let mut client = H2::with(server.address, &builder).await;
    let mut lively = client.open("/echo").await;
    let stalled = client.open("/echo").await;
    until("both are there", || server.hub.count() == 2).await;
    let stall = server.hub.session(server.hub.ids(0, 2)[1]).unwrap();
    let message = Frame::new(&Message::Binary(vec![7; 64 << 10].into()));
    // Nobody reads it: what the window does not let pass stays in the session's own queue, and is counted.
    until("its queue is full", || {
        stall.push(message.clone()) != Outcome::Accepted
    })
    .await;
    lively.echo("beside it").await;
    until("it was given up", || server.hub.count() == 1).await;
    lively.echo("behind it").await;
    drop(stalled);
}

// hardening H24: 3.2 of what h2 counts for all streams of a connection.
#[tokio::test]
async fn guests_that_are_busy_hold_up_their_own_sessions_only() {
    let host = Host::new(Limits::default(), false);
    let mut client = H2::connect(host.server.address).await;
    let mut busy = Vec::new();
    for _ in 0..20 {
        let mut session = client.open("/echo").await;
        session.frame(0x81, b"wait");
        host.logged("wait").await;
        busy.push(session);
    }
    let mut lively = client.open("/echo").await;
    host.logged("open").await;
    // Their windows are full of messages of 7 bytes, each in a part of its own.
    let message = masked(0x82, b"1234567");
    let count = 65_000 / message.len();
    for number in 0..count {
        busy.iter_mut().for_each(|session| session.send(&message));
        if number % 50 == 0 {
            lively.frame(0x81, format!("lively {number}").as_bytes());
            host.logged(&format!("lively {number}")).await;
        }
    }
    // And there is no end in sight, for any of them.
    assert!(!client.driver.is_finished());
    let before = host.lines();
    for _ in 0..20 {
        host.go_on();
    }
    until("all was heard", || host.lines() >= before + 20 * count).await;
    for mut session in busy {
        session.frame(0x88, &closing(1000, ""));
        assert_eq!(session.read_close().await, 1000);
    }
}
