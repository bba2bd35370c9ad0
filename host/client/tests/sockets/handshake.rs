//! The opening handshake: what is asked, and what is agreed on.

use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt as _;
use wasket_client::{Connect, ConnectFault, Error, Mistake, Phase, Step};
use wasket_ws::Opcode;

use crate::answers::one_line;
use crate::server::{Request, Server, accept_with, nobody, until_end};

/// A server that keeps the requests it gets, and accepts them.
async fn keeping() -> (Server, Arc<Mutex<Vec<Request>>>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let server = Server::answering(move |request| {
        keep.lock().unwrap().push(request.clone());
        request.accepted("").into_bytes()
    })
    .await;
    (server, kept)
}

// parity W1 W10
#[tokio::test]
async fn a_request_has_what_was_said_and_no_more() {
    let (server, kept) = keeping().await;
    let url = format!("ws://{}/a/b?c=%20d", server.address);
    let connect = Connect::to(&url).unwrap();
    connect.open().await.unwrap();
    let connect = connect
        .protocol("one")
        .and_then(|it| it.protocol("two"))
        .and_then(|it| it.header("X-Many", "1"))
        .and_then(|it| it.header("x-many", "2"))
        .and_then(|it| it.header("User-Agent", "test"))
        .and_then(|it| it.header("Cookie", "raw=1; more=2"))
        .and_then(|it| it.cookie("a", "b"))
        .and_then(|it| it.origin("https://example.com"))
        .unwrap();
    connect.open().await.unwrap();
    let kept = kept.lock().unwrap();
    let [bare, full] = &kept[..] else {
        panic!("{kept:?}");
    };
    assert_eq!(bare.line(), "GET /a/b?c=%20d HTTP/1.1");
    assert_eq!(bare.header("host"), Some(server.address.to_string()));
    assert_eq!(bare.header("sec-websocket-version").unwrap(), "13");
    assert_eq!(bare.0.lines().count(), 1 + 6 + 1, "{}", bare.0);
    for (name, value) in [
        ("sec-websocket-protocol", "one, two"),
        ("x-many", "1 | 2"),
        ("user-agent", "test"),
        ("cookie", "raw=1; more=2; a=b"),
        ("origin", "https://example.com"),
    ] {
        assert_eq!(full.header(name).as_deref(), Some(value), "{name}");
        assert!(
            name == "user-agent" || bare.header(name).is_none(),
            "{name}"
        );
    }
    let keys = [bare, full].map(|request| request.header("sec-websocket-key"));
    assert_ne!(keys[0], keys[1], "a nonce is new for each connection");
}

// hardening H17, parity W1 W10
#[test]
fn nothing_that_breaks_a_line_gets_into_a_request() {
    let connect = || Connect::to("ws://example.com/").unwrap();
    for bad in ["\r\nX: y", "a\r\n", "a\n", "\0", "a\u{7f}"] {
        assert!(connect().header("x", bad).is_err(), "{bad:?}");
        assert!(connect().header(bad, "x").is_err(), "{bad:?}");
        assert!(connect().cookie("x", bad).is_err(), "{bad:?}");
        assert!(connect().cookie(bad, "x").is_err(), "{bad:?}");
        assert!(connect().origin(bad).is_err(), "{bad:?}");
        assert!(connect().protocol(bad).is_err(), "{bad:?}");
        assert!(connect().credentials("x", bad).is_err(), "{bad:?}");
        assert!(connect().credentials(bad, "x").is_err(), "{bad:?}");
        assert!(
            Connect::to(&format!("ws://example.com/{bad}")).is_err(),
            "{bad:?}"
        );
        assert!(
            connect()
                .proxy(&format!("http://example.com/{bad}"))
                .is_err(),
            "{bad:?}"
        );
    }
    for value in ["a b", "a,b", "a;b", "a\"b", "a\\b", "\u{e9}"] {
        assert!(connect().cookie("x", value).is_err(), "{value:?}");
    }
    for (name, value) in [("Referer", "a\tb"), ("X-\u{e9}", "x")] {
        let is_token = name.is_ascii();
        assert_eq!(connect().header(name, value).is_ok(), is_token, "{name}");
    }
    for protocol in ["", "a b", "a,b", "\u{e9}"] {
        let mistake = connect().protocol(protocol).unwrap_err();
        assert_eq!(mistake, Mistake::Protocol(protocol.to_owned()));
    }
    let twice = connect().protocol("a").and_then(|it| it.protocol("a"));
    assert!(twice.is_err());
}

// parity W10
#[test]
fn the_handshake_keeps_its_own_headers() {
    for name in [
        "Upgrade",
        "connection",
        "Sec-WebSocket-Key",
        "sec-websocket-extensions",
        "Sec-WebSocket-Protocol",
        "Content-Length",
        "Transfer-Encoding",
        "Proxy-Authorization",
    ] {
        let connect = Connect::to("ws://example.com/").unwrap();
        let mistake = connect.header(name, "x").unwrap_err();
        assert!(mistake.to_string().contains(name), "{mistake}");
    }
}

