//! Servers that keep us waiting. Short times are for what never comes, long ones for what has to.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use wasket_client::{By, Connect, Deadlines, Event, Fault, Limits, SendError};
use wasket_ws::Opcode;

use crate::closing::rest;
use crate::server::{Server, accept, until_end};

const SOON: Duration = Duration::from_millis(50);

/// What has to happen has happened by then.
const LONG: Duration = Duration::from_secs(30);

fn hurried(server: &Server, close: Duration) -> Connect {
    server.connect().deadlines(Deadlines {
        close,
        pong: close,
        ..Deadlines::default()
    })
}

// parity W17
#[tokio::test]
async fn a_server_that_does_not_close_is_left() {
    let server = Server::start(|_, mut socket| async move {
        let peer = accept(&mut socket).await;
        until_end(peer.socket).await;
    })
    .await;
    let connection = hurried(&server, SOON).open().await.unwrap();
    let closed = connection.sender().close(Some(1000), "").await.unwrap();
    assert_eq!(
        (closed.code, closed.clean, closed.by),
        (1006, false, By::Us)
    );
    assert!(matches!(closed.fault, Some(Fault::CloseOverdue)));
}

// parity W17
#[tokio::test]
async fn what_cannot_be_sent_does_not_hold_up_the_close() {
    let server = Server::start(|_, mut socket| async move {
        let _peer = accept(&mut socket).await;
        // Reads nothing more.
        std::future::pending::<()>().await;
    })
    .await;
    let (sender, _receiver) = hurried(&server, SOON).open().await.unwrap().split();
    let sending = tokio::spawn({
        let sender = sender.clone();
        async move { sender.binary(vec![0; 64 << 20]).await }
    });
    tokio::task::yield_now().await;
    let filling = tokio::time::timeout(SOON, sender.text("behind")).await;
    assert!(filling.is_err(), "the socket has room for so much");
    let closed = sender.close(Some(1000), "").await.unwrap();
    assert!(matches!(closed.fault, Some(Fault::CloseOverdue)));
    assert!(matches!(sending.await.unwrap(), Err(SendError::Closed(_))));
}

#[tokio::test]
async fn deadlines_may_be_as_long_as_a_time_can_be() {
    let server = Server::echo().await;
    let deadlines = Deadlines {
        dial: Duration::MAX,
        tls: Duration::MAX,
        handshake: Duration::MAX,
        write: Duration::MAX,
        close: Duration::MAX,
        pong: Duration::MAX,
    };
    let connect = server.connect().deadlines(deadlines);
    let connect = connect.ping_every(Some(Duration::MAX));
    let connection = connect.open().await.unwrap();
    let sender = connection.sender();
    sender.ping(b"?").await.unwrap();
    assert!(sender.close(Some(1000), "").await.unwrap().clean);
}

