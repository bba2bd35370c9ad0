//! Clients seen through proxies, on real sockets: every peer here is 127.0.0.1.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use wasket_net::{Listener, Network, Networks};

use crate::plain::Plain;
use crate::support::{Peer, Running, request, soon, until};

fn local() -> Networks {
    let network = Network::new([127, 0, 0, 0].into(), 8);
    network.into_iter().collect()
}

fn trusting(change: impl FnOnce(&mut Listener)) -> Running {
    let trust = |listener: &mut Listener| {
        listener.trusted_proxies = local();
        change(listener);
    };
    Running::echo_at(trust, |_| {})
}

/// Opens a session with these bytes before the request and these lines in it; how it is seen.
async fn seen(server: &Running, before: &[u8], lines: &str) -> (SocketAddr, bool, String) {
    let mut peer = Peer::connect(server.address).await;
    peer.send(before).await;
    let head = peer.ask(&request("/echo", lines)).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{lines}: {head}");
    peer.frame(0x81, b"hello").await;
    assert_eq!(peer.read().await, Some((0x81, b"hello".to_vec())));
    let ids = server.hub.ids(0, 2);
    assert_eq!(ids.len(), 1);
    let session = server.hub.session(ids[0]).unwrap();
    let opening = session.opening();
    let seen = (
        opening.remote_address,
        opening.secure,
        opening.authority.to_string(),
    );
    drop((session, peer));
    until("it has left", || server.hub.count() == 0).await;
    seen
}

// parity B2
#[tokio::test]
async fn a_trusted_proxy_says_who_the_client_is() {
    let server = trusting(|_| {});
    for (lines, address, secure, host) in [
        (
            "X-Forwarded-For: 1.1.1.1, 192.0.2.7\r\n",
            "192.0.2.7:0",
            false,
            "localhost",
        ),
        (
            "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n",
            "192.0.2.7:0",
            true,
            "a.example",
        ),
        (
            "Forwarded: for=\"[2001:db8::7]:81\";proto=https;host=\"a:1\", for=127.9.9.9\r\n",
            "[2001:db8::7]:81",
            true,
            "a:1",
        ),
    ] {
        let told = (address.parse().unwrap(), secure, host.to_owned());
        assert_eq!(seen(&server, b"", lines).await, told, "{lines}");
    }
    let own = seen(&server, b"", "").await;
    assert!(own.0.ip().is_loopback() && own.0.port() != 0);
}

// hardening H15
#[tokio::test]
async fn anybody_else_is_not_believed() {
    let server = Running::echo_at(|_| {}, |_| {});
    let lines = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n\
                 Forwarded: for=192.0.2.8;\"broken\r\n";
    let (address, secure, host) = seen(&server, b"", lines).await;
    assert!(address.ip().is_loopback());
    assert_eq!((secure, host.as_str()), (false, "localhost"));
    // So its origin is compared with the host that was asked for.
    let spoofed = format!("{lines}Origin: https://evil\r\n");
    let mut peer = Peer::connect(server.address).await;
    let head = peer.ask(&request("/echo", &spoofed)).await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
}

