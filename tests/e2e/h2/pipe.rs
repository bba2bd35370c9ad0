//! A port on which HTTP/1.1 is spoken, and behind which each session is a stream of HTTP/2: so that whoever knows how to
//! open sessions can have those.

use std::net::{SocketAddr, TcpListener};
use std::thread;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tungstenite::handshake::derive_accept_key;

/// How what is sent is cut into DATA frames.
#[derive(Clone, Copy)]
pub(crate) enum Parts {
    AsTheyCome,
    OneByte,
}

/// Opens the port; it is served for as long as this process lives.
pub(crate) fn open(host: SocketAddr, parts: Parts) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(serve(listener, host, parts));
    });
    address
}

async fn serve(listener: TcpListener, host: SocketAddr, parts: Parts) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    // As many as a test needs that has a hundred sessions and one.
    let mut connections = [connect(host).await, connect(host).await];
    loop {
        let (client, _) = listener.accept().await.unwrap();
        client.set_nodelay(true).unwrap();
        connections.rotate_left(1);
        tokio::spawn(pipe(client, connections[0].clone(), parts));
    }
}

async fn connect(host: SocketAddr) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(host).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (requests, connection) = h2::client::Builder::new()
        .initial_connection_window_size(10 << 20)
        .handshake(stream)
        .await
        .unwrap();
    tokio::spawn(connection);
    while !requests.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    requests
}

async fn pipe(mut client: TcpStream, requests: SendRequest<Bytes>, parts: Parts) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let request = extended(&head);
    let mut requests = requests.ready().await.unwrap();
    let (answer, send) = requests.send_request(request, false).unwrap();
    let Ok(answer) = answer.await else { return };
    let (head, recv) = switching(&head, answer);
    if client.write_all(head.as_bytes()).await.is_err() || !head.starts_with("HTTP/1.1 101 ") {
        return;
    }
    let (from, to) = client.into_split();
    tokio::join!(up(from, send, parts), down(recv, to));
}

/// The same opening handshake as RFC 8441 has it.
fn extended(head: &str) -> Request<()> {
    let mut lines = head.split("\r\n");
    let target = lines.next().unwrap().split(' ').nth(1).unwrap();
    let mut request = Request::connect(format!("http://localhost{target}"))
        .extension(Protocol::from_static("websocket"));
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name = name.to_ascii_lowercase();
        let of_http1 = ["host", "upgrade", "connection", "sec-websocket-key"];
        if !of_http1.contains(&name.as_str()) {
            request = request.header(name, value);
        }
    }
    request.body(()).unwrap()
}

/// The answer as HTTP/1.1 has it.
fn switching(asked: &str, answer: Response<RecvStream>) -> (String, RecvStream) {
    let (head, recv) = answer.into_parts();
    let mut text = match head.status.as_u16() {
        200 => {
            "HTTP/1.1 101 over HTTP/2\r\nupgrade: websocket\r\nconnection: upgrade\r\n".to_owned()
        }
        other => format!("HTTP/1.1 {other} over HTTP/2\r\n"),
    };
    let mut fields = asked.split("\r\n").filter_map(|line| line.split_once(": "));
    let key = fields.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
    if let Some((_, key)) = key {
        let accept = derive_accept_key(key.as_bytes());
        text += &format!("sec-websocket-accept: {accept}\r\n");
    }
    for (name, value) in &head.headers {
        text += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    (text + "\r\n", recv)
}

async fn up(mut from: OwnedReadHalf, mut to: SendStream<Bytes>, parts: Parts) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let rest = match from.read(&mut bytes).await {
            Ok(0) => return to.send_data(Bytes::new(), true).unwrap_or_default(),
            Ok(count) => &bytes[..count],
            Err(_) => return to.send_reset(Reason::CANCEL),
        };
        let part = match parts {
            Parts::AsTheyCome => rest.len(),
            Parts::OneByte => 1,
        };
        for part in rest.chunks(part) {
            if !send(&mut to, part).await {
                return;
            }
        }
    }
}

/// Sends at the peer's pace. False: the peer wants no more.
async fn send(to: &mut SendStream<Bytes>, mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        to.reserve_capacity(rest.len());
        if to.capacity() == 0 {
            match std::future::poll_fn(|cx| to.poll_capacity(cx)).await {
                Some(Ok(_)) => continue,
                _ => return false,
            }
        }
        let (part, behind) = rest.split_at(to.capacity().min(rest.len()));
        rest = behind;
        if to.send_data(Bytes::copy_from_slice(part), false).is_err() {
            return false;
        }
    }
    true
}

async fn down(mut from: RecvStream, mut to: OwnedWriteHalf) {
    while let Some(Ok(bytes)) = from.data().await {
        if to.write_all(&bytes).await.is_err() {
            return;
        }
        let _ = from.flow_control().release_capacity(bytes.len());
    }
    let _ = to.shutdown().await;
}
