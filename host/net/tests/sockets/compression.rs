//! permessage-deflate on real sockets: what is answered, and what passes.

use std::sync::Arc;
use std::time::Instant;

use wasket_session::echo::Echo;
use wasket_session::ws::deflate::{Deflater, Parameters, Profile, Terms};
use wasket_session::ws::frame::{self, FirstByte};
use wasket_session::ws::{Connection, Event, Limits as WsLimits, Message, Opcode, Role, Timing};
use wasket_session::{Account, Compression, Hub, Limits};

use crate::h2_client::{H2, Session, opening};
use crate::support::{Peer, Running, masked, request, until};

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

fn echo(terms: Terms) -> Running {
    let compression = Compression {
        terms,
        level: 6,
        message_bytes_min: 16,
        memory: Account::new(1 << 20),
    };
    let limits = Limits {
        message_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let hub = Hub::new("echo", limits, Vec::new()).with_compression(Some(compression));
    Running::start(Arc::new(Echo::new(Arc::new(hub))), |_| {})
}

async fn open(running: &Running, headers: &str) -> (Peer, Option<String>) {
    let mut peer = Peer::connect(running.address).await;
    let head = peer.ask(&request("/echo", headers)).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let extensions = head
        .lines()
        .find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
    (peer, extensions.map(str::to_owned))
}

fn deflated(payload: &[u8]) -> Vec<u8> {
    let profile = Profile::new(6, 15);
    profile.deflate(payload, <[u8]>::to_vec).unwrap()
}

// parity S10 S11 B4
#[tokio::test]
async fn what_is_offered_is_answered_where_it_is_switched_on() {
    let on = echo(Terms::default());
    let off = Running::echo(Limits::default());
    let none = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let (_, extensions) = open(&on, OFFER).await;
    assert_eq!(extensions.as_deref(), Some(none));
    let invalid = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8\r\n";
    for (running, headers) in [(&on, ""), (&on, invalid), (&off, OFFER)] {
        let (mut peer, extensions) = open(running, headers).await;
        assert_eq!(extensions, None, "{headers}");
        peer.frame(0xC1, &deflated(b"Hello")).await;
        assert_eq!(peer.read_close().await.0, 1002);
    }
    assert_eq!((on.stop().await, off.stop().await), (0, 0));
}

// parity S10
#[tokio::test]
async fn streams_of_http_2_are_compressed_as_well() {
    let running = echo(Terms::default());
    let mut client = H2::connect(running.address).await;
    let offer = [("sec-websocket-extensions", "permessage-deflate")];
    let (answer, send) = client.send(opening("/echo", &offer), false).await;
    let mut session = Session::of(answer.unwrap(), send);
    assert!(session.extensions.starts_with("permessage-deflate;"));
    let text = "the same again, ".repeat(100);
    session.frame(0xC1, &deflated(text.as_bytes()));
    let (first, payload) = session.read().await.unwrap();
    assert_eq!(first, 0xC1);
    assert!(payload.len() < text.len() / 2, "{}", payload.len());
}

// hardening H9 H10
#[tokio::test]
async fn messages_come_back_compressed_if_they_are_large_enough() {
    let running = echo(Terms::default());
    let (mut peer, _) = open(&running, OFFER).await;
    let text = "the same again, ".repeat(100);
    let compressed = deflated(text.as_bytes());
    // Whole, in fragments with a ping in between, and not compressed.
    peer.frame(0xC1, &compressed).await;
    peer.frame(0x41, &compressed[..5]).await;
    peer.frame(0x89, b"?").await;
    peer.frame(0x00, &compressed[5..]).await;
    peer.frame(0x80, b"").await;
    peer.frame(0x81, text.as_bytes()).await;
    peer.frame(0xC1, &deflated(b"short")).await;
    let mut got = Vec::new();
    for _ in 0..5 {
        got.push(peer.read().await.unwrap());
    }
    got.retain(|frame| *frame != (0x8A, b"?".to_vec()));
    let large = (0xC1, compressed);
    assert_eq!(
        got,
        [
            large.clone(),
            large.clone(),
            large,
            (0x81, b"short".to_vec())
        ]
    );
    drop(peer);
    assert_eq!(running.stop().await, 0);
}

// hardening H9, RFC 7692 section 7.2.3.2
#[tokio::test]
async fn messages_refer_to_earlier_ones_both_ways() {
    let running = echo(Terms {
        server_context_takeover: true,
        client_context_takeover: true,
        ..Terms::default()
    });
    let (mut peer, extensions) = open(&running, OFFER).await;
    assert_eq!(extensions.as_deref(), Some("permessage-deflate"));
    let text = "the same again, ".repeat(10);
    let first = deflated(text.as_bytes());
    peer.frame(0xC1, &first).await;
    assert_eq!(peer.read().await, Some((0xC1, first)));
    for _ in 0..3 {
        // What we send at this distance the echo, which has the same window, writes the same.
        let mut again = Deflater::new(Profile::new(6, 15));
        let mut deflated = Vec::new();
        again.deflate(text.as_bytes(), &mut Vec::new()).unwrap();
        again.deflate(text.as_bytes(), &mut deflated).unwrap();
        peer.frame(0xC1, &deflated).await;
        let (first, payload) = peer.read().await.unwrap();
        assert_eq!(first, 0xC1);
        assert!(payload.len() < 10, "{payload:x?}");
    }
    drop(peer);
    assert_eq!(running.stop().await, 0);
}

// parity M2: whoever agreed on it gets a broadcast compressed, others as it is; and behind large ones in order.
#[tokio::test]
async fn a_broadcast_reaches_those_with_and_without_compression() {
    let running = echo(Terms::default());
    let (mut with, _) = open(&running, OFFER).await;
    let (mut without, _) = open(&running, "").await;
    until("both have joined", || running.hub.count() == 2).await;
    let payloads = [
        b"a".repeat(20),
        b"b".repeat(100_000),
        b"c".to_vec(),
        b"d".repeat(8_000),
    ];
    for payload in &payloads {
        running
            .hub
            .broadcast(&Message::Binary(payload.as_slice().into()), None);
    }
    for payload in &payloads {
        assert_eq!(without.read().await, Some((0x82, payload.clone())));
        let compressed = match payload.len() {
            ..16 => (0x82, payload.clone()),
            _ => (0xC2, deflated(payload)),
        };
        assert_eq!(with.read().await, Some(compressed));
    }
    until("nothing is queued", || running.hub.account().bytes() == 0).await;
    let queued = |id| {
        running
            .hub
            .session(id)
            .map(|session| session.queued_bytes())
    };
    let queued: Vec<_> = running.hub.ids(0, 9).into_iter().map(queued).collect();
    assert_eq!(queued, [Some(0); 2]);
    drop((with, without));
    assert_eq!(running.stop().await, 0);
}

// hardening H9: own answers and what others send, small and large, are deflated in the order of the wire.
#[tokio::test]
async fn contexts_agree_whoever_sent_what() {
    let running = echo(Terms {
        server_context_takeover: true,
        ..Terms::default()
    });
    let (mut peer, _) = open(&running, OFFER).await;
    let now = Instant::now();
    let client = Connection::new(Role::Client, WsLimits::default(), Timing::default(), now);
    let mut client = client.with_inflate(Parameters::default().inflate(Role::Client));
    for round in 0..20 {
        let text =
            |who: &str, times| format!("{who} says something in round {round}. ").repeat(times);
        let mine = text("the client", 1 + round * 20);
        let others = [("somebody", 2), ("somebody else", 400), ("a third", 1)];
        let others = others.map(|(who, times)| text(who, times));
        let broadcast = |text: &String| {
            let message = Message::Text(text.as_str().into());
            running.hub.broadcast(&message, None);
        };
        let echoed = masked(0x81, mine.as_bytes());
        broadcast(&others[0]);
        peer.send(&[&*echoed, &masked(0x89, b"?"), &echoed].concat())
            .await;
        others[1..].iter().for_each(broadcast);
        let mut expected = Vec::from(others);
        expected.extend([mine.clone(), mine]);
        let mut got = Vec::new();
        while got.len() < expected.len() {
            let (first, payload) = peer.read().await.unwrap();
            let mut bytes = unmasked(first, &payload);
            let mut events = Vec::new();
            client.receive(now, &mut bytes, &mut events).unwrap();
            if let [Event::Message(message)] = &events[..] {
                got.push(String::from_utf8(message.as_bytes().to_vec()).unwrap());
            }
        }
        expected.sort();
        got.sort();
        assert!(got == expected, "{round}");
    }
    drop(peer);
    assert_eq!(running.stop().await, 0);
}

/// A frame as a server writes it.
fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let first = match first {
        0xC1 => FirstByte::deflated(Opcode::Text),
        0x81 => FirstByte::whole(Opcode::Text),
        _ => FirstByte::whole(Opcode::Pong),
    };
    let mut bytes = Vec::new();
    frame::encode_first(&mut bytes, first, payload, None);
    bytes
}

// hardening H1 H8 H10
#[tokio::test]
async fn what_does_not_inflate_or_gets_too_large_ends_the_session() {
    let running = echo(Terms::default());
    let bomb = deflated(&vec![0; (1 << 20) + 1]);
    let cases: [(u8, &[u8], u16); 6] = [
        (0xC2, &bomb, 1009),
        (0xC2, b"\x06\x00", 1007),
        (0xC1, &deflated(b"\xFF"), 1007),
        (0xC9, b"", 1002),
        (0xC0, b"", 1002),
        (0xD1, b"", 1002),
    ];
    for (first, payload, code) in cases {
        let (mut peer, _) = open(&running, OFFER).await;
        peer.frame(first, payload).await;
        assert_eq!(peer.read_close().await.0, code, "{first:x}");
    }
    assert_eq!(running.stop().await, 0);
}
