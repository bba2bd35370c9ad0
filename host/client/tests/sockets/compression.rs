//! permessage-deflate.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Instant;

use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use wasket_client::{
    Compression, Connect, Error, Event, Fault, HandshakeFault, Limits, Message, Offer,
};
use wasket_ws::deflate::{Deflater, Terms};
use wasket_ws::frame::{self, FirstByte};
use wasket_ws::{Connection, Opcode, Role, Timing};

use crate::closing::rest;
use crate::server::{Peer, Request, Server, until_end};

/// A server that agrees to these terms and echoes deflated, and tells the first byte of each message.
async fn deflating(terms: Terms) -> (Server, mpsc::UnboundedReceiver<usize>) {
    let (tell, told) = mpsc::unbounded_channel();
    let server = Server::start(move |_, mut socket| {
        let tell = tell.clone();
        async move {
            let request = Request::read(&mut socket).await;
            let offers = request.header("sec-websocket-extensions").unwrap();
            let offers = vec![("sec-websocket-extensions", offers.as_bytes())];
            let agreement = terms.accept(&offers_of(&offers)).unwrap();
            let more = format!("Sec-WebSocket-Extensions: {}\r\n", agreement.answer);
            socket
                .write_all(request.accepted(&more).as_bytes())
                .await
                .unwrap();
            let parameters = agreement.parameters;
            let limits = wasket_ws::Limits {
                message_bytes_max: 64 << 20,
                ..wasket_ws::Limits::default()
            };
            let protocol = Connection::new(Role::Server, limits, Timing::default(), Instant::now())
                .with_inflate(parameters.inflate(Role::Server));
            let profile = parameters.profile(Role::Server, 6).unwrap();
            let mut deflater = Deflater::new(profile);
            let mut peer = Peer::with(socket, protocol);
            while let Some(event) = peer.next().await {
                let wasket_ws::Event::Message(message) = event else {
                    continue;
                };
                tell.send(message.len()).unwrap();
                let mut out = Vec::new();
                if !parameters.takes_over(Role::Server) {
                    deflater = Deflater::new(profile);
                }
                deflater.deflate(message.as_bytes(), &mut out).unwrap();
                let mut bytes = Vec::new();
                let first = FirstByte::deflated(Opcode::Binary);
                frame::encode_first(&mut bytes, first, &out, None);
                peer.write(&bytes).await;
            }
        }
    })
    .await;
    (server, told)
}

