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
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::io::{DuplexStream, ReadBuf};
use tokio::task::JoinHandle;
use tokio::time::{Sleep, timeout};
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
struct Large {
    bytes: usize,
    bodies: Arc<Bodies>,
}

/// One of it is kept by the service, and one by each body that is not with h2 yet.
#[derive(Default)]
struct Bodies {
    made: AtomicUsize,
}

impl HttpService for Large {
    fn body_bytes_max(&self) -> u64 {
        0
    }

    fn answer<'a>(&'a self, _: HttpRequest) -> Answering<'a> {
        self.bodies.made.fetch_add(1, Ordering::Relaxed);
        let bodies = Arc::clone(&self.bodies);
        let body = Full::new(Bytes::from(vec![b'x'; self.bytes]));
        let body = body.map_err(move |never| {
            let _ = &bodies;
            match never {}
        });
        let body = body.boxed_unsync();
        Box::pin(std::future::ready(Response::new(body)))
    }
}

/// Large answers at `/large`, and an echo at `/echo`.
fn routes(large: Large) -> Routes {
    let mut routes = Routes::default();
    let large = HttpPlace {
        name: "large".into(),
        service: Some(Arc::new(large)),
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

/// The peer's end of a connection to a host with answers of this length, and what there is of them.
fn connect(length: usize, transfer_timeout: Duration) -> (DuplexStream, Arc<Bodies>) {
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
    let bodies = Arc::<Bodies>::default();
    let large = Large {
        bytes: length,
        bodies: Arc::clone(&bodies),
    };
    let shared = Arc::new(Shared::new(routes(large), IdSource::new(0)));
    tokio::spawn(async move {
        serve(arrived, listener.into(), &shared, &AtomicBool::new(true)).await;
    });
    (far, bodies)
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
        let (far, _) = connect(length, transfer_timeout);
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

/// A bare frame (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

// hardening H14 H25: what h2 has stays there, and the peer takes nothing but the answers to its pings.
#[tokio::test]
async fn who_lowers_its_windows_behind_its_answers_does_not_stay_for_pings() {
    let (count, length) = (10, 20 << 10);
    let (mut peer, bodies) = connect(length, Duration::from_millis(100));
    let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    said.extend(frame(SETTINGS, 0, 0, &[]));
    said.extend(frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 20).to_be_bytes()));
    for stream in (1..).step_by(2).take(count) {
        // GET /large of localhost
        let head = b"\x82\x86\x04\x06/large\x01\x09localhost";
        said.extend(frame(HEADERS, 5, stream, head));
    }
    peer.write_all(&said).await.unwrap();
    // With the service, and here.
    while bodies.made.load(Ordering::Relaxed) < count || Arc::strong_count(&bodies) > 2 {
        // However long that takes: who takes nothing is cut off.
        peer.read_u8().await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let no_window = [0, 4, 0, 0, 0, 0];
    peer.write_all(&frame(SETTINGS, 0, 0, &no_window))
        .await
        .unwrap();
    let mut read = 0;
    let pings = async {
        let mut bytes = [0; 4096];
        while peer.write_all(&frame(PING, 0, 0, &[0; 8])).await.is_ok() {
            match peer.read(&mut bytes).await {
                Ok(count) if count > 0 => read += count,
                _ => return,
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ended = timeout(Duration::from_secs(20), pings).await;
    assert!(ended.is_ok(), "it stays");
    assert!(read < count * length / 2, "{read} of all answers");
}

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
