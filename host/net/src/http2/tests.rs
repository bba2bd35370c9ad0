//! Connections of HTTP/2 whose peers take what is sent a little at a time, and steadily.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use h2::client::{Builder, SendRequest};
use h2::ext::Protocol;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use wasket_session::echo::Echo;
use wasket_session::{Answering, HttpRequest, HttpService, Hub, IdSource, Limits};

use super::serve;
use crate::address::Crowd;
use crate::arrival::Arrived;
use crate::listener::Listener;
use crate::peer::Peer;
use crate::shared::Shared;
use crate::{Access, Hosts, HttpPlace, Origins, Place, Route, Routes};

/// Answers with so many bytes.
struct Large(usize);

impl HttpService for Large {
    fn body_bytes_max(&self) -> u64 {
        0
    }

    fn answer<'a>(&'a self, _: HttpRequest) -> Answering<'a> {
        let body = Full::new(Bytes::from(vec![b'x'; self.0]));
        let body = body.map_err(|never| match never {}).boxed_unsync();
        Box::pin(std::future::ready(Response::new(body)))
    }
}

/// Large answers at `/large`, and an echo at `/echo`.
fn routes(bytes: usize) -> Routes {
    let mut routes = Routes::default();
    let large = HttpPlace {
        name: "large".into(),
        service: Some(Arc::new(Large(bytes))),
        hosts: Hosts::default(),
        origins: Origins::default(),
        access: Access::default(),
        response_headers: Vec::new(),
    };
    routes.add_http(Route::parse("/large").unwrap(), Arc::new(large));
    let hub = Arc::new(Hub::new("echo", Limits::default(), Vec::new()));
    let echo = Place {
        name: "echo".into(),
        service: Some(Arc::new(Echo::new(hub))),
        hosts: Hosts::default(),
        origins: Origins::default(),
        access: Access::default(),
        response_headers: Vec::new(),
    };
    routes.add(Route::parse("/echo").unwrap(), echo);
    routes
}

/// A socket from which so much is read each millisecond, or two.
struct Slow {
    io: DuplexStream,
    bytes: usize,
    /// What was read, in all.
    read: Arc<AtomicUsize>,
    resting: Pin<Box<Sleep>>,
}

impl AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.resting.as_mut().poll(cx));
        let mut part = buffer.take(self.bytes);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut part))?;
        let count = part.filled().len();
        // Over itself: to say that the memory has been filled by another would be unsafe.
        let bytes = part.filled().to_vec();
        buffer.put_slice(&bytes);
        self.read.fetch_add(count, Ordering::Relaxed);
        self.resting = Box::pin(tokio::time::sleep(Duration::from_millis(1)));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Slow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A client with the windows of a browser.
struct Client {
    requests: SendRequest<Bytes>,
    /// What it has read, in all.
    read: Arc<AtomicUsize>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

impl Client {
    /// One that reads so much at a time, of a host with answers of this length.
    async fn of(length: usize, transfer_timeout: Duration, at_a_time: usize) -> Self {
        let remote = SocketAddr::from(([127, 0, 0, 1], 9));
        let (near, far) = tokio::io::duplex(8192);
        let arrived = Arrived {
            io: near,
            peer: Peer {
                remote,
                unnamed: false,
                tls: None,
            },
            seated: Crowd::new(1, None).enter().unwrap(),
            http2: true,
        };
        let mut listener = Listener::new(remote);
        listener.transfer_timeout = transfer_timeout;
        let shared = Arc::new(Shared::new(routes(length), IdSource::new(0)));
        tokio::spawn(async move {
            serve(arrived, listener.into(), &shared, &AtomicBool::new(true)).await;
        });
        let read = Arc::<AtomicUsize>::default();
        let slow = Slow {
            io: far,
            bytes: at_a_time,
            read: Arc::clone(&read),
            resting: Box::pin(tokio::time::sleep(Duration::ZERO)),
        };
        let mut builder = Builder::new();
        builder
            .initial_window_size(6 << 20)
            .initial_connection_window_size(15 << 20);
        let (requests, connection) = builder.handshake(slow).await.unwrap();
        let driver = tokio::spawn(connection);
        while !requests.is_extended_connect_protocol_enabled() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self {
            requests,
            read,
            driver,
        }
    }

    /// The lengths of that many answers, asked for at once.
    fn ask(&mut self, count: usize) -> impl Future<Output = Vec<Result<usize, h2::Error>>> + use<> {
        let answers = (0..count).map(|_| {
            let request = Request::get("http://localhost/large").body(()).unwrap();
            let (answer, _) = self.requests.send_request(request, true).unwrap();
            tokio::spawn(async move {
                let (mut length, mut body) = (0, answer.await?.into_body());
                while let Some(part) = body.data().await {
                    length += part?.len();
                }
                Ok(length)
            })
        });
        let answers: Vec<_> = answers.collect();
        async {
            join_all(answers)
                .await
                .into_iter()
                .map(Result::unwrap)
                .collect()
        }
    }
}

// hardening H14 H25: of many streams, each waits for one part of each of the others, and not for all that they have.
#[tokio::test]
async fn who_takes_steadily_gets_every_answer_and_hears_its_sessions() {
    let length = 160 << 10;
    let mut client = Client::of(length, Duration::from_millis(200), 8 << 10).await;
    let mut opening = Request::connect("http://localhost/echo").body(()).unwrap();
    let parts = opening.headers_mut();
    parts.insert("sec-websocket-version", "13".parse().unwrap());
    opening
        .extensions_mut()
        .insert(Protocol::from_static("websocket"));
    let (answer, mut session) = client.requests.send_request(opening, false).unwrap();
    let mut heard = answer.await.unwrap().into_body();
    let answers = tokio::spawn(client.ask(40));
    while client.read.load(Ordering::Relaxed) < 500_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let before = client.read.load(Ordering::Relaxed);
    // A masked "a", which comes back.
    let message = Bytes::from_static(b"\x81\x81\0\0\0\0a");
    session.send_data(message, false).unwrap();
    assert_eq!(heard.data().await.unwrap().unwrap(), &b"\x81\x01a"[..]);
    let meanwhile = client.read.load(Ordering::Relaxed) - before;
    assert!(meanwhile < 1_500_000, "{meanwhile} of 6,553,600");
    for answer in answers.await.unwrap() {
        assert_eq!(answer.unwrap(), length);
    }
    assert!(!client.driver.is_finished());
}

// hardening H14: h2 has all of the answers, and nobody is left who would wait for the peer.
#[tokio::test]
async fn who_takes_steadily_gets_what_is_left_when_all_is_answered() {
    let length = 20 << 10;
    let mut client = Client::of(length, Duration::from_millis(50), 1 << 10).await;
    for answer in client.ask(10).await {
        assert_eq!(answer.unwrap(), length);
    }
}