// hardening H24
#[tokio::test]
async fn who_sends_learns_of_the_end_however_slow_the_receiver_is() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        for _ in 0..100 {
            peer.send(Opcode::Binary, &[0; 1000]).await;
        }
        // Reads nothing.
        std::future::pending::<()>().await;
    })
    .await;
    let limits = Limits {
        received_bytes_max: 1,
        ..Limits::default()
    };
    let connect = hurried(&server, SOON).limits(limits);
    let (sender, receiver) = connect.open().await.unwrap().split();
    let sends: Vec<_> = (0..3)
        .map(|_| {
            let sender = sender.clone();
            tokio::spawn(async move { sender.binary(vec![0; 64 << 20]).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let closed = sender.close(Some(1000), "").await.unwrap();
    assert!(matches!(closed.fault, Some(Fault::CloseOverdue)));
    for send in sends {
        let sent = tokio::time::timeout(LONG, send).await;
        let sent = sent.expect("who sends was told").unwrap();
        assert!(matches!(sent, Err(SendError::Closed(_))));
    }
    // Nobody has taken anything, and it is all still there.
    drop(receiver);
}

// parity W16
#[tokio::test]
async fn a_message_that_does_not_end_holds_up_nobody_who_goes() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = Server::start(move |_, mut socket| {
        let tell = tell.clone();
        async move {
            until_end(accept(&mut socket).await.socket).await;
            tell.send(()).unwrap();
        }
    })
    .await;
    let connection = hurried(&server, SOON).open().await.unwrap();
    let (sender, receiver) = connection.split();
    let (_into, from) = tokio::io::duplex(100);
    let sending = tokio::time::timeout(SOON, sender.reader(from, None)).await;
    assert!(sending.is_err(), "the reader has no end");
    drop((sender, receiver));
    let gone = tokio::time::timeout(LONG, told.recv()).await;
    assert_eq!(gone.expect("the socket is closed"), Some(()));
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let server = Server::start(|_, mut socket| async move {
        let peer = accept(&mut socket).await;
        until_end(peer.socket).await;
    })
    .await;
    let connect = hurried(&server, SOON).ping_every(Some(SOON));
    let mut connection = connect.open().await.unwrap();
    let (_, closed) = rest(&mut connection).await;
    assert_eq!((closed.code, closed.by), (1006, By::Network));
    assert!(matches!(closed.fault, Some(Fault::Silent)));
}

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
async fn who_was_not_asked_yet_is_not_late_with_an_answer() {
    let server = Server::start(|_, mut socket| async move {
        let _peer = accept(&mut socket).await;
        // Reads nothing more: the ping waits here, behind the message.
        std::future::pending::<()>().await;
    })
    .await;
    let deadlines = Deadlines {
        write: SOON * 6,
        pong: SOON,
        ..Deadlines::default()
    };
    let connect = server.connect().deadlines(deadlines).ping_every(Some(SOON));
    let mut connection = connect.open().await.unwrap();
    let sender = connection.sender();
    let sending = tokio::spawn(async move { sender.binary(vec![0; 64 << 20]).await });
    let (_, closed) = rest(&mut connection).await;
    assert!(
        matches!(closed.fault, Some(Fault::WriteOverdue)),
        "{closed}"
    );
    assert!(matches!(sending.await.unwrap(), Err(SendError::Closed(_))));
}

// hardening H24
#[tokio::test]
async fn a_server_that_we_hold_up_may_hold_us_up() {
    const PIECES: usize = 256;
    const LATE: Duration = Duration::from_millis(500);
    let server = Server::echo().await;
    let limits = Limits {
        received_bytes_max: 1,
        ..Limits::default()
    };
    let deadlines = Deadlines {
        write: LATE,
        ..Deadlines::default()
    };
    let connect = server.connect().limits(limits).deadlines(deadlines);
    let (sender, mut receiver) = connect.open().await.unwrap().split();
    let sending = tokio::spawn(async move {
        for _ in 0..PIECES {
            sender.binary(vec![0; 256 << 10]).await.unwrap();
        }
        sender
    });
    // By then all buffers are full: the server writes to us, and does not read.
    tokio::time::sleep(LATE * 3 / 2).await;
    assert!(!sending.is_finished(), "the sockets have room for so much");
    let mut messages = 0;
    while messages < PIECES {
        match receiver.next().await {
            Some(Event::Message(_)) => messages += 1,
            other => panic!("{other:?} after {messages}"),
        }
    }
    sending.await.unwrap();
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

// hardening H24
#[tokio::test]
async fn who_does_not_listen_does_not_take_the_server_for_dead() {
    // As long as a pong may take once somebody listens; what is not heard before is no silence.
    const SILENCE: Duration = Duration::from_secs(1);
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        for _ in 0..3 {
            peer.send(Opcode::Binary, &[0; 10_000]).await;
        }
        peer.echo().await;
    })
    .await;
    let limits = Limits {
        received_bytes_max: 1,
        ..Limits::default()
    };
    let deadlines = Deadlines {
        pong: SILENCE,
        ..Deadlines::default()
    };
    let connect = server
        .connect()
        .limits(limits)
        .deadlines(deadlines)
        .ping_every(Some(SOON));
    let (sender, mut receiver) = connect.open().await.unwrap().split();
    tokio::time::sleep(SILENCE * 3 / 2).await;
    for _ in 0..3 {
        assert!(matches!(receiver.next().await, Some(Event::Message(_))));
    }
    sender.text("still there").await.unwrap();
    assert!(matches!(receiver.next().await, Some(Event::Message(_))));
}

// hardening H23 H24
#[cfg(target_os = "linux")]
#[tokio::test]
async fn waiting_for_a_server_that_broke_a_rule_takes_no_processor() {
    let (go_on, goes_on) = oneshot::channel::<()>();
    let mut goes_on = Some(goes_on);
    let server = Server::start(move |_, mut socket| {
        let goes_on = goes_on.take().unwrap();
        async move {
            let mut peer = accept(&mut socket).await;
            goes_on.await.unwrap();
            // The second one is masked, and our close frame finds no way out.
            peer.write(&[0x81, 0x01, b'a', 0x81, 0x80, 1, 2, 3, 4])
                .await;
            std::future::pending::<()>().await;
        }
    })
    .await;
    let connect = hurried(&server, Duration::from_secs(1));
    let (sender, mut receiver) = connect.open().await.unwrap().split();
    let sending = tokio::spawn(async move { sender.binary(vec![0; 64 << 20]).await });
    while tokio::time::timeout(SOON, receiver.next()).await.is_ok() {}
    go_on.send(()).unwrap();
    // What came before may still be answered; who asks for more has done so.
    assert!(matches!(receiver.next().await, Some(Event::Message(_))));
    let before = processor_time();
    let closed = match receiver.next().await {
        Some(Event::Close(closed)) => closed,
        other => panic!("{other:?}"),
    };
    // It would be half of the time that closing may take.
    assert!(processor_time() - before < Duration::from_millis(100));
    // That it took too long to close is not why it was closed.
    assert!(matches!(closed.fault, Some(Fault::Violation(_))));
    assert_eq!((closed.code, closed.by), (1002, By::Us));
    assert!(matches!(
        sending.await.unwrap(),
        Err(SendError::Closed(closed)) if closed.code == 1002
    ));
}

/// What this thread has taken, which is the only one of a test (proc_pid_schedstat(5)).
#[cfg(target_os = "linux")]
fn processor_time() -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = schedstat.split(' ').next().unwrap();
    Duration::from_nanos(nanoseconds.parse().unwrap())
}
