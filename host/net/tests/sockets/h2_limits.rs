//! What a connection of HTTP/2 may cost, and how long.

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use tokio::io::AsyncReadExt as _;
use wasket_net::{Listener, Network};

use wasket_session::ws::{CloseCode, CloseFrame};
use wasket_session::{Closing, Limits, Party};

use crate::h2_client::{H2, opening, request, whole};
use crate::plain::Plain;
use crate::support::{Peer, Running, masked, soon, until};

/// Whose requests go by this machine.
fn trusting(listener: &mut Listener) {
    let local = Network::new([127, 0, 0, 1].into(), 32);
    listener.trusted_proxies = local.into_iter().collect();
}

fn from(address: &str) -> [(&str, &str); 1] {
    [("x-forwarded-for", address)]
}

/// Asks for something slow, and takes it back once it was heard.
async fn ask_and_take_back(client: &mut H2, fields: &[(&str, &str)]) -> Result<(), h2::Error> {
    std::future::poll_fn(|cx| client.requests.poll_ready(cx)).await?;
    let request = request("GET", "/slow", fields);
    let (_answer, mut stream) = client.requests.send_request(request, true)?;
    client.flush().await?;
    stream.send_reset(Reason::CANCEL);
    client.flush().await
}

// hardening H25: CVE-2023-44487, one request at a time.
#[tokio::test]
async fn requests_that_are_taken_back_are_a_burst_or_a_flood() {
    let server = Plain::start(|_| {}, |_| {});
    let mut client = H2::connect(server.address).await;
    for _ in 0..100 {
        ask_and_take_back(&mut client, &[]).await.unwrap();
    }
    assert_eq!(client.get("/read").await.status, 200);
    let mut beside = H2::connect(server.address).await;
    // Ten a second are forgiven.
    while ask_and_take_back(&mut client, &[]).await.is_ok() {}
    let error = soon(client.driver).await.unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(Reason::ENHANCE_YOUR_CALM));
    assert_eq!(beside.get("/read").await.status, 200);
    assert_eq!(server.stop().await, 0);
}

// hardening H25: a proxy has many clients on one connection, of whom one may mean harm.
#[tokio::test]
async fn a_flood_through_a_proxy_is_that_of_one_client() {
    let change = |listener: &mut Listener| {
        trusting(listener);
        listener.http2_streams_max = 10;
    };
    let server = Plain::start(change, |_| {});
    let mut proxy = H2::connect(server.address).await;
    let mut beside = proxy.open_with("/echo", &from("10.0.0.2")).await;
    // The last ninety of them nobody works for: they are refused before they can be taken back.
    for _ in 0..200 {
        let taken_back = ask_and_take_back(&mut proxy, &from("10.0.0.1")).await;
        taken_back.unwrap();
    }
    let asked = |address| request("GET", "/read", &from(address));
    let refused = proxy.ask(asked("10.0.0.1"), b"").await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(proxy.ask(asked("10.0.0.2"), b"").await.status, 200);
    beside.echo("hello").await;
    assert!(!proxy.driver.is_finished());
}

/// A bare frame (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The fields of a GET for somebody, in HPACK that remembers nothing.
fn get_for(path: &str, address: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let mut block = vec![0x82, 0x86, 0x04];
    block.extend(text(path));
    block.push(0x01);
    block.extend(text("localhost"));
    block.push(0x00);
    block.extend(text("x-forwarded-for"));
    block.extend(text(address));
    block
}

