//! Servers that break rules.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use wasket_client::{By, Event, Fault, Limits, Message};
use wasket_ws::Opcode;
use wasket_ws::frame;

use crate::closing::rest;
use crate::server::{Peer, Server, accept, until_end};

/// A server that writes these bytes in pieces of this length, and tells nothing of what it reads.
async fn writing(bytes: &[u8], piece: usize) -> Server {
    let bytes = bytes.to_vec();
    Server::start(move |_, mut socket| {
        let bytes = bytes.clone();
        async move {
            let peer = accept(&mut socket).await;
            for piece in bytes.chunks(piece.max(1)) {
                if peer.socket.write_all(piece).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            until_end(peer.socket).await;
        }
    })
    .await
}

// hardening H3 H19 H20
#[tokio::test]
async fn what_breaks_the_protocol_ends_the_connection() {
    let len_64 = |len: u64| [&[0x82, 127][..], &len.to_be_bytes()].concat();
    let masked = |first: u8| vec![first, 0x80, 1, 2, 3, 4];
    for (bytes, code) in [
        // Masked, of every opcode.
        (masked(0x81), 1002),
        (masked(0x82), 1002),
        (masked(0x80), 1002),
        (masked(0x88), 1002),
        (masked(0x89), 1002),
        (masked(0x8A), 1002),
        // Lengths that are not minimal.
        (vec![0x82, 126, 0, 125], 1002),
        (len_64(65_535), 1002),
        // Lengths that nobody has.
        (len_64(1 << 32), 1009),
        (len_64(i64::MAX.unsigned_abs()), 1009),
        (len_64(1 << 63), 1002),
        (len_64(u64::MAX), 1002),
        // Reserved bits and opcodes.
        (vec![0x91, 0x00], 1002),
        (vec![0xC1, 0x00], 1002),
        (vec![0x83, 0x00], 1002),
        (vec![0x8B, 0x00], 1002),
        // Control frames: long, in fragments.
        (vec![0x89, 126, 0, 126], 1002),
        (vec![0x09, 0x00], 1002),
        // Fragments out of order.
        (vec![0x80, 0x00], 1002),
        (vec![0x01, 0x00, 0x81, 0x00], 1002),
        // Text that is none.
        (vec![0x81, 0x02, 0xC3, 0x28], 1007),
        // Close frames that are none.
        (vec![0x88, 0x01, 0x03], 1002),
        (vec![0x88, 0x02, 0x03, 0xED], 1002),
        (vec![0x88, 0x03, 0x03, 0xE8, 0xFF], 1007),
    ] {
        let server = writing(
            &[&[0x81, 0x02, b'h', b'i'][..], &bytes].concat(),
            usize::MAX,
        )
        .await;
        let mut connection = server.connect().open().await.unwrap();
        let (messages, closed) = rest(&mut connection).await;
        assert_eq!(messages, [Message::Text("hi".to_owned())], "{bytes:x?}");
        assert_eq!(
            (closed.code, closed.clean, closed.by),
            (code, false, By::Us),
            "{bytes:x?}"
        );
        assert!(matches!(closed.fault, Some(Fault::Violation(_))));
        assert!(!closed.to_string().contains('\n'));
    }
}

// hardening H19
#[tokio::test]
async fn the_server_is_told_what_it_did() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |_, mut socket| {
        let tell = tell.clone();
        async move {
            let mut peer = accept(&mut socket).await;
            peer.send(Opcode::Text, b"question").await;
            peer.write(&[0x81, 0x80, 1, 2, 3, 4]).await;
            while let Some(event) = peer.next().await {
                tell.send(event).unwrap();
            }
        }
    })
    .await;
    let mut connection = server.connect().open().await.unwrap();
    // What came before may still be answered.
    assert!(matches!(connection.next().await, Some(Event::Message(_))));
    connection.sender().text("answer").await.unwrap();
    assert!(matches!(connection.next().await, Some(Event::Close(_))));
    assert!(matches!(
        told.recv().await,
        Some(wasket_ws::Event::Message(_))
    ));
    match told.recv().await {
        Some(wasket_ws::Event::Close(frame)) => {
            assert_eq!(frame.code.unwrap().get(), 1002);
            assert_eq!(&*frame.reason, "frame masked");
        }
        other => panic!("{other:?}"),
    }
}

