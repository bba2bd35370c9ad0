//! Answers to the opening handshake that do not open a connection.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use wasket_client::{
    BODY_BYTES_MAX, Connect, ConnectFault, Deadlines, Error, HandshakeFault, Phase,
};

use crate::server::{Request, Server, nobody};

#[tokio::test]
async fn an_answer_that_does_not_accept_is_none() {
    type Make = fn(&Request) -> String;
    let answers: [(&str, Make); 14] = [
        ("wrong accept", |r| {
            r.accepted("")
                .replace(&r.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        }),
        ("no accept", |r| {
            r.accepted("").replace("Sec-WebSocket-Accept", "X")
        }),
        ("accept twice", |r| {
            r.accepted(&format!("Sec-WebSocket-Accept: {}\r\n", r.accept()))
        }),
        ("no upgrade", |r| {
            r.accepted("").replace("Upgrade: websocket", "X: y")
        }),
        ("upgrade to h2c", |r| {
            r.accepted("").replace("Upgrade: websocket", "Upgrade: h2c")
        }),
        ("no connection", |r| {
            r.accepted("").replace("Connection: Upgrade", "X: y")
        }),
        ("connection: close", |r| {
            r.accepted("")
                .replace("Connection: Upgrade", "Connection: close")
        }),
        ("a protocol nobody offered", |r| {
            r.accepted("Sec-WebSocket-Protocol: three\r\n")
        }),
        ("two protocols", |r| {
            r.accepted("Sec-WebSocket-Protocol: one, two\r\n")
        }),
        ("an extension nobody offered", |r| {
            r.accepted("Sec-WebSocket-Extensions: x-unknown\r\n")
        }),
        ("compression nobody offered", |r| {
            r.accepted("Sec-WebSocket-Extensions: permessage-deflate\r\n")
        }),
        ("broken extensions", |r| {
            r.accepted("Sec-WebSocket-Extensions: ;;=\r\n")
        }),
        ("http 1.0", |_| "HTTP/1.0 200 OK\r\n\r\nhello".to_owned()),
        ("100 and nothing", |_| {
            "HTTP/1.1 100 Continue\r\n\r\n".to_owned()
        }),
    ];
    for (what, make) in answers {
        let server = Server::start(move |_, mut socket| async move {
            let request = Request::read(&mut socket).await;
            socket.write_all(make(&request).as_bytes()).await.unwrap();
        })
        .await;
        let connect = server
            .connect()
            .protocol("one")
            .and_then(|it| it.protocol("two"));
        let error = connect.unwrap().open().await.unwrap_err();
        assert_eq!(error.phase(), Phase::Handshake, "{what}: {error}");
        assert!(
            one_line(&error).starts_with("handshake: "),
            "{what}: {error}"
        );
    }
}

#[tokio::test]
async fn garbage_for_an_answer_is_refused() {
    let many: String = (0..101).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = format!("X: {}\r\n", "y".repeat(70_000));
    for answer in [
        "".to_owned(),
        "\r\n\r\n".to_owned(),
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}\u{32}".to_owned(),
        "HTTP/1.1 101\r\nUp grade: websocket\r\n\r\n".to_owned(),
        "HTTP/1.1 101 x\r\nX: a\0b\r\n\r\n".to_owned(),
        "HTTP/1.1 1x1 x\r\n\r\n".to_owned(),
        "HTTP/3 101 x\r\n\r\n".to_owned(),
        "HTTP/1.1 101 x\r\nUpgrade: webso".to_owned(),
        format!("HTTP/1.1 101 x\r\n{many}\r\n"),
        format!("HTTP/1.1 101 x\r\n{long}\r\n"),
        "x".repeat(100_000),
    ] {
        let shown: String = answer.chars().take(60).collect();
        let server = Server::start(move |_, mut socket| {
            let answer = answer.clone();
            async move {
                Request::read(&mut socket).await;
                // Who has read enough leaves.
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        })
        .await;
        let error = server.connect().open().await.unwrap_err();
        assert!(
            matches!(error, Error::Handshake(HandshakeFault::Malformed(_))),
            "{error:?} {shown}"
        );
        one_line(&error);
    }
}

#[tokio::test]
async fn a_rejection_shows_status_headers_and_body() {
    for (answer, body, is_cut) in [
        ("Content-Length: 4\r\n\r\nbody", "body", false),
        (
            "Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
            "body",
            false,
        ),
        ("Connection: close\r\n\r\nbody", "body", false),
        ("Content-Length: 9\r\n\r\nbody", "body", true),
        (
            "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\nxx",
            "body",
            true,
        ),
    ] {
        let answer = format!("HTTP/1.1 418 Teapot\r\nX-Why: tea\r\n{answer}");
        let server = Server::start(move |_, mut socket| {
            let answer = answer.clone();
            async move {
                Request::read(&mut socket).await;
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await;
        let error = server.connect().open().await.unwrap_err();
        let rejection = error.rejection().unwrap();
        assert_eq!(rejection.status, 418);
        assert_eq!(rejection.headers["x-why"], "tea");
        assert_eq!(
            (&rejection.body[..], rejection.is_cut),
            (body.as_bytes(), is_cut)
        );
        assert!(one_line(&error).contains("418"), "{error}");
        assert!(one_line(&error).contains("\"body\""), "{error}");
    }
}

#[tokio::test]
async fn the_body_of_a_rejection_is_bounded() {
    let server = Server::start(|_, mut socket| async move {
        Request::read(&mut socket).await;
        let head = "HTTP/1.1 500 x\r\nConnection: close\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        while socket.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let error = server.connect().open().await.unwrap_err();
    let rejection = error.rejection().unwrap();
    assert_eq!(
        (rejection.body.len(), rejection.is_cut),
        (BODY_BYTES_MAX, true)
    );
    one_line(&error);
}

#[tokio::test]
async fn statuses_have_remedies() {
    for (answer, remedy) in [
        (
            "401 x\r\nWWW-Authenticate: Digest realm=\"r\", qop=auth, nonce=n\r\nWWW-Authenticate: Basic\r\n",
            "give a name and a password (it asks for Digest, Basic)",
        ),
        ("401 x\r\n", "give a name and a password"),
        (
            "401 x\r\nWWW-Authenticate: Negotiate\r\n",
            "only Digest and Basic are understood here (it asks for Negotiate)",
        ),
        ("403 x\r\n", "origin"),
        ("404 x\r\n", "path"),
        (
            "302 x\r\nLocation: /there\r\n",
            "\"/there\": allow redirects",
        ),
        ("426 x\r\n", "version"),
        ("503 x\r\n", "later"),
        ("200 OK\r\n", "is this a WebSocket server"),
    ] {
        let server = Server::answering(move |_| {
            format!("HTTP/1.1 {answer}Content-Length: 0\r\n\r\n").into_bytes()
        })
        .await;
        let error = server.connect().open().await.unwrap_err();
        assert!(one_line(&error).contains(remedy), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left() {
    const SOON: Duration = Duration::from_millis(50);
    let deadlines = Deadlines {
        handshake: SOON,
        ..Deadlines::default()
    };
    for trickles in [false, true] {
        let server = Server::start(move |_, mut socket| async move {
            // The request stays unread, or is answered a byte at a time.
            let answer = b"HTTP/1.1 101 x\r\n"
                .iter()
                .copied()
                .chain(std::iter::repeat(b'x'));
            for byte in answer.take(if trickles { usize::MAX } else { 0 }) {
                if socket.write_u8(byte).await.is_err() {
                    return;
                }
                tokio::time::sleep(SOON / 10).await;
            }
            std::future::pending::<()>().await;
        })
        .await;
        let error = server
            .connect()
            .deadlines(deadlines)
            .open()
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Handshake(HandshakeFault::TimedOut(SOON))),
            "{error:?}"
        );
    }
    // A body that does not end is cut: the status is the news, which has to come in time.
    let deadlines = Deadlines {
        handshake: Duration::from_secs(2),
        ..Deadlines::default()
    };
    let server = Server::start(|_, mut socket| async move {
        Request::read(&mut socket).await;
        let head = "HTTP/1.1 500 x\r\nContent-Length: 9\r\n\r\nbody";
        socket.write_all(head.as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let error = server
        .connect()
        .deadlines(deadlines)
        .open()
        .await
        .unwrap_err();
    let rejection = error.rejection().unwrap();
    assert_eq!(
        (&rejection.body[..], rejection.is_cut),
        (&b"body"[..], true)
    );
}

// hardening H14, parity W17
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_address_that_does_not_answer_is_left() {
    const SOON: Duration = Duration::from_millis(50);
    let (socket, address) = nobody();
    let _listener = socket.listen(1).unwrap();
    // Nobody accepts: when the backlog is full the system leaves who comes without an answer.
    let mut waiting = Vec::new();
    let long = Duration::from_secs(1);
    while let Ok(connected) = tokio::time::timeout(long, TcpStream::connect(address)).await {
        waiting.push(connected.unwrap());
        assert!(waiting.len() < 100, "the backlog has no end");
    }
    let deadlines = Deadlines {
        dial: SOON,
        ..Deadlines::default()
    };
    let connect = Connect::to(&format!("ws://{address}")).unwrap();
    let error = connect.deadlines(deadlines).open().await.unwrap_err();
    let Error::Connect { fault, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(matches!(fault, ConnectFault::TimedOut(SOON)), "{fault:?}");
    one_line(&error);
}

/// What is said of an error, which is one line and not a long one.
pub(crate) fn one_line(error: &Error) -> String {
    let text = error.to_string();
    assert!(!text.contains(['\r', '\n']), "{text:?}");
    assert!(text.len() < 300, "{text}");
    text
}
