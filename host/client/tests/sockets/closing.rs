//! How connections end.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc;
use wasket_client::{By, Closed, Connection, Event, Fault, Message, PingError, SendError};
use wasket_ws::{CloseCode, CloseFrame, Opcode};

use crate::server::{Server, accept, code, until_end};

/// Everything up to the end.
pub(crate) async fn rest(connection: &mut Connection) -> (Vec<Message>, Closed) {
    let mut messages = Vec::new();
    loop {
        match connection.next().await.unwrap() {
            Event::Message(message) => messages.push(message),
            Event::Close(closed) => {
                assert!(connection.next().await.is_none());
                return (messages, closed);
            }
            _ => {}
        }
    }
}

/// A server that tells what close frame it was sent.
async fn listening() -> (Server, mpsc::UnboundedReceiver<Option<(u16, String)>>) {
    let (tell, told) = mpsc::unbounded_channel();
    let server = Server::start(move |_, mut socket| {
        let tell = tell.clone();
        async move {
            let mut peer = accept(&mut socket).await;
            while let Some(event) = peer.next().await {
                if let wasket_ws::Event::Close(frame) = event {
                    peer.close(&CloseFrame::default()).await;
                    let said = frame
                        .code
                        .map(|code| (code.get(), frame.reason.to_string()));
                    tell.send(said).unwrap();
                    return;
                }
            }
            tell.send(Some((0, "no close frame".to_owned()))).unwrap();
        }
    })
    .await;
    (server, told)
}

// parity W15
#[tokio::test]
async fn we_close_with_nothing_a_code_or_a_reason() {
    let (server, mut told) = listening().await;
    for (code, reason) in [
        (None, ""),
        (Some(1000), ""),
        (Some(4999), "\u{fc}ber"),
        (Some(1010), "x"),
    ] {
        let connection = server.connect().open().await.unwrap();
        let closed = connection.sender().close(code, reason).await.unwrap();
        assert_eq!(
            told.recv().await.unwrap(),
            code.map(|code| (code, reason.to_owned()))
        );
        assert!(closed.clean && closed.fault.is_none());
        assert_eq!((closed.code, closed.by), (code.unwrap_or(1005), By::Us));
        assert_eq!(closed.reason, reason);
    }
    let connection = server.connect().open().await.unwrap();
    for code in [0, 999, 1004, 1005, 1006, 1011, 1015, 2999, 5000] {
        assert!(
            connection.sender().close(Some(code), "").await.is_err(),
            "{code}"
        );
    }
    assert!(connection.sender().close(None, "why").await.is_err());
    assert!(told.try_recv().is_err(), "nothing was sent");
}

// parity W16
#[tokio::test]
async fn dropping_everything_closes_with_1001() {
    let (server, mut told) = listening().await;
    let going_away = Some(Some((1001, String::new())));
    let connection = server.connect().open().await.unwrap();
    drop(connection);
    assert_eq!(told.recv().await, going_away);

    let (sender, receiver) = server.connect().open().await.unwrap().split();
    drop(receiver);
    sender.text("still there").await.unwrap();
    let another = sender.clone();
    drop(sender);
    another.text("still there").await.unwrap();
    assert!(told.try_recv().is_err());
    drop(another);
    assert_eq!(told.recv().await, going_away);
}

// parity W16
#[tokio::test]
async fn a_receiver_alone_keeps_the_connection() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        // Gone is who could have sent the answer.
        peer.ping(b"?").await;
        assert!(matches!(peer.next().await, Some(wasket_ws::Event::Pong(_))));
        peer.send(Opcode::Text, b"news").await;
        peer.close(&code(4000)).await;
        until_end(peer.socket).await;
    })
    .await;
    let (sender, mut receiver) = server.connect().open().await.unwrap().split();
    drop(sender);
    assert!(matches!(receiver.next().await, Some(Event::Message(_))));
    match receiver.next().await {
        Some(Event::Close(closed)) => {
            assert_eq!(
                (closed.code, closed.clean, closed.by),
                (4000, true, By::Peer)
            );
        }
        other => panic!("{other:?}"),
    }
}