// hardening H15
#[tokio::test]
async fn origins_are_those_of_the_host_before_the_proxy() {
    let server = trusting(|_| {});
    let told = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: chat.example\r\n";
    for (origin, expected) in [
        ("https://chat.example", "101"),
        ("http://chat.example", "403"),
        ("https://localhost", "403"),
    ] {
        let lines = format!("{told}Origin: {origin}\r\n");
        let mut peer = Peer::connect(server.address).await;
        let head = peer.ask(&request("/echo", &lines)).await;
        assert_eq!(head.split(' ').nth(1), Some(expected), "{origin}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_of_a_trusted_proxy_is_refused_with_400() {
    let server = trusting(|_| {});
    for lines in [
        "X-Forwarded-For: somebody\r\n",
        "X-Forwarded-For: 192.0.2.7,\r\n",
        "X-Forwarded-Proto: gopher\r\n",
        "X-Forwarded-Host: a/b\r\n",
        "Forwarded: for=\"192.0.2.7\r\n",
        "Forwarded: for=192.0.2.7\r\nX-Forwarded-For: 192.0.2.8\r\n",
    ] {
        let mut peer = Peer::connect(server.address).await;
        let head = peer.ask(&request("/echo", lines)).await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{lines}: {head}");
    }
}

// parity S1
#[tokio::test]
async fn the_limit_for_an_address_is_that_of_the_client() {
    let server = trusting(|listener| listener.connections_per_address_max = Some(1));
    let ask = async |client: &str| {
        let mut peer = Peer::connect(server.address).await;
        let lines = format!("X-Forwarded-For: {client}\r\n");
        let head = peer.ask(&request("/echo", &lines)).await;
        let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
        (status, peer)
    };
    let (status, first) = ask("192.0.2.7").await;
    assert_eq!(status, "101");
    assert_eq!(ask("192.0.2.7").await.0, "503");
    let (status, _second) = ask("192.0.2.8").await;
    assert_eq!(status, "101");
    drop(first);
    for attempt in 0.. {
        if ask("192.0.2.7").await.0 == "101" {
            break;
        }
        assert!(attempt < 1000, "no room came back");
    }
}

// parity S1: a proxy keeps connections for whoever asks next.
#[tokio::test]
async fn an_idle_connection_of_a_proxy_is_nobodys() {
    let change = |listener: &mut Listener| {
        listener.trusted_proxies = local();
        listener.connections_per_address_max = Some(1);
    };
    let server = Plain::start(change, |_| {});
    let ask = async |path: &str, client: &str| {
        let mut peer = Peer::connect(server.address).await;
        let lines = format!("Host: a\r\nX-Forwarded-For: {client}\r\n\r\n");
        let head = peer.ask(&format!("GET {path} HTTP/1.1\r\n{lines}")).await;
        let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
        (status, peer)
    };
    let mut idle = Vec::new();
    for path in ["/read", "/read", "/none", "/unread"] {
        let (status, mut peer) = ask(path, "192.0.2.7").await;
        assert_eq!(status, "200", "{path}");
        let mut answer = [0; 9];
        soon(peer.stream.read_exact(&mut answer)).await.unwrap();
        idle.push(peer);
    }
    // While it is answered it counts.
    let (status, _endless) = ask("/endless", "192.0.2.7").await;
    assert_eq!(status, "200");
    assert_eq!(ask("/read", "192.0.2.7").await.0, "503");
    assert_eq!(ask("/read", "192.0.2.8").await.0, "200");
    let (_, second) = idle.split_at_mut(1);
    let next = second[0].ask("GET /read HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n");
    let mut rest = next.await;
    while !rest.contains("HTTP/1.1 200 ") {
        rest = second[0].head().await;
        assert!(!rest.is_empty(), "its connection is over");
    }
}

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x0a\0\0\x01\x10\0\x01\xbb";

#[tokio::test]
async fn a_head_of_the_proxy_protocol_says_who_the_client_is() {
    let server = trusting(|listener| listener.proxy_protocol = true);
    let v1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 4096 443\r\n".as_slice();
    for head in [V2, v1] {
        let (address, ..) = seen(&server, head, "").await;
        assert_eq!(address.to_string(), "192.0.2.7:4096");
        // The client is nobody whose word counts.
        let (address, ..) = seen(&server, head, "X-Forwarded-For: 1.1.1.1\r\n").await;
        assert_eq!(address.to_string(), "192.0.2.7:4096");
    }
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let (address, ..) = seen(&server, local, "").await;
    assert!(address.ip().is_loopback());
    let (address, ..) = seen(&server, local, "X-Forwarded-For: 192.0.2.9\r\n").await;
    assert_eq!(address.to_string(), "192.0.2.9:0");
    // One proxy behind another.
    let inner = b"PROXY TCP4 127.1.1.1 10.0.0.1 4096 443\r\n";
    let (address, ..) = seen(&server, inner, "X-Forwarded-For: 192.0.2.9\r\n").await;
    assert_eq!(address.to_string(), "192.0.2.9:0");
}

// hardening H15: somebody whom the proxy cannot name is not the proxy.
#[tokio::test]
async fn who_is_behind_a_head_without_a_name_is_not_believed() {
    let server = trusting(|listener| listener.proxy_protocol = true);
    let unspecified = b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0".as_slice();
    let unix = [b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8".as_slice(), &[0; 216]].concat();
    let lines =
        "X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=\"broken\r\n";
    for head in [b"PROXY UNKNOWN\r\n", unspecified, &unix] {
        let (address, secure, _) = seen(&server, head, lines).await;
        assert!(address.ip().is_loopback() && !secure);
    }
    // All of one proxy are one address.
    let server = trusting(|listener| {
        listener.proxy_protocol = true;
        listener.connections_per_address_max = Some(1);
    });
    let mut first = Peer::connect(server.address).await;
    first.send(unspecified).await;
    let head = first.ask(&request("/echo", "")).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut second = Peer::connect(server.address).await;
    let _ = tokio::io::AsyncWriteExt::write_all(&mut second.stream, unspecified).await;
    assert!(soon(second.stream.read_u8()).await.is_err());
}

// hardening H21
#[tokio::test]
async fn a_head_may_come_byte_by_byte() {
    let server = trusting(|listener| listener.proxy_protocol = true);
    for head in [V2, b"PROXY TCP6 2001:db8::7 ::1 4096 443\r\n"] {
        let mut peer = Peer::connect(server.address).await;
        for byte in head {
            peer.send(&[*byte]).await;
            tokio::task::yield_now().await;
        }
        let answer = peer.ask(&request("/echo", "")).await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    }
}

// hardening H14, H16
#[tokio::test]
async fn a_connection_that_begins_otherwise_ends() {
    let server = trusting(|listener| {
        listener.proxy_protocol = true;
        listener.handshake_timeout = Duration::from_millis(300);
    });
    for bytes in [
        request("/echo", "").into_bytes(),
        b"PROXY TCP4 somewhere 10.0.0.1 1 2\r\n".to_vec(),
        [V2.get(..13).unwrap(), b"\x11\xff\xff"].concat(),
        // Never finished: the time for the handshake ends it.
        b"PROXY TCP4 192.0.2.7".to_vec(),
        Vec::new(),
    ] {
        let mut peer = Peer::connect(server.address).await;
        peer.send(&bytes).await;
        let mut answer = Vec::new();
        let _ = soon(peer.stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8(answer).unwrap();
        let refused = answer.starts_with("HTTP/1.1 400 ") && answer.matches("HTTP/").count() == 1;
        assert!(refused || answer.is_empty(), "{answer}");
    }
    assert_eq!(server.hub.count(), 0);
}

#[tokio::test]
async fn a_head_from_anybody_else_is_not_read() {
    let server = Running::echo_at(
        |listener| {
            listener.proxy_protocol = true;
            listener.trusted_proxies = Network::new([10, 0, 0, 0].into(), 8).into_iter().collect();
        },
        |_| {},
    );
    let mut peer = Peer::connect(server.address).await;
    let _ = tokio::io::AsyncWriteExt::write_all(&mut peer.stream, V2).await;
    assert!(soon(peer.stream.read_u8()).await.is_err());
}

// parity S1
#[tokio::test]
async fn the_limit_for_an_address_holds_behind_a_head_too() {
    let server = trusting(|listener| {
        listener.proxy_protocol = true;
        listener.connections_per_address_max = Some(1);
    });
    let mut first = Peer::connect(server.address).await;
    first.send(V2).await;
    assert!(
        first
            .ask(&request("/echo", ""))
            .await
            .starts_with("HTTP/1.1 101 ")
    );
    let mut second = Peer::connect(server.address).await;
    let _ = tokio::io::AsyncWriteExt::write_all(&mut second.stream, V2).await;
    assert!(soon(second.stream.read_u8()).await.is_err());
    let other = b"PROXY TCP4 192.0.2.8 10.0.0.1 4096 443\r\n";
    let mut third = Peer::connect(server.address).await;
    third.send(other).await;
    assert!(
        third
            .ask(&request("/echo", ""))
            .await
            .starts_with("HTTP/1.1 101 ")
    );
    assert_eq!(server.hub.count(), 2);
}
