//! Through HTTP proxies.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use wasket_auth::{Algorithm, Guard};
use wasket_client::{Connect, Deadlines, Error, Event, Phase, ProxyFault};

use crate::login::{Door, digest};
use crate::server::{Request, Server, nobody, until_end};

/// A proxy that connects to wherever it is asked to.
pub(crate) async fn proxy(door: Option<Arc<Door>>) -> Server {
    Server::start(move |_, mut socket| {
        let door = door.clone();
        async move {
            let request = Request::read(&mut socket).await;
            let target = request
                .line()
                .split(' ')
                .nth(1)
                .unwrap_or_default()
                .to_owned();
            assert_eq!(request.header("host").as_deref(), Some(target.as_str()));
            assert!(request.line().starts_with("CONNECT "), "{request:?}");
            assert!(request.header("sec-websocket-key").is_none());
            if let Some(challenges) =
                door.and_then(|door| door.refuses(&request, "CONNECT", &target))
            {
                let answer = format!("HTTP/1.1 407 x\r\n{challenges}Content-Length: 4\r\n\r\nnope");
                socket.write_all(answer.as_bytes()).await.unwrap();
                return;
            }
            let mut onward = TcpStream::connect(&target).await.unwrap();
            let answer = b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n";
            socket.write_all(answer).await.unwrap();
            let _ = copy_bidirectional(&mut socket, &mut onward).await;
        }
    })
    .await
}

fn through(server: &Server, proxy: &Server) -> Connect {
    server
        .connect()
        .proxy(&format!("http://{}", proxy.address))
        .unwrap()
}

pub(crate) async fn echoes(connect: &Connect) {
    let mut connection = connect.open().await.unwrap();
    connection.sender().text("through").await.unwrap();
    match connection.next().await {
        Some(Event::Message(message)) => assert_eq!(message.as_text(), Some("through")),
        other => panic!("{other:?}"),
    }
}

// parity W12
#[tokio::test]
async fn a_proxy_is_asked_to_connect() {
    let (server, proxy) = (Server::echo().await, proxy(None).await);
    let connect = through(&server, &proxy);
    echoes(&connect).await;
    let peer = connect.open().await.unwrap().response().peer();
    assert_eq!(peer, Some(proxy.address));
}

// parity W12
#[tokio::test]
async fn a_proxy_may_ask_who_we_are() {
    let server = Server::echo().await;
    for (guard, algorithm) in [
        (Guard::basic("proxy".parse().unwrap()), Algorithm::Md5),
        (digest(), Algorithm::Md5),
        (digest(), Algorithm::Sha256),
    ] {
        let door = Door::new(guard, &[algorithm], "proxy-authorization");
        let proxy = proxy(Some(Arc::clone(&door))).await;
        let url = format!("http://ada:p%C3%A4ss%3A%22word%22@{}", proxy.address);
        let connect = server.connect().proxy(&url).unwrap();
        echoes(&connect).await;
        assert_eq!(door.asked.load(Ordering::SeqCst), 2);

        let error = through(&server, &proxy).open().await.unwrap_err();
        let Error::Proxy {
            fault: ProxyFault::Credentials(rejection),
            ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(&rejection.body[..], b"nope");
        assert!(error.to_string().contains("407"), "{error}");
        let shown = format!("{connect:?} {error:?}");
        assert!(!shown.contains("ss:") && !shown.contains("%C3"), "{shown}");
    }
}

// parity W12
#[tokio::test]
async fn what_a_proxy_says_no_with_is_said() {
    let server = Server::echo().await;
    for (answer, says) in [
        (
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nsorry",
            "502 Bad Gateway \"sorry\"",
        ),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403"),
        ("HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n", "407"),
        (
            "HTTP/1.1 301 x\r\nLocation: http://elsewhere\r\nContent-Length: 0\r\n\r\n",
            "301",
        ),
        (
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            "101",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", "is it an HTTP proxy?"),
        ("", "is it an HTTP proxy?"),
        ("HTTP/1.1 200 OK\r\n\r\nsurprise", "behind its answer"),
    ] {
        let proxy = Server::start(move |_, mut socket| async move {
            Request::read(&mut socket).await;
            socket.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let error = through(&server, &proxy).open().await.unwrap_err();
        assert_eq!(error.phase(), Phase::Proxy, "{error:?}");
        let line = error.to_string();
        assert!(
            line.starts_with(&format!("proxy: {} ", proxy.address)),
            "{line}"
        );
        assert!(line.contains(says) && !line.contains('\n'), "{line}");
    }
}

// parity W12 W17
#[tokio::test]
async fn a_proxy_that_is_silent_or_away_is_left() {
    const SOON: Duration = Duration::from_millis(50);
    let server = Server::echo().await;
    let silent = Server::start(|_, mut socket| async move { until_end(&mut socket).await }).await;
    let deadlines = Deadlines {
        handshake: SOON,
        ..Deadlines::default()
    };
    let error = through(&server, &silent)
        .deadlines(deadlines)
        .open()
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Proxy {
                fault: ProxyFault::TimedOut(SOON),
                ..
            }
        ),
        "{error:?}"
    );

    let (_held, address) = nobody();
    let away = format!("http://{address}");
    let error = server
        .connect()
        .proxy(&away)
        .unwrap()
        .open()
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Proxy {
                fault: ProxyFault::Unreachable(_),
                ..
            }
        ),
        "{error:?}"
    );
}