/// What a field of offers says, by way of the server's side of the handshake.
fn offers_of(fields: &[(&str, &[u8])]) -> Vec<wasket_ws::handshake::ExtensionParams> {
    let required = [
        ("host", &b"x"[..]),
        ("upgrade", b"websocket"),
        ("connection", b"upgrade"),
        ("sec-websocket-version", b"13"),
        ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let all: Vec<_> = required.into_iter().chain(fields.iter().copied()).collect();
    let offer = wasket_ws::handshake::examine("GET", 1, all.iter().copied());
    offer.unwrap().extensions
}

fn compressing(server: &Server, offer: Offer) -> Connect {
    let compression = Compression {
        offer,
        ..Compression::default()
    };
    server.connect().compression(compression).unwrap()
}

// parity W2, hardening H9
#[tokio::test]
async fn every_combination_of_parameters_carries_messages() {
    let texts = [
        "",
        "a",
        &"hello ".repeat(1000),
        &"hello ".repeat(1001),
        "short again",
    ];
    for bits in 0..16_u8 {
        let takes = |bit: u8| bits >> bit & 1 == 1;
        let terms = Terms {
            server_context_takeover: takes(0),
            client_context_takeover: takes(1),
            server_max_window_bits: if takes(2) { 15 } else { 9 },
            client_max_window_bits: if takes(3) { 15 } else { 9 },
        };
        let offer = Offer {
            server_context_takeover: takes(3),
            client_context_takeover: takes(2),
            server_max_window_bits: if takes(1) { 15 } else { 10 },
            client_max_window_bits: if takes(0) { 15 } else { 10 },
        };
        let (server, _told) = deflating(terms).await;
        let mut connection = compressing(&server, offer).open().await.unwrap();
        let agreed = connection.response().compression().unwrap();
        assert_eq!(agreed.server_context_takeover, takes(0) && takes(3));
        assert_eq!(agreed.client_context_takeover, takes(1) && takes(2));
        for text in texts {
            connection.sender().text(text).await.unwrap();
            match connection.next().await {
                Some(Event::Message(Message::Binary(back))) => assert_eq!(back, text.as_bytes()),
                other => panic!("{bits}: {other:?}"),
            }
        }
    }
}

// parity W2
#[tokio::test]
async fn compression_is_off_by_default_and_may_be_declined() {
    let server = Server::answering(|request| {
        let offered = request.header("sec-websocket-extensions");
        assert!(offered.is_none_or(|it| it.starts_with("permessage-deflate")));
        request.accepted("").into_bytes()
    })
    .await;
    for connect in [server.connect(), compressing(&server, Offer::default())] {
        let connection = connect.open().await.unwrap();
        assert_eq!(connection.response().compression(), None);
        assert_eq!(connection.response().extensions().count(), 0);
    }
}

// hardening H8 H9
#[tokio::test]
async fn an_answer_that_was_not_offered_fails_the_handshake() {
    let demanding = Offer {
        server_context_takeover: false,
        server_max_window_bits: 10,
        ..Offer::default()
    };
    for (offer, answer) in [
        (
            Offer::default(),
            "permessage-deflate; server_max_window_bits=0",
        ),
        (
            Offer::default(),
            "permessage-deflate; server_max_window_bits=7",
        ),
        (
            Offer::default(),
            "permessage-deflate; server_max_window_bits=16",
        ),
        (
            Offer::default(),
            "permessage-deflate; client_max_window_bits=99",
        ),
        (
            Offer::default(),
            "permessage-deflate; client_max_window_bits",
        ),
        (
            Offer::default(),
            "permessage-deflate; server_max_window_bits=\"\"",
        ),
        (
            Offer::default(),
            "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
        ),
        (Offer::default(), "permessage-deflate; unknown"),
        (Offer::default(), "permessage-deflate, permessage-deflate"),
        (Offer::default(), "permessage-bzip2"),
        (demanding, "permessage-deflate"),
        (
            demanding,
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
        ),
        (demanding, "permessage-deflate; server_max_window_bits=10"),
    ] {
        let server = Server::answering(move |request| {
            let more = format!("Sec-WebSocket-Extensions: {answer}\r\n");
            request.accepted(&more).into_bytes()
        })
        .await;
        let error = compressing(&server, offer).open().await.unwrap_err();
        assert!(
            matches!(
                error,
                Error::Handshake(HandshakeFault::Compression(_) | HandshakeFault::Answer(_))
            ),
            "{answer}: {error:?}"
        );
    }
}

/// A server that agrees to everything and then writes these bytes.
async fn writing(bytes: Vec<u8>) -> Server {
    Server::start(move |_, mut socket| {
        let bytes = bytes.clone();
        async move {
            let request = Request::read(&mut socket).await;
            let more = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
            socket
                .write_all(request.accepted(more).as_bytes())
                .await
                .unwrap();
            // The client may have had enough.
            let _ = socket.write_all(&bytes).await;
            until_end(&mut socket).await;
        }
    })
    .await
}

// hardening H1
#[tokio::test]
async fn what_inflates_without_end_is_cut_at_the_limit() {
    let parameters = wasket_ws::deflate::Parameters::default();
    let mut deflater = Deflater::new(parameters.profile(Role::Server, 9).unwrap());
    let mut bomb = Vec::new();
    deflater.deflate(&vec![0; 64 << 20], &mut bomb).unwrap();
    let mut whole = Vec::new();
    frame::encode_first(&mut whole, FirstByte::deflated(Opcode::Binary), &bomb, None);
    let mut split = Vec::new();
    let chunks: Vec<_> = bomb.chunks(1000).collect();
    for (n, chunk) in chunks.iter().enumerate() {
        let first = FirstByte {
            fin: n + 1 == chunks.len(),
            rsv1: n == 0,
            opcode: if n == 0 {
                Opcode::Binary
            } else {
                Opcode::Continuation
            },
        };
        frame::encode_first(&mut split, first, chunk, None);
    }
    for bytes in [whole, split] {
        let server = writing(bytes).await;
        let limits = Limits {
            message_bytes_max: 1 << 20,
            ..Limits::default()
        };
        let connect = compressing(&server, Offer::default()).limits(limits);
        let mut connection = connect.open().await.unwrap();
        let (messages, closed) = rest(&mut connection).await;
        assert!(messages.is_empty());
        assert_eq!((closed.code, closed.clean), (1009, false), "{closed:?}");
        assert!(closed.to_string().contains("raise the limit"), "{closed}");
    }
}

// hardening H10
#[tokio::test]
async fn control_frames_may_go_between_compressed_fragments() {
    let parameters = wasket_ws::deflate::Parameters::default();
    let mut deflater = Deflater::new(parameters.profile(Role::Server, 6).unwrap());
    let mut bytes = Vec::new();
    for text in ["first of all", "first of all, again"] {
        let mut deflated = Vec::new();
        deflater.deflate(text.as_bytes(), &mut deflated).unwrap();
        for (n, byte) in deflated.iter().enumerate() {
            let first = if n == 0 { 0x41 } else { 0x00 };
            bytes.extend([first, 0x01, *byte, 0x89, 0x01, b'p']);
        }
        // The last fragment is empty.
        bytes.extend([0x80, 0x00]);
    }
    bytes.extend([0x88, 0x00]);
    let server = writing(bytes).await;
    let mut connection = compressing(&server, Offer::default()).open().await.unwrap();
    let (messages, closed) = rest(&mut connection).await;
    let texts: Vec<_> = messages.iter().filter_map(Message::as_text).collect();
    assert_eq!(texts, ["first of all", "first of all, again"]);
    assert_eq!(closed.code, 1005);
}

// hardening H10
#[tokio::test]
async fn damaged_or_misplaced_compression_ends_the_connection() {
    for (bytes, code) in [
        // Not deflated at all.
        (vec![0xC1, 0x03, 0xFF, 0xFF, 0xFF], 1007),
        // RSV1 on a control frame, on a continuation.
        (vec![0xC9, 0x00], 1002),
        (vec![0x01, 0x01, b'a', 0xC0, 0x01, b'b'], 1002),
        // RSV2.
        (vec![0xA1, 0x00], 1002),
    ] {
        let server = writing(bytes.clone()).await;
        let mut connection = compressing(&server, Offer::default()).open().await.unwrap();
        let (_, closed) = rest(&mut connection).await;
        assert_eq!(closed.code, code, "{bytes:x?}");
        assert!(matches!(closed.fault, Some(Fault::Violation(_))));
    }
}

// parity W2
#[tokio::test]
async fn small_messages_and_files_go_as_they_are() {
    let (server, mut told) = deflating(Terms::default()).await;
    let connection = compressing(&server, Offer::default()).open().await.unwrap();
    let sender = connection.sender();
    sender.text("small").await.unwrap();
    sender.reader(&[7; 1000][..], None).await.unwrap();
    sender.binary(vec![7; 10 << 20]).await.unwrap();
    for expected in [5, 1000, 10 << 20] {
        assert_eq!(told.recv().await, Some(expected));
    }
}

// parity W2, hardening H23
#[tokio::test]
async fn long_messages_are_deflated_between_other_things() {
    const BYTES: usize = 16 << 20;
    for client_context_takeover in [true, false] {
        let (server, _told) = deflating(Terms::default()).await;
        let offer = Offer {
            client_context_takeover,
            ..Offer::default()
        };
        let limits = Limits {
            message_bytes_max: BYTES,
            ..Limits::default()
        };
        let connect = compressing(&server, offer).limits(limits);
        let (sender, mut receiver) = connect.open().await.unwrap().split();
        let mixed = (0..BYTES).map(|n| u8::try_from(n * n / 7 % 251).unwrap());
        for message in [
            vec![7; BYTES],
            vec![7; 1000],
            mixed.collect(),
            vec![7; 256 << 10],
        ] {
            // So short is what goes out that hardly a turn is taken but by deflating.
            let mut turns = 0;
            let mut sending = std::pin::pin!(sender.binary(message.clone()));
            while poll_fn(|ctx| Poll::Ready(sending.as_mut().poll(ctx)))
                .await
                .is_pending()
            {
                turns += 1;
                tokio::task::yield_now().await;
            }
            assert!(turns >= message.len() >> 18, "{turns}");
            match receiver.next().await {
                Some(Event::Message(Message::Binary(back))) => assert!(back == message),
                other => panic!("{other:?}"),
            }
        }
    }
}

// hardening H1 H24
#[tokio::test]
async fn what_inflates_to_much_comes_in_order() {
    let parameters = wasket_ws::deflate::Parameters::default();
    let mut deflater = Deflater::new(parameters.profile(Role::Server, 6).unwrap());
    let mut bytes = Vec::new();
    for n in 0..20_u8 {
        let mut deflated = Vec::new();
        deflater.deflate(&vec![n; 400_000], &mut deflated).unwrap();
        let first = FirstByte::deflated(Opcode::Binary);
        frame::encode_first(&mut bytes, first, &deflated, None);
        frame::encode(&mut bytes, Opcode::Ping, &[n], None);
    }
    bytes.extend([0x88, 0x02, 0x03, 0xE8]);
    let server = writing(bytes).await;
    let limits = Limits {
        received_bytes_max: 1,
        ..Limits::default()
    };
    let connect = compressing(&server, Offer::default()).limits(limits);
    let mut connection = connect.show_pings().open().await.unwrap();
    for n in 0..20_u8 {
        match connection.next().await {
            Some(Event::Message(message)) => assert!(message.as_bytes() == vec![n; 400_000]),
            other => panic!("{other:?}"),
        }
        assert!(matches!(connection.next().await, Some(Event::Ping(it)) if it[..] == [n]));
    }
    assert_eq!(rest(&mut connection).await.1.code, 1000);
}
