//! Plain HTTP: what becomes of a connection when a service, a peer or a proxy does what it should not.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use wasket_net::{Listener, Network};
use wasket_session::{BodyFault, HttpBody};

use crate::exchange::{LAST, answers, rest, statuses};
use crate::plain::{Plain, whole};
use crate::support::{Peer, request, soon};

const TEN: &str = "0123456789";

/// A body that does not say how long it is.
struct Unsized(HttpBody);

impl Body for Unsized {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }
}

/// A body of what comes by a channel.
struct Parts(mpsc::UnboundedReceiver<Result<Bytes, BodyFault>>);

impl Body for Parts {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let part = self.0.poll_recv(cx);
        part.map(|part| part.map(|part| part.map(Frame::data)))
    }
}

// hardening H16
#[tokio::test]
async fn what_a_service_says_of_its_length_does_not_reach_into_the_next_answer() {
    let cases: [(&str, &str, bool, &str, &[&str]); 9] = [
        ("GET", "5", true, TEN, &["200", "200"]),
        ("GET", "20", true, TEN, &["200", "200"]),
        ("GET", "abc", true, TEN, &["200", "200"]),
        ("GET", "10", false, TEN, &["200", "200"]),
        // Less than it said: the connection is reset, here before anything was written.
        ("GET", "20", false, "", &[]),
        ("GET", "5", false, "01234", &["200", "200"]),
        ("GET", "+5", false, TEN, &["200", "200"]),
        ("HEAD", "10", true, "", &["200", "200"]),
        ("HEAD", "abc", true, "", &["200", "200"]),
    ];
    for (method, length, is_sized, said, expected) in cases {
        let head = method == "HEAD";
        let server = Plain::own(
            move |_| {
                let body = whole(if head { String::new() } else { TEN.to_owned() });
                let body = if is_sized {
                    body
                } else {
                    Unsized(body).boxed_unsync()
                };
                let mut answer = Response::new(body);
                let length = length.parse().unwrap();
                answer.headers_mut().insert("content-length", length);
                answer
            },
            |_| {},
        );
        let first = format!("{method} /own HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut peer = Peer::connect(server.address).await;
        peer.send(format!("{first}{LAST}").as_bytes()).await;
        let mut all = Vec::new();
        let read = soon(peer.stream.read_to_end(&mut all)).await;
        assert_eq!(read.is_err(), expected.is_empty(), "{method} {length}");
        let all = String::from_utf8(all).unwrap();
        assert_eq!(statuses(&all), expected, "{method} {length}\n{all}");
        let (first, _) = all.split_once("GET read").unwrap_or((&all, ""));
        assert!(first.contains(said), "{method} {length}\n{all}");
        assert!(!all.contains("abc") && !all.contains("+5"), "{all}");
        let told = first.contains("content-length: 10\r\n");
        assert!(!head || told == (length == "10"), "{all}");
    }
}

// hardening H16: a client may look at its answer only when its body is out.
#[tokio::test]
async fn who_sends_a_body_slowly_reads_why_it_is_refused() {
    let server = Plain::start(|_| {}, |_| {});
    let refused = async |path: &str, status: &str| {
        let mut peer = Peer::connect(server.address).await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
        peer.send(head.as_bytes()).await;
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let sent = peer.stream.write_all(&[b'x'; 50_000]).await;
            assert!(sent.is_ok(), "{path}: {sent:?}");
        }
        let all = rest(&mut peer).await;
        assert_eq!(statuses(&all), [status], "{path}\n{all}");
    };
    tokio::join!(refused("/echo", "405"), refused("/gone", "503"));
}

