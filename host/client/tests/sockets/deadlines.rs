//! Servers that keep us waiting. Short times are for what never comes, long ones for what has to.

use std::time::Duration;

use tokio::sync::oneshot;
use wasket_client::{By, Deadlines, Event, Fault, SendError};
use wasket_ws::Opcode;

use crate::server::{Server, accept};

const SOON: Duration = Duration::from_millis(50);

/// What has to happen has happened by then.
const LONG: Duration = Duration::from_secs(30);

// hardening H24, parity W17
#[tokio::test]
async fn a_server_that_takes_nothing_is_given_up_though_it_speaks() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        // Says something again and again, and reads nothing.
        loop {
            peer.send(Opcode::Text, b"news").await;
            tokio::time::sleep(SOON / 5).await;
        }
    })
    .await;
    let deadlines = Deadlines {
        write: SOON,
        close: LONG,
        pong: LONG,
        ..Deadlines::default()
    };
    let connect = server.connect().deadlines(deadlines);
    let (sender, mut receiver) = connect.open().await.unwrap().split();
    let sending = tokio::spawn(async move { sender.binary(vec![0; 64 << 20]).await });
    let closed = loop {
        match receiver.next().await.unwrap() {
            Event::Close(closed) => break closed,
            event => assert!(matches!(event, Event::Message(_))),
        }
    };
    assert!(matches!(closed.fault, Some(Fault::WriteOverdue)));
    assert_eq!(
        (closed.code, closed.clean, closed.by),
        (1006, false, By::Network)
    );
    assert!(closed.to_string().contains("took nothing"), "{closed}");
    match sending.await.unwrap() {
        Err(SendError::Closed(closed)) => {
            assert!(matches!(closed.fault, Some(Fault::WriteOverdue)));
        }
        sent => panic!("{sent:?}"),
    }
}

// hardening H24
#[tokio::test]
async fn who_has_nothing_to_write_is_not_waited_for() {
    let (go_on, goes_on) = oneshot::channel::<()>();
    let mut goes_on = Some(goes_on);
    let server = Server::start(move |_, mut socket| {
        let goes_on = goes_on.take().unwrap();
        async move {
            let peer = accept(&mut socket).await;
            goes_on.await.unwrap();
            peer.echo().await;
        }
    })
    .await;
    let deadlines = Deadlines {
        write: SOON,
        ..Deadlines::default()
    };
    let connect = server.connect().deadlines(deadlines);
    let (sender, mut receiver) = connect.open().await.unwrap().split();
    // Small enough for the sockets' buffers: it is written, though nobody reads it for longer than a write may take.
    sender.text("one").await.unwrap();
    tokio::time::sleep(SOON * 4).await;
    sender.text("two").await.unwrap();
    go_on.send(()).unwrap();
    for _ in 0..2 {
        assert!(matches!(receiver.next().await, Some(Event::Message(_))));
    }
}