// hardening H24
#[tokio::test]
async fn a_receiver_that_goes_while_events_wait_stops_nothing() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        for _ in 0..1000 {
            peer.send(Opcode::Binary, &[0; 1000]).await;
        }
        peer.echo().await;
    })
    .await;
    let limits = wasket_client::Limits {
        received_bytes_max: 1,
        ..wasket_client::Limits::default()
    };
    let connection = server.connect().limits(limits).open().await.unwrap();
    let (sender, mut receiver) = connection.split();
    assert!(receiver.next().await.is_some());
    drop(receiver);
    // The pong comes behind everything that nobody took.
    sender.ping(b"?").await.unwrap();
}

#[tokio::test]
async fn a_server_may_close_with_anything_it_may_send() {
    for (frame, said) in [
        (CloseFrame::default(), 1005),
        (code(1000), 1000),
        (
            CloseFrame::new(CloseCode::INTERNAL_ERROR, "oops").unwrap(),
            1011,
        ),
    ] {
        let reason = frame.reason.to_string();
        let server = Server::start(move |_, mut socket| {
            let frame = frame.clone();
            async move {
                let mut peer = accept(&mut socket).await;
                peer.send(Opcode::Text, b"last").await;
                peer.close(&frame).await;
                assert_eq!(peer.next().await, Some(wasket_ws::Event::Close(frame)));
            }
        })
        .await;
        let mut connection = server.connect().open().await.unwrap();
        let (messages, closed) = rest(&mut connection).await;
        assert_eq!(messages, [Message::Text("last".to_owned())]);
        assert_eq!(
            (closed.code, closed.clean, closed.by),
            (said, true, By::Peer)
        );
        assert_eq!(closed.reason, reason);
        let sender = connection.sender();
        assert!(matches!(
            sender.text("late").await,
            Err(SendError::Closed(_))
        ));
        assert_eq!(sender.ping(b"").await, Err(PingError::Closed));
        // Whoever closes again gets the same end.
        assert_eq!(sender.close(Some(1000), "").await.unwrap().code, said);
    }
}