// hardening H14
#[tokio::test]
async fn a_service_that_keeps_the_body_of_a_request_does_not_keep_the_connection() {
    let (kept, mut keeps) = mpsc::unbounded_channel();
    let server = Plain::own(
        move |request| {
            kept.send(request.message.into_body()).unwrap();
            Response::new(Unsized(whole("kept".to_owned())).boxed_unsync())
        },
        |_| {},
    );
    let ask = "POST /own HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    for (body, expected) in [("hello", vec!["200", "200"]), ("he", vec!["200"])] {
        // What is behind half a body is the other half of it.
        let last = if body.len() == 5 { LAST } else { "" };
        let all = answers(&server, format!("{ask}{body}{last}").as_bytes()).await;
        assert_eq!(statuses(&all), expected, "{all}");
        let kept = keeps.recv().await.unwrap();
        assert!(matches!(kept.collect().await, Err(BodyFault::Broken(_))));
    }
}

// hardening H16
#[tokio::test]
async fn an_answer_that_fails_does_not_look_as_if_it_ended() {
    let server = Plain::own(
        |_| {
            let (parts, body) = mpsc::unbounded_channel();
            parts.send(Ok(Bytes::from_static(b"a part"))).unwrap();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let _ = parts.send(Err(BodyFault::Broken("no more".into())));
            });
            Response::new(Parts(body).boxed_unsync())
        },
        |_| {},
    );
    // Where a client knows of no chunks, the end of the connection is that of the answer.
    let mut peer = Peer::connect(server.address).await;
    let head = peer.ask("GET /own HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.0 200 "), "{head}");
    let mut part = Vec::new();
    let read = soon(peer.stream.read_to_end(&mut part)).await;
    let error = read.expect_err("a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(part, b"a part");
}

// hardening H12
#[tokio::test]
async fn a_service_with_nothing_to_say_ends_with_its_connection() {
    struct Silent(mpsc::UnboundedSender<()>);

    impl Body for Silent {
        type Data = Bytes;
        type Error = BodyFault;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
            Poll::Pending
        }
    }

    impl Drop for Silent {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    let (dropped, mut drops) = mpsc::unbounded_channel();
    let server = Plain::own(
        move |_| Response::new(Silent(dropped.clone()).boxed_unsync()),
        |_| {},
    );
    let mut peer = Peer::connect(server.address).await;
    let head = peer.ask("GET /own HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(drops.try_recv().is_err());
    // To end one's own side is to leave.
    peer.stream.shutdown().await.unwrap();
    assert!(soon(drops.recv()).await.is_some());
    let mut nothing = Vec::new();
    let _ = soon(peer.stream.read_to_end(&mut nothing)).await;
}

// hardening H14: a proxy sends requests of many clients on one connection.
#[tokio::test]
async fn a_connection_counts_for_the_client_that_asked_last() {
    let trusting = |listener: &mut Listener| {
        let local = Network::new([127, 0, 0, 0].into(), 8);
        listener.trusted_proxies = local.into_iter().collect();
        listener.connections_per_address_max = Some(1);
    };
    let server = Plain::start(trusting, |_| {});
    let of = |client: &str| format!("X-Forwarded-For: {client}\r\n");
    let plain = |client| {
        format!(
            "GET /read HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
            of(client)
        )
    };
    let open = |client| request("/both", &of(client));
    let status = |head: String| head[9..12].to_owned();
    let ask = async |peer: &mut Peer, bytes: String| {
        let head = peer.ask(&bytes).await;
        if head.starts_with("HTTP/1.1 200 ") {
            let mut body = [0; "GET read /read ".len()];
            soon(peer.stream.read_exact(&mut body)).await.unwrap();
        }
        status(head)
    };
    let address: SocketAddr = server.address;
    let mut first = Peer::connect(address).await;
    assert_eq!(ask(&mut first, plain("192.0.2.1")).await, "200");
    // The proxy uses it for another client, whose session it becomes.
    assert_eq!(ask(&mut first, open("192.0.2.2")).await, "101");
    let mut second = Peer::connect(address).await;
    assert_eq!(ask(&mut second, plain("192.0.2.1")).await, "200");
    let mut third = Peer::connect(address).await;
    assert_eq!(ask(&mut third, open("192.0.2.2")).await, "503");
}
