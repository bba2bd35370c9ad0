//! Servers for the tests: bare sockets that say what a test wants, and a server of the protocol.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use wasket_client::Connect;
use wasket_ws::handshake::accept_key;
use wasket_ws::{CloseCode, CloseFrame, Connection, Event, Limits, Opcode, Role, Timing, frame};

/// A listener and the task that serves whoever comes, one after the other.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Serves each connection with `serve`, which is told its number.
    pub(crate) async fn start<F>(
        mut serve: impl FnMut(usize, TcpStream) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            for number in 0.. {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(number, socket));
            }
        });
        Self { address, task }
    }

    /// Echoes messages.
    pub(crate) async fn echo() -> Self {
        Self::start(|_, mut socket| async move {
            let request = Request::read(&mut socket).await;
            socket
                .write_all(request.accepted("").as_bytes())
                .await
                .unwrap();
            Peer::new(socket).echo().await;
        })
        .await
    }

    /// Reads a request and answers it with these bytes, then waits for the client to go.
    pub(crate) async fn answering(
        answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + Clone + 'static,
    ) -> Self {
        Self::start(move |_, mut socket| {
            let answer = answer.clone();
            async move {
                let request = Request::read(&mut socket).await;
                // The client may leave in the middle of it.
                let _ = socket.write_all(&answer(&request)).await;
                until_end(&mut socket).await;
            }
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    pub(crate) fn connect(&self) -> Connect {
        Connect::to(&self.url()).unwrap()
    }
}

/// Accepts a handshake.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut S) -> Peer<&mut S> {
    accept_with(socket, "").await
}

/// The same with more headers, each with its line's end.
pub(crate) async fn accept_with<'s, S: AsyncRead + AsyncWrite + Unpin>(
    socket: &'s mut S,
    more: &str,
) -> Peer<&'s mut S> {
    let request = Request::read(socket).await;
    let answer = request.accepted(more);
    socket.write_all(answer.as_bytes()).await.unwrap();
    Peer::new(socket)
}

/// An address where nobody listens, and nobody will as long as the socket is there.
pub(crate) fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Reads to the end and forgets it.
pub(crate) async fn until_end(socket: &mut (impl AsyncRead + Unpin)) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = socket.read(&mut buffer).await {}
}

/// The head of a request.
#[derive(Clone, Debug)]
pub(crate) struct Request(pub(crate) String);

impl Request {
    /// Reads a head, and not a byte more.
    pub(crate) async fn read(socket: &mut (impl AsyncRead + Unpin)) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match socket.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        Self(String::from_utf8(head).unwrap())
    }

    pub(crate) fn line(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    /// The values of a header, joined.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self
            .0
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect();
        (!values.is_empty()).then(|| values.join(" | "))
    }

    pub(crate) fn accept(&self) -> String {
        accept_key(&self.header("sec-websocket-key").unwrap())
    }

    /// A 101 with more headers, each with its line's end.
    pub(crate) fn accepted(&self, more: &str) -> String {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n{more}\r\n",
            self.accept()
        )
    }
}

/// The server's side of an open connection.
pub(crate) struct Peer<S> {
    pub(crate) socket: S,
    protocol: Connection,
    events: Vec<Event<'static>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) fn new(socket: S) -> Self {
        let limits = Limits {
            message_bytes_max: usize::MAX,
            ..Limits::default()
        };
        Self::with(
            socket,
            Connection::new(Role::Server, limits, Timing::default(), Instant::now()),
        )
    }

    pub(crate) fn with(socket: S, protocol: Connection) -> Self {
        Self {
            socket,
            protocol,
            events: Vec::new(),
        }
    }

    /// The next event; `None` when the client has gone.
    pub(crate) async fn next(&mut self) -> Option<Event<'static>> {
        let mut buffer = vec![0; 64 << 10];
        while self.events.is_empty() {
            let read = match self.socket.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => read,
            };
            let mut events = Vec::new();
            let now = Instant::now();
            self.protocol
                .receive(now, &mut buffer[..read], &mut events)
                .unwrap();
            self.events
                .extend(events.into_iter().map(Event::into_owned));
            let mut owed = Vec::new();
            self.protocol.write_owed(&mut owed);
            // The client may have gone: the next read says so.
            let _ = self.socket.write_all(&owed).await;
        }
        Some(self.events.remove(0))
    }

    /// Reads something and forgets it.
    pub(crate) async fn read_some(&mut self) {
        let mut buffer = [0; 4096];
        assert_ne!(self.socket.read(&mut buffer).await.unwrap(), 0);
    }

    pub(crate) async fn send(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut out = Vec::new();
        frame::encode(&mut out, opcode, payload, None);
        self.write(&out).await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn ping(&mut self, payload: &[u8]) {
        let mut out = Vec::new();
        self.protocol.ping(payload, &mut out).unwrap();
        self.write(&out).await;
    }

    /// Closes, or answers the client's close frame.
    pub(crate) async fn close(&mut self, frame: &CloseFrame) {
        let mut out = Vec::new();
        self.protocol.close(Instant::now(), frame, &mut out);
        let _ = self.socket.write_all(&out).await;
    }

    /// Sends back whatever comes, until the client closes.
    pub(crate) async fn echo(mut self) {
        while let Some(event) = self.next().await {
            match event {
                Event::Message(message) => {
                    let opcode = match message.is_text() {
                        true => Opcode::Text,
                        false => Opcode::Binary,
                    };
                    self.send(opcode, message.as_bytes()).await;
                }
                Event::Close(_) => return self.close(&CloseFrame::default()).await,
                _ => {}
            }
        }
    }
}

pub(crate) fn code(code: u16) -> CloseFrame {
    CloseFrame::from(CloseCode::new(code).unwrap())
}