// hardening H2
#[tokio::test]
async fn fragments_without_end_are_cut() {
    for (fragment, limits, code) in [
        (
            vec![0x00, 0x00],
            Limits {
                fragments_max: 1000,
                ..Limits::default()
            },
            1008,
        ),
        (
            vec![0x00, 0x01, b'x'],
            Limits {
                fragments_max: 1000,
                ..Limits::default()
            },
            1008,
        ),
        (
            vec![0x00, 0x02, b'x', b'y'],
            Limits {
                message_bytes_max: 1500,
                ..Limits::default()
            },
            1009,
        ),
    ] {
        let bytes = [&[0x02, 0x00][..], &fragment.repeat(2000)].concat();
        let server = writing(&bytes, usize::MAX).await;
        let mut connection = server.connect().limits(limits).open().await.unwrap();
        let (_, closed) = rest(&mut connection).await;
        assert_eq!(closed.code, code);
    }
}

// hardening H21
#[tokio::test]
async fn frames_may_come_in_any_pieces() {
    let mut bytes = Vec::new();
    frame::encode(&mut bytes, Opcode::Text, "h\u{e4}llo".as_bytes(), None);
    frame::encode(&mut bytes, Opcode::Ping, b"ping", None);
    bytes.extend([0x02, 0x01, 7, 0x89, 0x00, 0x80, 0x01, 8]);
    frame::encode(&mut bytes, Opcode::Binary, &[9; 300], None);
    bytes.extend([0x88, 0x05, 0x03, 0xE8, b'b', b'y', b'e']);
    for piece in [1, 2, 3, 5, 7, bytes.len()] {
        let server = writing(&bytes, piece).await;
        let mut connection = server.connect().open().await.unwrap();
        let (messages, closed) = rest(&mut connection).await;
        assert_eq!(messages.len(), 3, "{piece}");
        assert_eq!(messages[0].as_text(), Some("h\u{e4}llo"));
        assert_eq!(messages[1].as_bytes(), [7, 8]);
        assert_eq!(messages[2].as_bytes(), [9; 300]);
        assert_eq!(
            (closed.code, &*closed.reason, closed.clean),
            (1000, "bye", true)
        );
    }
}

// hardening H24
#[tokio::test]
async fn events_that_nobody_takes_stop_the_reading() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |_, mut socket| {
        let tell = tell.clone();
        async move {
            let mut peer = accept(&mut socket).await;
            for n in 0_u32.. {
                peer.send(Opcode::Binary, &[0; 10_000]).await;
                tell.send(n).unwrap();
            }
        }
    })
    .await;
    let limits = Limits {
        received_bytes_max: 100_000,
        ..Limits::default()
    };
    let (sender, mut receiver) = server
        .connect()
        .limits(limits)
        .open()
        .await
        .unwrap()
        .split();
    // The server stops where the sockets' buffers end: some megabytes.
    let mut written = 0;
    while let Ok(Some(n)) = tokio::time::timeout(Duration::from_millis(300), told.recv()).await {
        written = n;
    }
    assert!(
        written < 5_000,
        "{written} messages of 10 KB went out with nobody reading"
    );
    // What waits is there, and the server goes on.
    for _ in 0..=written {
        assert!(matches!(receiver.next().await, Some(Event::Message(_))));
    }
    assert!(told.recv().await.is_some());
    drop((sender, receiver));
}

// hardening H22
#[tokio::test]
async fn a_receive_that_is_given_up_loses_nothing() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = Peer::new(accept(&mut socket).await.socket);
        for n in 0..2_000_u32 {
            peer.send(Opcode::Binary, &n.to_be_bytes()).await;
            if n % 7 == 0 {
                tokio::task::yield_now().await;
            }
        }
        until_end(peer.socket).await;
    })
    .await;
    let mut connection = server.connect().open().await.unwrap();
    let mut expected = 0_u32;
    while expected < 2_000 {
        tokio::select! {
            event = connection.next() => match event {
                Some(Event::Message(message)) => {
                    assert_eq!(message.as_bytes(), expected.to_be_bytes());
                    expected += 1;
                }
                other => panic!("{other:?}"),
            },
            () = tokio::task::yield_now() => {}
        }
    }
}
