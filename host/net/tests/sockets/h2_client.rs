//! A client of HTTP/2, as the crate h2 has it: plain requests and sessions on one connection.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::ext::Protocol;
use h2::{Ping, PingPong, Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::{masked, soon, until};

pub(crate) struct H2 {
    pub(crate) requests: SendRequest<Bytes>,
    /// Over with the connection.
    pub(crate) driver: JoinHandle<Result<(), h2::Error>>,
    pings: PingPong,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl H2 {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::with(address, &Builder::new()).await
    }

    /// A connection with these settings, on which sessions can be opened.
    pub(crate) async fn with(address: SocketAddr, builder: &Builder) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (requests, mut connection) = builder.handshake(stream).await.unwrap();
        let pings = connection.ping_pong().unwrap();
        let driver = tokio::spawn(connection);
        until("the settings have come", || {
            requests.is_extended_connect_protocol_enabled()
        })
        .await;
        Self {
            requests,
            driver,
            pings,
        }
    }

    /// Waits until what was sent has been read.
    pub(crate) async fn flush(&mut self) -> Result<(), h2::Error> {
        soon(self.pings.ping(Ping::opaque())).await.map(|_| ())
    }

    /// Sends a head, and what is behind it if that is not its end.
    pub(crate) async fn send(
        &mut self,
        request: Request<()>,
        ends: bool,
    ) -> (Result<Response<RecvStream>, h2::Error>, SendStream<Bytes>) {
        std::future::poll_fn(|cx| self.requests.poll_ready(cx))
            .await
            .unwrap();
        let (answer, stream) = self.requests.send_request(request, ends).unwrap();
        (soon(answer).await, stream)
    }

    /// The whole answer to a request with this body.
    pub(crate) async fn ask(&mut self, request: Request<()>, body: &[u8]) -> Answer {
        std::future::poll_fn(|cx| self.requests.poll_ready(cx))
            .await
            .unwrap();
        let (answer, mut stream) = self
            .requests
            .send_request(request, body.is_empty())
            .unwrap();
        if !body.is_empty() {
            stream
                .send_data(Bytes::copy_from_slice(body), true)
                .unwrap();
        }
        whole(soon(answer).await.unwrap()).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(request("GET", path, &[]), b"").await
    }

    /// An open session.
    pub(crate) async fn open(&mut self, path: &str) -> Session {
        self.open_with(path, &[]).await
    }

    /// One that was asked for with these further fields.
    pub(crate) async fn open_with(&mut self, path: &str, fields: &[(&str, &str)]) -> Session {
        let (answer, send) = self.send(opening(path, fields), false).await;
        Session::of(answer.unwrap(), send)
    }
}

/// The answer with all of its body.
pub(crate) async fn whole(answer: Response<RecvStream>) -> Answer {
    let (head, mut stream) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(part) = soon(stream.data()).await {
        let part = part.unwrap();
        stream.flow_control().release_capacity(part.len()).unwrap();
        body.extend_from_slice(&part);
    }
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body).unwrap(),
    }
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let uri = format!("http://localhost{path}");
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// An opening handshake with these further fields (RFC 8441, section 5.1).
pub(crate) fn opening(path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = request("CONNECT", path, headers);
    let own = request.headers_mut();
    if !own.contains_key("sec-websocket-version") {
        own.insert("sec-websocket-version", "13".parse().unwrap());
    }
    let websocket = Protocol::from_static("websocket");
    request.extensions_mut().insert(websocket);
    request
}

/// A session of bare frames.
pub(crate) struct Session {
    pub(crate) send: SendStream<Bytes>,
    pub(crate) recv: RecvStream,
    /// What was agreed on.
    pub(crate) extensions: String,
    unread: Vec<u8>,
}

/// How the peer's side of a stream has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Said,
    Reset(Option<Reason>),
}

impl Session {
    /// The session that this answer opens.
    pub(crate) fn of(answer: Response<RecvStream>, send: SendStream<Bytes>) -> Self {
        assert_eq!(answer.status(), 200);
        let extensions = answer.headers().get("sec-websocket-extensions");
        let extensions = extensions.map_or("", |extensions| extensions.to_str().unwrap());
        Self {
            extensions: extensions.to_owned(),
            send,
            recv: answer.into_body(),
            unread: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        self.send.send_data(bytes, false).unwrap();
    }

    /// Sends one masked frame.
    pub(crate) fn frame(&mut self, first: u8, payload: &[u8]) {
        self.send(&masked(first, payload));
    }

    /// Ends our side.
    pub(crate) fn end(&mut self) {
        self.send.send_data(Bytes::new(), true).unwrap();
    }

    /// Reads one unmasked frame: its first byte and its payload.
    pub(crate) async fn read(&mut self) -> Result<(u8, Vec<u8>), End> {
        self.fill(2).await?;
        let head = match self.unread[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        self.fill(head).await?;
        let length = match &self.unread[1..head] {
            [short] => u64::from(*short),
            [126, a, b] => u64::from(u16::from_be_bytes([*a, *b])),
            long => u64::from_be_bytes(long[1..].try_into().unwrap()),
        };
        let end = head + usize::try_from(length).unwrap();
        self.fill(end).await?;
        let frame: Vec<u8> = self.unread.drain(..end).collect();
        Ok((frame[0], frame[head..].to_vec()))
    }

    /// Sends a text that comes back.
    pub(crate) async fn echo(&mut self, text: &str) {
        self.frame(0x81, text.as_bytes());
        assert_eq!(self.read().await, Ok((0x81, text.as_bytes().to_vec())));
    }

    /// Reads a close frame's code, and the end of the stream behind it.
    pub(crate) async fn read_close(&mut self) -> u16 {
        let (first, payload) = self.read().await.unwrap();
        assert_eq!(first, 0x88, "{payload:?}");
        assert_eq!(self.read().await, Err(End::Said));
        let code = payload.get(..2).and_then(|code| code.try_into().ok());
        code.map_or(1005, u16::from_be_bytes)
    }

    async fn fill(&mut self, wanted: usize) -> Result<(), End> {
        while self.unread.len() < wanted {
            match soon(self.recv.data()).await {
                Some(Ok(bytes)) => {
                    self.unread.extend_from_slice(&bytes);
                    let window = self.recv.flow_control();
                    // The stream may be over by now.
                    let _ = window.release_capacity(bytes.len());
                }
                Some(Err(error)) => return Err(End::Reset(error.reason())),
                None => return Err(End::Said),
            }
        }
        Ok(())
    }
}