/// Requests for one, so many of which are taken back so quickly that all of it is there before anybody looks, from this
/// stream on; and one for another behind them.
fn burst(count: u32, first: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for stream in (first..).step_by(2).take(usize::try_from(count).unwrap()) {
        bytes.extend(frame(1, 5, stream, &get_for("/slow", "10.0.0.1")));
        bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    bytes.extend(frame(
        1,
        5,
        first + 2 * count,
        &get_for("/read", "10.0.0.2"),
    ));
    bytes
}

/// Reads to the status of a stream, as the static table has it, or to the reason for which the connection is over.
async fn status_or_end(peer: &mut Peer, wanted: u32) -> Result<u8, u8> {
    loop {
        let mut head = [0; 9];
        soon(peer.stream.read_exact(&mut head)).await.unwrap();
        let [a, b, c, kind, _, stream @ ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap()];
        soon(peer.stream.read_exact(&mut payload)).await.unwrap();
        if kind == GOAWAY {
            return Err(payload[7]);
        }
        if kind == 1 && u32::from_be_bytes(stream) == wanted {
            return Ok(payload[0]);
        }
    }
}

// hardening H25
#[tokio::test]
async fn a_burst_through_a_proxy_is_that_of_one_client() {
    let server = Plain::start(trusting, |_| {});
    let mut proxy = Peer::connect(server.address).await;
    proxy.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    proxy.send(&frame(4, 0, 0, &[])).await;
    proxy.send(&burst(250, 1)).await;
    assert_eq!(status_or_end(&mut proxy, 501).await, Ok(OK));
}

// hardening H25: a page is left before its pictures are there, and a lost packet brings the requests and their end at once.
#[tokio::test]
async fn a_burst_is_no_flood() {
    let server = Plain::start(|_| {}, |_| {});
    let mut client = Peer::connect(server.address).await;
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    client.send(&frame(4, 0, 0, &[])).await;
    client.send(&burst(150, 1)).await;
    assert_eq!(status_or_end(&mut client, 301).await, Ok(OK));
    // One after the other they are.
    client.send(&burst(150, 303)).await;
    let ended = status_or_end(&mut client, u32::MAX).await;
    assert_eq!(ended, Err(ENHANCE_YOUR_CALM));
}

/// 200, in the static table of HPACK.
const OK: u8 = 0x88;
const ENHANCE_YOUR_CALM: u8 = 11;

// hardening H25
#[tokio::test]
async fn no_more_streams_than_were_agreed_are_open_at_once() {
    let server = Running::echo_at(|listener| listener.http2_streams_max = 2, |_| {});
    let mut client = H2::connect(server.address).await;
    assert_eq!(client.requests.current_max_send_streams(), 2);
    let mut sessions = [client.open("/echo").await, client.open("/echo").await];
    for session in &mut sessions {
        session.echo("hello").await;
    }
    // A third one waits for the place of another.
    let [first, _second] = &mut sessions;
    first.send.send_reset(Reason::CANCEL);
    client.open("/echo").await.echo("third").await;
}

// hardening H14 H25
#[tokio::test]
async fn a_connection_without_streams_has_its_time() {
    let short = Duration::from_millis(100);
    let server = Running::echo_at(|listener| listener.request_head_timeout = short, |_| {});
    let mut client = H2::connect(server.address).await;
    let mut session = client.open("/echo").await;
    // One that has a session is not without.
    tokio::time::sleep(short * 3).await;
    session.echo("still here").await;
    session.send.send_reset(Reason::CANCEL);
    drop(session);
    // Told by GOAWAY, which is no error.
    soon(client.driver).await.unwrap().unwrap();
    assert_eq!(server.stop().await, 0);
}

// hardening H14
#[tokio::test]
async fn half_a_preface_has_the_time_of_a_handshake() {
    let short = Duration::from_millis(100);
    for begin in [&b"PR"[..], b"PRI * HTTP/2.0\r\n"] {
        let change = |listener: &mut Listener| {
            listener.handshake_timeout = short;
            listener.request_head_timeout = short;
        };
        let server = Running::echo_at(change, |_| {});
        let mut peer = Peer::connect(server.address).await;
        peer.send(begin).await;
        // At most our settings come.
        let mut rest = Vec::new();
        let _ = soon(peer.stream.read_to_end(&mut rest)).await;
        assert!(!rest.starts_with(b"HTTP/1.1"), "{rest:?}");
        assert_eq!(server.stop().await, 0);
    }
}

// hardening H25, parity S1
#[tokio::test]
async fn streams_of_a_proxy_are_counted_for_their_clients() {
    let change = |listener: &mut Listener| {
        trusting(listener);
        listener.connections_per_address_max = Some(1);
    };
    let server = Running::echo_at(change, |_| {});
    let mut proxy = H2::connect(server.address).await;
    let from = |address: &'static str| opening("/echo", &from(address));
    let mut open = Vec::new();
    for (address, expected) in [
        ("10.0.0.1", 200),
        ("10.0.0.1", 503),
        ("10.0.0.2", 200),
        ("10.0.0.2", 503),
    ] {
        let (answer, stream) = proxy.send(from(address), false).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), expected, "{address}");
        open.push((answer, stream));
    }
    let seen = server.hub.ids(0, 10).into_iter().map(|id| {
        let session = server.hub.session(id).unwrap();
        session.opening().remote_address.ip().to_string()
    });
    assert_eq!(seen.collect::<Vec<_>>(), ["10.0.0.1", "10.0.0.2"]);
    // Who leaves makes room.
    open.clear();
    until("they have left", || server.hub.count() == 0).await;
    let (answer, _stream) = proxy.send(from("10.0.0.1"), false).await;
    assert_eq!(answer.unwrap().status(), 200);
}

