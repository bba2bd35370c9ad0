//! A server with native services on port 0, and a peer that speaks raw bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use wasket_net::{Access, Hosts, Listener, Origins, Place, Route, Routes, Server, ServerHandle};
use wasket_session::echo::Echo;
use wasket_session::{Hub, IdSource, Limits, Service};

/// A running server.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) hub: Arc<Hub>,
    handle: ServerHandle,
    task: JoinHandle<usize>,
}

impl Running {
    /// An echo at `/echo`.
    pub(crate) fn echo(limits: Limits) -> Self {
        let hub = Arc::new(Hub::new("echo", limits, vec!["b".into(), "a".into()]));
        Self::start(Arc::new(Echo::new(hub)), |_| {})
    }

    /// A service at `/echo`, and an unavailable one at `/broken`.
    pub(crate) fn start(service: Arc<dyn Service>, change: impl FnOnce(&mut Listener)) -> Self {
        Self::start_at(service, change, |_| {})
    }

    /// The same, for those whom this lets in.
    pub(crate) fn start_with(
        service: Arc<dyn Service>,
        access: &Access,
        change: impl FnOnce(&mut Listener),
    ) -> Self {
        Self::start_at(service, change, |place| place.access = access.clone())
    }

    /// An echo at `/echo`, with this about the listener and its place.
    pub(crate) fn echo_at(change: impl FnOnce(&mut Listener), place: impl Fn(&mut Place)) -> Self {
        let hub = Arc::new(Hub::new("echo", Limits::default(), Vec::new()));
        Self::start_at(Arc::new(Echo::new(hub)), change, place)
    }

    fn start_at(
        service: Arc<dyn Service>,
        change: impl FnOnce(&mut Listener),
        change_place: impl Fn(&mut Place),
    ) -> Self {
        let hub = Arc::clone(service.hub());
        let mut routes = Routes::default();
        for (path, service) in [("/echo", Some(service)), ("/broken", None)] {
            let mut place = Place {
                name: path.trim_start_matches('/').into(),
                service,
                hosts: Hosts::default(),
                origins: Origins::default(),
                access: Access::default(),
                response_headers: vec![("x-served-by".parse().unwrap(), "wasket".parse().unwrap())],
            };
            change_place(&mut place);
            routes.add(Route::parse(path).unwrap(), place);
        }
        let mut listener = Listener::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        change(&mut listener);
        let server = Server::bind(vec![listener], routes, IdSource::new(0)).unwrap();
        let address = server.addresses()[0];
        let handle = server.handle();
        let task = tokio::spawn(server.run(Duration::from_secs(10)));
        Self {
            address,
            hub,
            handle,
            task,
        }
    }

    /// Stops it; how many connections did not end in time.
    pub(crate) async fn stop(self) -> usize {
        self.handle.stop();
        self.task.await.unwrap()
    }

    /// Begins to stop it.
    pub(crate) fn begin_stop(&self) {
        self.handle.stop();
    }

    /// A connection that has opened a session.
    pub(crate) async fn open(&self) -> Peer {
        let mut peer = Peer::connect(self.address).await;
        let head = peer.ask(&request("/echo", "")).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        peer
    }
}

/// An opening handshake with these further header lines.
pub(crate) fn request(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    )
}

/// A client of raw bytes.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
}

impl Peer {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Sends a request and reads the answer's head.
    pub(crate) async fn ask(&mut self, request: &str) -> String {
        self.send(request.as_bytes()).await;
        self.head().await
    }

    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match soon(self.stream.read_u8()).await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(head).unwrap()
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
    }

    /// Sends one masked frame.
    pub(crate) async fn frame(&mut self, first: u8, payload: &[u8]) {
        self.send(&masked(first, payload)).await;
    }

    /// Reads one unmasked frame: its first byte and its payload; `None` at the end of the stream.
    pub(crate) async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut start = [0; 2];
        soon(self.stream.read_exact(&mut start)).await.ok()?;
        assert_eq!(start[1] & 0x80, 0, "a server's frame is not masked");
        let length = match start[1] {
            126 => u64::from(self.stream.read_u16().await.ok()?),
            127 => self.stream.read_u64().await.ok()?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        soon(self.stream.read_exact(&mut payload)).await.ok()?;
        Some((start[0], payload))
    }

    /// Reads a close frame's code and reason, and the end of the stream behind it.
    pub(crate) async fn read_close(&mut self) -> (u16, String) {
        let (first, payload) = self.read().await.expect("a close frame");
        assert_eq!(first, 0x88, "{payload:?}");
        assert!(self.read().await.is_none());
        let (code, reason) = payload.split_at(2.min(payload.len()));
        let code = code.try_into().map_or(1005, u16::from_be_bytes);
        (code, String::from_utf8(reason.to_vec()).unwrap())
    }
}

/// One masked frame.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        n @ ..126 => frame.push(0x80 | u8::try_from(n).unwrap()),
        n @ ..65_536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(n).unwrap().to_be_bytes());
        }
        n => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(n as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
    frame
}

/// A close frame's payload.
pub(crate) fn closing(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// Nothing here takes longer, unless it hangs.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("the test hangs")
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..4000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}
