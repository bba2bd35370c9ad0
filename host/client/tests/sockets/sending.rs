//! Messages, files and readers on their way out.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::sync::mpsc;
use wasket_client::{By, Event, Fault, Limits, Message, SendError};

use crate::closing::rest;
use crate::server::{Request, Server, accept, until_end};

/// A frame as it came: the first byte, the key, how long it was.
pub(crate) type Frame = (u8, [u8; 4], usize);

/// A server that tells of every frame, and answers none.
async fn counting() -> (Server, mpsc::UnboundedReceiver<Frame>) {
    let (tell, told) = mpsc::unbounded_channel();
    let server = Server::start(move |_, mut socket| {
        let tell = tell.clone();
        async move {
            let request = Request::read(&mut socket).await;
            socket
                .write_all(request.accepted("").as_bytes())
                .await
                .unwrap();
            while let Ok(frame) = frame(&mut socket).await {
                tell.send(frame).unwrap();
            }
        }
    })
    .await;
    (server, told)
}

pub(crate) async fn frame(socket: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
    let first = socket.read_u8().await?;
    let len = match socket.read_u8().await? & 0x7F {
        126 => socket.read_u16().await?.into(),
        127 => socket.read_u64().await?,
        len => len.into(),
    };
    let mut key = [0; 4];
    socket.read_exact(&mut key).await?;
    let len = usize::try_from(len).unwrap();
    let mut payload = vec![0; len];
    socket.read_exact(&mut payload).await?;
    Ok((first, key, len))
}

async fn frames(told: &mut mpsc::UnboundedReceiver<Frame>, count: usize) -> Vec<(u8, usize)> {
    let mut frames = Vec::new();
    for _ in 0..count {
        let (first, _, len) = told.recv().await.unwrap();
        frames.push((first, len));
    }
    frames
}

// parity W14
#[tokio::test]
async fn messages_of_every_size_come_back() {
    let server = Server::echo().await;
    let mut connection = server.connect().open().await.unwrap();
    let sender = connection.sender();
    for len in [0, 1, 125, 126, 65_535, 65_536, 65_537, 200_000, 3 << 20] {
        let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
        sender.binary(bytes.clone()).await.unwrap();
        match connection.next().await {
            Some(Event::Message(Message::Binary(back))) => assert!(back == bytes, "{len}"),
            other => panic!("{len}: {other:?}"),
        }
        let text = "\u{e4}".repeat(len / 2);
        sender.text(text.as_str()).await.unwrap();
        match connection.next().await {
            Some(Event::Message(Message::Text(back))) => assert!(back == text, "{len}"),
            other => panic!("{len}: {other:?}"),
        }
    }
}

// parity W14
#[tokio::test]
async fn long_messages_go_in_frames_within_the_limit() {
    let (server, mut told) = counting().await;
    let limits = Limits {
        frame_bytes_max: 100_000,
        ..Limits::default()
    };
    let (sender, _receiver) = server
        .connect()
        .limits(limits)
        .open()
        .await
        .unwrap()
        .split();
    sender.binary(vec![0; 250_000]).await.unwrap();
    sender.text("x".repeat(100_000)).await.unwrap();
    let expected = [
        (0x02, 100_000),
        (0x00, 100_000),
        (0x80, 50_000),
        (0x81, 100_000),
    ];
    assert_eq!(frames(&mut told, 4).await, expected);
}

// parity W14
#[tokio::test]
async fn files_and_readers_go_in_fragments() {
    const FULL: usize = 64 << 10;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![7; FULL * 2 + 5]).unwrap();
    let (server, mut told) = counting().await;
    let (sender, _receiver) = server.connect().open().await.unwrap().split();

    sender.file(file.path()).await.unwrap();
    let expected = [(0x02, FULL), (0x00, FULL), (0x80, 5)];
    assert_eq!(frames(&mut told, 3).await, expected);

    for (bytes, len, expected) in [
        (0, None, vec![(0x82, 0)]),
        (0, Some(0), vec![(0x82, 0)]),
        (5, Some(5), vec![(0x82, 5)]),
        // What follows the length stays unread.
        (9, Some(5), vec![(0x82, 5)]),
        (FULL, Some(FULL as u64), vec![(0x82, FULL)]),
        // Of an unknown length nobody sees the end in time.
        (FULL, None, vec![(0x02, FULL), (0x80, 0)]),
    ] {
        let source = io::Cursor::new(vec![1; bytes]);
        sender.reader(source, len).await.unwrap();
        assert_eq!(
            frames(&mut told, expected.len()).await,
            expected,
            "{bytes} {len:?}"
        );
    }
}

#[tokio::test]
async fn what_a_slow_reader_has_goes_out_at_once() {
    let (server, mut told) = counting().await;
    let (sender, _receiver) = server.connect().open().await.unwrap().split();
    let (mut into, from) = tokio::io::duplex(100);
    let sending = tokio::spawn(async move { sender.reader(from, None).await });
    for first in [0x02, 0x00, 0x00] {
        into.write_all(b"abc").await.unwrap();
        assert_eq!(frames(&mut told, 1).await, [(first, 3)]);
    }
    drop(into);
    assert_eq!(frames(&mut told, 1).await, [(0x80, 0)]);
    sending.await.unwrap().unwrap();
}

