//! Sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;

use super::{assert_refused, told};
use crate::host::Host;

/// Answers everybody with what it reads first, and `!`.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut heard = [0; 64];
            let length = stream.read(&mut heard).unwrap_or(0);
            let _ = stream.write_all(&heard[..length]);
            let _ = stream.write_all(b"!");
        }
    });
    address
}

// hardening H29
#[test]
fn a_guest_reaches_the_addresses_that_are_granted_and_no_other() {
    let (granted, other) = (server(), server());
    let host = Host::probe(&format!(
        "sockets = [\"{granted}\"]\nconnections_per_session_max = 16"
    ));
    let mut client = host.connect("probe");
    let say = |address: &dyn std::fmt::Display| format!("tcp-say:{address} hello");
    assert_eq!(client.ask(&say(&granted)), "tcp-say=hello!");
    for _ in 0..2 {
        assert_refused(&client.ask(&say(&other)));
    }
    let refused = format!("connect to {other}, which `sockets` does not list");
    let refused = ["WARN", "\"setting\":\"sockets\"", &refused];
    assert_eq!(told(&host, &refused), 1);
    for port in [granted.port(), other.port()] {
        assert_refused(&client.ask(&say(&format!("127.0.0.2:{port}"))));
        assert_refused(&client.ask(&say(&format!("[::1]:{port}"))));
        assert_refused(&client.ask(&say(&format!("[::ffff:127.0.0.1]:{port}"))));
    }
    // Nobody connects to a guest, and a name leads nowhere, whatever it means.
    for address in ["127.0.0.1:0", "0.0.0.0:0", "127.0.0.1:1"] {
        assert_refused(&client.ask(&format!("tcp-listen:{address}")));
    }
    assert_refused(&client.ask("udp-bind:127.0.0.1:4649"));
    for _ in 0..2 {
        let named = format!("localhost:{}", granted.port());
        assert_refused(&client.ask(&say(&named)));
    }
    let name = [
        "WARN",
        "\"setting\":\"sockets\"",
        "may not look up localhost",
    ];
    assert_eq!(told(&host, &name), 1);
    assert_eq!(client.ask(&say(&granted)), "tcp-say=hello!");
}

// hardening H29
#[test]
fn datagrams_go_to_and_come_from_what_is_granted() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let granted = server.local_addr().unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let other = stranger.local_addr().unwrap();
    let host = Host::probe(&format!("sockets = [\"{granted}\"]"));
    let serving = thread::spawn(move || {
        let mut heard = [0; 64];
        let (length, from) = server.recv_from(&mut heard).unwrap();
        // On one host, what is sent first arrives first.
        stranger.send_to(b"from a stranger", from).unwrap();
        server.send_to(&heard[..length], from).unwrap();
    });
    let mut client = host.connect("probe");
    let answer = client.ask(&format!("udp-say:{granted} hello"));
    assert_eq!(answer, format!("udp-say=hello from {granted}"));
    serving.join().unwrap();
    assert_refused(&client.ask(&format!("udp-say:{other} hello")));
    assert_eq!(told(&host, &["WARN", &format!("send to {other}")]), 1);
}

// hardening H29
#[test]
fn without_a_grant_there_are_no_sockets_at_all() {
    let address = server();
    let host = Host::probe("");
    for _ in 0..2 {
        let mut client = host.connect("probe");
        assert_refused(&client.ask(&format!("tcp-say:{address} hello")));
        assert_refused(&client.ask(&format!("udp-say:{address} hello")));
        assert_refused(&client.ask("udp-bind:127.0.0.1:0"));
    }
    let refused = [
        "WARN",
        "\"setting\":\"sockets\"",
        "`sockets` lists no address",
    ];
    assert_eq!(told(&host, &refused), 1);
}

// hardening H28
#[test]
fn sockets_count_as_connections_of_the_session_and_of_the_host() {
    let address = server();
    let host = Host::probe(&format!(
        "sockets = [\"{address}\"]\nconnections_per_session_max = 3\n\
         [host]\ninstances_max = 100\noutbound_connections_max = 4"
    ));
    let hold = |times: u32| format!("tcp-hold:{times} {address}");
    let mut client = host.connect("probe");
    let answer = client.ask(&hold(5));
    assert!(answer.starts_with("tcp-hold=3, then failed: "), "{answer}");
    host.logged(&["WARN", "connections_per_session_max = 3"]);
    // Their places are free again, those of the host too.
    for _ in 0..3 {
        assert_eq!(client.ask(&hold(3)), "tcp-hold=3");
    }
}