/// Reads to the next frame of this stream, or of another that ends the connection: its kind.
async fn next_of(peer: &mut Peer, stream: u32) -> u8 {
    loop {
        let mut head = [0; 9];
        soon(peer.stream.read_exact(&mut head)).await.unwrap();
        let [a, b, c, kind, _, id @ ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap()];
        soon(peer.stream.read_exact(&mut payload)).await.unwrap();
        if u32::from_be_bytes(id) == stream || kind == GOAWAY {
            return kind;
        }
    }
}

const RST_STREAM: u8 = 3;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

// hardening H25: h2 counts small frames of streams that are over for as long as a connection lives.
#[tokio::test]
async fn what_is_under_way_when_a_request_is_answered_is_no_mistake_of_its_peer() {
    let server = Running::echo(Limits::default());
    let mut peer = Peer::connect(server.address).await;
    peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    peer.send(&frame(4, 0, 0, &[])).await;
    // POST /nowhere, whose answer comes before its body has.
    let head = b"\x83\x86\x01\x09localhost\x04\x08/nowhere";
    for number in 0..20 {
        let stream = 2 * number + 1;
        peer.send(&frame(1, 4, stream, head)).await;
        while next_of(&mut peer, stream).await != RST_STREAM {}
        // Somebody far away has sent a part of it by now, in small pieces.
        peer.send(&frame(0, 0, stream, b"piece").repeat(1000)).await;
        peer.send(&frame(PING, 0, 0, &[0; 8])).await;
        assert_eq!(next_of(&mut peer, 0).await, PING, "of stream {stream}");
    }
}

#[tokio::test]
async fn what_is_under_way_when_a_session_is_closed_is_no_mistake_of_its_peer() {
    let limits = Limits {
        close_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = Running::echo(limits);
    let mut client = H2::connect(server.address).await;
    let message = masked(0x82, b"small");
    for _ in 0..5 {
        let mut sessions = Vec::new();
        for _ in 0..50 {
            sessions.push(client.open("/echo").await);
        }
        server.hub.shut_all(&Closing {
            frame: CloseFrame::truncated(CloseCode::GOING_AWAY, ""),
            by: Party::Host,
            drain: true,
        });
        // None of them reads, or minds what it is told.
        for _ in 0..400 {
            for session in &mut sessions {
                let message = Bytes::copy_from_slice(&message);
                let _ = session.send.send_data(message, false);
            }
        }
        until("all were given up", || server.hub.count() == 0).await;
        client.flush().await.unwrap();
    }
    client.open("/echo").await.echo("still here").await;
}

// hardening H25, parity S1: sessions on one connection are no way round the limit.
#[tokio::test]
async fn sessions_are_counted_for_their_address_on_whatever_connection() {
    let change = |listener: &mut Listener| listener.connections_per_address_max = Some(2);
    let server = Running::echo_at(change, |_| {});
    let mut client = H2::connect(server.address).await;
    let mut first = client.open("/echo").await;
    let mut second = client.open("/echo").await;
    let (answer, _up) = client.send(opening("/echo", &[]), false).await;
    assert_eq!(answer.unwrap().status(), 503);
    // Requests do not count, and neither hurts those that are open.
    assert_eq!(client.get("/nowhere").await.status, 404);
    first.echo("first").await;
    second.echo("second").await;
    // Another connection is one more, whatever its version.
    let mut peer = Peer::connect(server.address).await;
    let mut nothing = Vec::new();
    let _ = soon(peer.stream.read_to_end(&mut nothing)).await;
    assert_eq!(nothing, b"");
    // Who leaves makes room, with the connection's own place or another.
    for leaves in [&mut first, &mut second] {
        leaves.send.send_reset(Reason::CANCEL);
        until("it has left", || server.hub.count() == 1).await;
        let opened = client.open("/echo").await;
        *leaves = opened;
    }
    first.echo("again").await;
    second.echo("again").await;
}

// hardening H25
#[tokio::test]
async fn an_unread_body_costs_its_window_and_holds_up_nobody() {
    let server = Plain::start(|_| {}, |_| {});
    let mut client = H2::connect(server.address).await;
    let mut uploads = Vec::new();
    for _ in 0..50 {
        // Nobody reads it: the service waits, and then answers without it.
        let (answer, mut stream) = client
            .requests
            .send_request(request("POST", "/slow", &[]), false)
            .unwrap();
        stream.send_data(vec![7; 1 << 20].into(), true).unwrap();
        uploads.push((answer, stream));
    }
    assert_eq!(client.get("/read").await.status, 200);
    for (answer, _stream) in uploads {
        assert_eq!(whole(soon(answer).await.unwrap()).await.status, 200);
    }
}