// parity W7 W14
#[tokio::test]
async fn control_frames_go_between_fragments_and_messages_wait() {
    let server = Server::echo().await;
    let mut connection = server.connect().open().await.unwrap();
    let sender = connection.sender();
    let (mut into, from) = tokio::io::duplex(100);
    let first = tokio::spawn({
        let sender = sender.clone();
        async move { sender.reader(from, Some(6)).await }
    });
    into.write_all(b"abc").await.unwrap();
    // The pong shows that the message under way has stopped nothing.
    sender.ping(b"between").await.unwrap();
    let second = tokio::spawn({
        let sender = sender.clone();
        async move { sender.text("second").await }
    });
    sender.ping(b"again").await.unwrap();
    assert!(!second.is_finished());
    into.write_all(b"def").await.unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    for expected in [&b"abcdef"[..], b"second"] {
        match connection.next().await {
            Some(Event::Message(message)) => assert_eq!(message.as_bytes(), expected),
            other => panic!("{other:?}"),
        }
    }
}

/// Gives so many bytes, then fails.
struct Failing(usize);

impl AsyncRead for Failing {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0 == 0 {
            return Poll::Ready(Err(io::Error::other("unplugged")));
        }
        let now = self.0.min(buf.remaining());
        buf.put_slice(&vec![0; now]);
        self.0 -= now;
        Poll::Ready(Ok(()))
    }
}

// parity W14
#[tokio::test]
async fn a_source_that_fails_before_anything_went_out_harms_nobody() {
    let server = Server::echo().await;
    let mut connection = server.connect().open().await.unwrap();
    let sender = connection.sender();
    let short = io::Cursor::new(b"abc");
    for failed in [
        sender.reader(Failing(100), None).await,
        sender.reader(short, Some(4)).await,
        sender.file("/there/is/no/such/file").await,
    ] {
        assert!(matches!(failed, Err(SendError::Source(_))), "{failed:?}");
    }
    sender.text("on").await.unwrap();
    assert!(matches!(connection.next().await, Some(Event::Message(_))));
}

// parity W14
#[tokio::test]
async fn a_message_that_stays_half_ends_the_connection() {
    let server = Server::echo().await;
    let mut connection = server.connect().open().await.unwrap();
    let sender = connection.sender();
    let failed = sender.reader(Failing(100_000), None).await;
    assert!(matches!(failed, Err(SendError::Source(error)) if error.to_string() == "unplugged"));
    let (messages, closed) = rest(&mut connection).await;
    assert!(messages.is_empty());
    assert_eq!((closed.code, closed.by), (1001, By::Us));
    assert!(matches!(closed.fault, Some(Fault::Source)));
}

// hardening H19
#[tokio::test]
async fn every_frame_has_a_key_of_its_own() {
    let (server, mut told) = counting().await;
    let (sender, _receiver) = server.connect().open().await.unwrap().split();
    let mut keys = std::collections::HashSet::new();
    for _ in 0..100 {
        sender.text("same").await.unwrap();
        sender.reader(&b"same"[..], None).await.unwrap();
        let _ = tokio::time::timeout(Duration::ZERO, sender.ping(b"same")).await;
    }
    drop((sender, _receiver));
    let mut count = 0;
    while let Some((_, key, _)) = told.recv().await {
        keys.insert(key);
        count += 1;
        if count == 200 {
            break;
        }
    }
    // By chance two are the same once in 200,000 runs.
    assert!(keys.len() >= 199, "{}", keys.len());
}

// hardening H22
#[tokio::test]
async fn a_send_that_is_given_up_sends_all_or_nothing() {
    let server = Server::echo().await;
    let limits = Limits {
        queued_messages_max: 1,
        ..Limits::default()
    };
    let (sender, mut receiver) = server
        .connect()
        .limits(limits)
        .open()
        .await
        .unwrap()
        .split();
    let taken = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Some(Event::Message(Message::Text(text))) = receiver.next().await {
            assert!(text.bytes().all(|b| b == text.as_bytes()[0]));
            taken.push(text.len());
        }
        taken
    });
    let mut sent = Vec::new();
    for n in 1..200_usize {
        let mut send = std::pin::pin!(sender.text("x".repeat(n * 500)));
        for _ in 0..n % 5 {
            tokio::select! {
                biased;
                result = &mut send => { result.unwrap(); sent.push(n * 500); break; }
                () = tokio::task::yield_now() => {}
            }
        }
    }
    sender.close(Some(1000), "").await.unwrap();
    let taken = taken.await.unwrap();
    assert!(taken.is_sorted());
    for len in sent {
        assert!(
            taken.binary_search(&len).is_ok(),
            "{len} was sent and did not come"
        );
    }
}

// hardening H24
#[tokio::test]
async fn a_server_that_does_not_read_stops_the_sending_and_not_the_receiving() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        for _ in 0..100 {
            peer.send(wasket_ws::Opcode::Text, b"news").await;
        }
        std::future::pending::<()>().await;
        until_end(peer.socket).await;
    })
    .await;
    let (sender, mut receiver) = server.connect().open().await.unwrap().split();
    let (tell, mut told) = mpsc::unbounded_channel();
    let sending = tokio::spawn(async move {
        loop {
            sender.binary(vec![0; 1 << 20]).await.unwrap();
            tell.send(()).unwrap();
        }
    });
    for _ in 0..100 {
        assert!(matches!(receiver.next().await, Some(Event::Message(_))));
    }
    // It stops where the sockets' buffers end: after some megabytes.
    let mut sent = 0;
    while let Ok(Some(())) = tokio::time::timeout(Duration::from_millis(300), told.recv()).await {
        sent += 1;
        assert!(sent < 64, "{sent} MiB went out with nobody reading");
    }
    assert!(!sending.is_finished());
    sending.abort();
}
