//! Connections of guests to the outside: the example guests/relay between a foreign client and a foreign server.

mod ends;
mod load;
mod refused;
mod several;
mod stalls;
mod trusted;

use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::CloseFrame;
use tungstenite::{Message, WebSocket};

use crate::host::Host;

/// A server of another make, for one connection.
pub(crate) struct Upstream {
    listener: TcpListener,
}

impl Upstream {
    pub(crate) fn bind() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        Self { listener }
    }

    /// One that holds little unread.
    pub(crate) fn bind_small() -> Self {
        let upstream = Self::bind();
        let socket = socket2::SockRef::from(&upstream.listener);
        socket.set_recv_buffer_size(4 << 10).unwrap();
        upstream
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/up", self.listener.local_addr().unwrap())
    }

    /// The same by a name.
    pub(crate) fn url_by_name(&self) -> String {
        self.url().replace("127.0.0.1", "localhost")
    }

    /// Takes one whose request and answer are looked at, and reads to its end.
    pub(crate) fn serve_with(
        self,
        mut answer: impl FnMut(&Request, &mut Response) + Send + 'static,
    ) -> JoinHandle<(u16, String)> {
        thread::spawn(move || {
            let (stream, _) = self.listener.accept().unwrap();
            #[expect(clippy::result_large_err, reason = "as tungstenite wants it")]
            let answer = |request: &Request, mut response: Response| {
                answer(request, &mut response);
                Ok(response)
            };
            end_of(&mut tungstenite::accept_hdr(stream, answer).unwrap())
        })
    }

    /// Takes a connection in a thread of its own, and serves it there.
    pub(crate) fn serve<T: Send + 'static>(
        self,
        serve: impl FnOnce(WebSocket<TcpStream>) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        thread::spawn(move || serve(self.accept()))
    }

    /// Takes so many, one after the other.
    pub(crate) fn serve_each<T: Send + 'static>(
        self,
        count: usize,
        mut serve: impl FnMut(WebSocket<TcpStream>) -> T + Send + 'static,
    ) -> JoinHandle<Vec<T>> {
        thread::spawn(move || (0..count).map(|_| serve(self.accept())).collect())
    }

    fn accept(&self) -> WebSocket<TcpStream> {
        let (stream, _) = self.listener.accept().unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        tungstenite::accept(stream).unwrap()
    }
}

/// A host whose relay bridges to this URL, with these lines of settings.
pub(crate) fn relay(url: &str, settings: &str) -> Host {
    Host::serve(&format!(
        "[service.relay]\npath = \"/relay\"\ncomponent = \"GUESTS/relay.wasm\"\n\
         config = {{ upstream = \"{url}\" }}\n{settings}\n"
    ))
}

/// The same with leave for it.
pub(crate) fn bridge(upstream: &Upstream) -> Host {
    let url = upstream.url();
    relay(&url, &format!("connect = [\"{url}\"]"))
}

/// Reads to the close frame: its code and reason.
pub(crate) fn end_of(socket: &mut WebSocket<TcpStream>) -> (u16, String) {
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => {
                let end = frame.map_or((1005, String::new()), |CloseFrame { code, reason }| {
                    (code.into(), reason.as_str().to_owned())
                });
                while socket.read().is_ok() {}
                return end;
            }
            Ok(_) => {}
            Err(error) => panic!("no close frame: {error}"),
        }
    }
}

// parity W1
#[test]
fn messages_go_both_ways_as_what_they_are() {
    let upstream = Upstream::bind();
    let host = bridge(&upstream);
    let server = upstream.serve(|mut socket| {
        for _ in 0..3 {
            let message = socket.read().unwrap();
            socket.send(message).unwrap();
        }
        end_of(&mut socket)
    });
    let mut client = host.connect("relay");
    client.send("early");
    assert_eq!(client.text(), "early");
    let bytes = Message::binary(vec![0, 255]);
    client.socket.send(bytes.clone()).unwrap();
    assert_eq!(client.message(), bytes);
    let large = Message::text("\u{e9}".repeat(200_000));
    client.socket.send(large.clone()).unwrap();
    assert_eq!(client.message(), large);
    assert_eq!(client.close(4001, "bye"), (4001, "bye".to_owned()));
    assert_eq!(server.join().unwrap(), (4001, "bye".to_owned()));
    host.logged(&["connected to the outside", "\"service\":\"relay\""]);
    host.logged(&["connection to the outside closed", "4001"]);
}
