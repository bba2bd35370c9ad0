//! Pings and pongs.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::sync::oneshot;
use wasket_client::{Deadlines, Event, PingError};
use wasket_ws::Opcode;

use crate::sending::frame;
use crate::server::{Server, accept, until_end};

// parity W7
#[tokio::test]
async fn a_ping_waits_for_its_own_pong() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        peer.send(Opcode::Pong, b"nobody asked").await;
        // The protocol answers pings by itself.
        while peer.next().await.is_some() {}
    })
    .await;
    let connection = server.connect().open().await.unwrap();
    let sender = connection.sender();
    let (a, b, c) = tokio::join!(sender.ping(b"a"), sender.ping(b""), sender.ping(&[7; 125]));
    // Of pings that came together each is answered, or the newest for all.
    assert!(a.is_ok() && b.is_ok() && c.is_ok(), "{a:?} {b:?} {c:?}");
    assert_eq!(
        sender.ping(&[0; 126]).await,
        Err(PingError::TooLong { bytes: 126 })
    );
}

// parity W7
#[tokio::test]
async fn a_ping_that_nobody_answers_times_out_and_stops_nothing() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        // A pong with other bytes is no answer.
        peer.send(Opcode::Pong, b"y").await;
        std::future::pending::<()>().await;
    })
    .await;
    let within = Duration::from_millis(50);
    let deadlines = Deadlines {
        pong: within,
        ..Deadlines::default()
    };
    let connect = server.connect().deadlines(deadlines);
    let (sender, _receiver) = connect.open().await.unwrap().split();
    let (pinged, sent) = tokio::join!(sender.ping(b"x"), sender.text("meanwhile"));
    assert_eq!(pinged, Err(PingError::TimedOut(within)));
    sent.unwrap();
}

// parity W7
#[tokio::test]
async fn so_many_pings_may_wait() {
    let server = Server::start(|_, mut socket| async move {
        let _peer = accept(&mut socket).await;
        std::future::pending::<()>().await;
    })
    .await;
    let (sender, _receiver) = server.connect().open().await.unwrap().split();
    let waiting: Vec<_> = (0..16_u8)
        .map(|n| {
            let sender = sender.clone();
            tokio::spawn(async move { sender.ping(&[n]).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(sender.ping(b"one more").await, Err(PingError::TooMany));
    // Who does not wait any more makes room.
    waiting[0].abort();
    while !waiting[0].is_finished() {
        tokio::task::yield_now().await;
    }
    let pinging = tokio::time::timeout(Duration::from_millis(50), sender.ping(b"instead")).await;
    assert!(pinging.is_err(), "{pinging:?}");
}

// parity W7
#[tokio::test]
#[ignore = "slow: 4 s"]
async fn a_server_that_reads_slowly_is_not_silent() {
    const SILENCE: Duration = Duration::from_secs(1);
    const BYTES: usize = 48 << 20;
    let server = Server::start(|_, mut socket| async move {
        let peer = accept(&mut socket).await;
        let mut buffer = vec![0; 128 << 10];
        // Says nothing for far longer than its silence may last, and takes something again and again.
        for _ in 0..BYTES / buffer.len() {
            peer.socket.read_exact(&mut buffer).await.unwrap();
            tokio::time::sleep(SILENCE / 100).await;
        }
        until_end(peer.socket).await;
    })
    .await;
    let deadlines = Deadlines {
        pong: SILENCE,
        write: SILENCE,
        ..Deadlines::default()
    };
    let connect = server.connect().deadlines(deadlines);
    let connect = connect.ping_every(Some(SILENCE));
    let (sender, _receiver) = connect.open().await.unwrap().split();
    sender.binary(vec![0; BYTES]).await.unwrap();
}

// parity W4
#[tokio::test]
async fn pings_and_pongs_are_events_for_who_asks() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        peer.ping(b"from the server").await;
        peer.send(Opcode::Text, b"message").await;
        while peer.next().await.is_some() {}
    })
    .await;
    for shows in [false, true] {
        let connect = match shows {
            true => server.connect().show_pings(),
            false => server.connect(),
        };
        let mut connection = connect.open().await.unwrap();
        if shows {
            match connection.next().await {
                Some(Event::Ping(payload)) => assert_eq!(&payload[..], b"from the server"),
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(connection.next().await, Some(Event::Message(_))));
        connection.sender().ping(b"ours").await.unwrap();
        if shows {
            match connection.next().await {
                Some(Event::Pong(payload)) => assert_eq!(&payload[..], b"ours"),
                other => panic!("{other:?}"),
            }
        }
    }
}

// hardening H13
#[tokio::test]
async fn a_flood_of_pings_queues_no_pongs() {
    const PINGS: usize = 200_000;
    let (tell, told) = oneshot::channel();
    let mut tell = Some(tell);
    let server = Server::start(move |_, mut socket| {
        let tell = tell.take().unwrap();
        async move {
            let mut peer = accept(&mut socket).await;
            let flood = [&[0x89, 0x7D][..], &[1; 125]].concat().repeat(1000);
            for _ in 0..PINGS / 1000 {
                // Nothing of the pongs is read until all pings are written.
                peer.write(&flood).await;
            }
            peer.ping(b"!").await;
            let mut pongs = 0;
            loop {
                let (first, _, len) = frame(peer.socket).await.unwrap();
                assert_eq!(first, 0x8A);
                match len {
                    1 => break,
                    _ => pongs += 1,
                }
            }
            tell.send(pongs).unwrap();
        }
    })
    .await;
    let (_sender, mut receiver) = server.connect().open().await.unwrap().split();
    let taking = async { while receiver.next().await.is_some() {} };
    let pongs = tokio::select! {
        pongs = told => pongs.unwrap(),
        () = taking => panic!("the connection is over"),
    };
    // Of those that one read brought only the last few are answered (RFC 6455 section 5.5.3).
    assert!((1..=PINGS / 4).contains(&pongs), "{pongs}");
}