#[tokio::test]
async fn what_a_server_said_before_it_went_is_heard_by_who_still_writes() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        // The beginning of a message that is too large.
        peer.read_some().await;
        peer.close(&CloseFrame::truncated(CloseCode::TOO_BIG, "too big"))
            .await;
    })
    .await;
    for _ in 0..20 {
        let connection = server.connect().open().await.unwrap();
        let (sender, _receiver) = connection.split();
        match sender.binary(vec![0; 16 << 20]).await {
            Err(SendError::Closed(closed)) => {
                assert_eq!((closed.code, closed.by), (1009, By::Peer), "{closed:?}");
                assert_eq!(closed.reason, "too big");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_end_without_a_close_frame_is_1006() {
    let server = Server::start(|_, mut socket| async move {
        accept(&mut socket).await.send(Opcode::Text, b"last").await;
    })
    .await;
    let mut connection = server.connect().open().await.unwrap();
    let (messages, closed) = rest(&mut connection).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (closed.code, closed.clean, closed.by),
        (1006, false, By::Network)
    );
    assert!(
        matches!(closed.fault, Some(Fault::Gone | Fault::Socket(_))),
        "{closed:?}"
    );
    assert!(
        closed.to_string().starts_with("closed with 1006"),
        "{closed}"
    );
}

// hardening H21
#[tokio::test]
async fn nothing_queued_before_the_close_is_lost() {
    close_races_send(100).await;
}

// hardening H21
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: 3 s"]
async fn nothing_queued_before_the_close_is_lost_a_thousand_times() {
    close_races_send(1000).await;
}

async fn close_races_send(rounds: usize) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = Server::start(move |_, mut socket| {
        let tell = tell.clone();
        async move {
            let mut peer = accept(&mut socket).await;
            let mut messages = 0;
            while let Some(event) = peer.next().await {
                match event {
                    wasket_ws::Event::Message(_) => messages += 1,
                    wasket_ws::Event::Close(_) => {
                        peer.close(&CloseFrame::default()).await;
                        break;
                    }
                    _ => {}
                }
            }
            tell.send(messages).unwrap();
        }
    })
    .await;
    for round in 0..rounds {
        let (sender, _receiver) = server.connect().open().await.unwrap().split();
        let sends: Vec<_> = (0..round % 20)
            .map(|n| {
                let sender = sender.clone();
                tokio::spawn(async move { sender.text("x".repeat(n * 1000)).await })
            })
            .collect();
        for _ in 0..round % 3 {
            tokio::task::yield_now().await;
        }
        let closed = sender.close(Some(1000), "").await.unwrap();
        assert!(closed.clean, "{closed:?}");
        let mut sent = 0;
        for send in sends {
            sent += usize::from(send.await.unwrap().is_ok());
        }
        assert_eq!(told.recv().await, Some(sent), "round {round}");
    }
}

// parity W15
#[tokio::test]
async fn a_slow_receiver_gets_all_that_came_before_the_servers_close_frame() {
    const MESSAGES: usize = 64;
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        assert!(matches!(
            peer.next().await,
            Some(wasket_ws::Event::Close(_))
        ));
        for _ in 0..MESSAGES {
            peer.send(Opcode::Binary, &[0; 64 << 10]).await;
        }
        peer.close(&CloseFrame::default()).await;
        until_end(peer.socket).await;
    })
    .await;
    let (sender, mut receiver) = server.connect().open().await.unwrap().split();
    let closing = tokio::spawn(async move { sender.close(Some(1000), "").await });
    let mut messages = 0;
    let closed = loop {
        match receiver.next().await.unwrap() {
            Event::Message(_) => messages += 1,
            Event::Close(closed) => break closed,
            _ => {}
        }
        // Others go on meanwhile: the reading is faster than this.
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    assert_eq!(messages, MESSAGES);
    assert!(closed.clean && closed.fault.is_none(), "{closed:?}");
    assert!(closing.await.unwrap().unwrap().clean);
}

// parity W14, W15
#[tokio::test]
async fn a_wish_to_close_keeps_its_code_when_a_reader_fails() {
    let (server, mut told) = listening().await;
    let (sender, _receiver) = server.connect().open().await.unwrap().split();
    let (mut source, reader) = tokio::io::duplex(1 << 20);
    let (fail, failing) = tokio::sync::oneshot::channel::<()>();
    let reader = Failing { reader, failing };
    let sending = {
        let sender = sender.clone();
        tokio::spawn(async move { sender.reader(reader, None).await })
    };
    tokio::io::AsyncWriteExt::write_all(&mut source, &[7; 256 << 10])
        .await
        .unwrap();
    // A pong comes back when the wire is free: the message is begun then, and has no end.
    sender.ping(b"?").await.unwrap();
    let closing = sender.close(Some(4005), "enough");
    let (closed, ()) = tokio::join!(biased; closing, async { drop(fail) });
    let closed = closed.unwrap();
    assert_eq!(
        told.recv().await.unwrap(),
        Some((4005, "enough".to_owned()))
    );
    assert!(closed.clean && closed.fault.is_none(), "{closed:?}");
    assert!(matches!(sending.await.unwrap(), Err(SendError::Source(_))));
}

/// A reader that fails once it is told to.
struct Failing {
    reader: tokio::io::DuplexStream,
    failing: tokio::sync::oneshot::Receiver<()>,
}

impl tokio::io::AsyncRead for Failing {
    fn poll_read(
        self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.failing).poll(ctx) {
            Poll::Ready(_) => Poll::Ready(Err(io::Error::other("told to"))),
            Poll::Pending => Pin::new(&mut this.reader).poll_read(ctx, buf),
        }
    }
}