// parity W6
#[tokio::test]
async fn what_was_agreed_on_is_readable() {
    let server = Server::answering(|request| {
        let more = "Sec-WebSocket-Protocol: two\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c = d=e ;x\r\nSet-Cookie: broken\r\nX-Served-By: test\r\n";
        request.accepted(more).into_bytes()
    })
    .await;
    let connect = server
        .connect()
        .protocol("one")
        .and_then(|it| it.protocol("two"));
    let connection = connect.unwrap().open().await.unwrap();
    let response = connection.response();
    assert_eq!(response.protocol(), Some("two"));
    assert_eq!(response.compression(), None);
    assert_eq!(response.headers()["x-served-by"], "test");
    let cookies: Vec<_> = response.cookies().collect();
    assert_eq!(cookies, [("a", "b"), ("c", "d=e")]);
    assert_eq!(response.url(), server.url());
    assert_eq!(response.peer(), Some(server.address));
}

// hardening H18
// hardening H7
// hardening H4
// hardening H21
#[tokio::test]
async fn an_answer_may_come_in_any_pieces() {
    let full = Request("Sec-WebSocket-Key: x\r\n".to_owned())
        .accepted("")
        .len();
    for step in [1, 7, full / 2] {
        let server = Server::start(move |_, mut socket| async move {
            let request = Request::read(&mut socket).await;
            let mut bytes = request.accepted("").into_bytes();
            // A message right behind the answer.
            bytes.extend([0x81, 0x02, b'h', b'i']);
            for piece in bytes.chunks(step) {
                socket.write_all(piece).await.unwrap();
                socket.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
            until_end(&mut socket).await;
        })
        .await;
        let mut connection = server.connect().open().await.unwrap();
        match connection.next().await {
            Some(wasket_client::Event::Message(message)) => {
                assert_eq!(message.as_text(), Some("hi"));
            }
            other => panic!("{other:?}"),
        }
    }
}

// hardening H14, parity W17
#[tokio::test]
async fn nobody_there_is_said_in_one_line() {
    let (_held, address) = nobody();
    let error = Connect::to(&format!("ws://{address}"))
        .unwrap()
        .open()
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Connect {
                fault: ConnectFault::Refused,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        one_line(&error).starts_with(&format!("connect: {address} refused")),
        "{error}"
    );

    let error = Connect::to("ws://there-is-no-such-host.invalid")
        .unwrap()
        .open()
        .await
        .unwrap_err();
    assert_eq!(error.phase(), Phase::Resolve, "{error:?}");
    assert!(
        one_line(&error).contains("there-is-no-such-host.invalid"),
        "{error}"
    );
}

#[tokio::test]
async fn only_addresses_that_are_allowed_are_dialled() {
    let server = Server::echo().await;
    let port = server.address.port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&asked);
    let connect = Connect::to(&format!("ws://localhost:{port}")).unwrap();
    let picky = connect.clone().allow(move |address| {
        keep.lock().unwrap().push(address);
        false
    });
    let error = picky.open().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Connect {
                fault: ConnectFault::NotAllowed(_),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(!asked.lock().unwrap().is_empty());

    let dialled = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&dialled);
    let allowed = connect
        .allow(move |address| address == server.address)
        .observe(move |step| {
            if let Step::Dialling(address) = step {
                keep.lock().unwrap().push(*address);
            }
        });
    // `localhost` may have ::1 too: it is not dialled.
    let connection = allowed.open().await.unwrap();
    assert_eq!(connection.response().peer(), Some(server.address));
    assert_eq!(dialled.lock().unwrap()[..], [server.address]);
}

#[tokio::test]
async fn every_step_is_shown_and_no_secret() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept_with(&mut socket, "X-Test: 1\r\n").await;
        peer.send(Opcode::Text, b"x").await;
        until_end(peer.socket).await;
    })
    .await;
    let steps = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&steps);
    let connect = server
        .connect()
        .credentials("ada", "geheim")
        .and_then(|it| it.cookie("session", "geheim"))
        .unwrap()
        .pre_auth()
        .observe(move |step| keep.lock().unwrap().push(format!("{step:?}")));
    assert!(!format!("{connect:?}").contains("geheim"));
    connect.open().await.unwrap();
    let steps = steps.lock().unwrap();
    let kinds: Vec<_> = steps
        .iter()
        .filter_map(|step| step.split(['(', ' ']).next())
        .collect();
    assert_eq!(
        kinds,
        ["Resolved", "Dialling", "Connected", "Request", "Answer"]
    );
    let all = steps.join("\n");
    assert!(all.contains("x-test") && all.contains("Sensitive"), "{all}");
    assert!(
        !all.contains("geheim") && !all.contains("YWRhOmdlaGVpbQ"),
        "{all}"
    );
}

#[tokio::test]
async fn an_opening_that_is_given_up_leaves_no_socket() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |_, mut socket| {
        let tell = tell.clone();
        async move {
            Request::read(&mut socket).await;
            tell.send("asked").unwrap();
            until_end(&mut socket).await;
            tell.send("gone").unwrap();
        }
    })
    .await;
    let connect = server.connect();
    tokio::select! {
        _ = connect.open() => panic!("nobody answered"),
        asked = told.recv() => assert_eq!(asked, Some("asked")),
    }
    assert_eq!(told.recv().await, Some("gone"));
}
