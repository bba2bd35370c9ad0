//! Where a request comes from and whom it asks for: lists of origins and hosts, and what every answer carries.

use wasket_net::{Hosts, HttpPlace, Origins};

use crate::plain::Plain;
use crate::support::{Peer, Running, request};

/// The status of an opening handshake with these further lines.
async fn status(server: &Running, lines: &str) -> String {
    let mut peer = Peer::connect(server.address).await;
    let head = peer.ask(&request("/echo", lines)).await;
    head.split(' ').nth(1).unwrap_or_default().to_owned()
}

// hardening H15, parity B5
#[tokio::test]
async fn listed_origins_have_a_scheme_a_host_and_a_port() {
    let server = Running::echo_at(
        |_| {},
        |place| {
            let listed = ["https://app.example", "http://*.dev.example:8080"];
            place.origins = Origins::parse(&listed).unwrap();
        },
    );
    for (origin, expected) in [
        ("https://app.example", "101"),
        ("https://app.example:443", "101"),
        ("HTTPS://APP.example", "101"),
        ("http://a.dev.example:8080", "101"),
        ("http://a.b.dev.example:8080", "101"),
        ("http://localhost", "101"),
        ("http://app.example", "403"),
        ("https://app.example:8443", "403"),
        ("https://app.example.evil", "403"),
        ("https://evil-app.example", "403"),
        ("https://app.example@evil", "403"),
        ("https://app.example/", "403"),
        ("https://user@app.example", "403"),
        ("http://dev.example:8080", "403"),
        ("http://evildev.example:8080", "403"),
        ("http://a.dev.example", "403"),
        ("https://a.dev.example:8080", "403"),
        ("http://a.dev.example:8080.evil", "403"),
        ("null", "403"),
        ("", "403"),
        ("*", "403"),
        ("http://*.dev.example:8080", "403"),
        ("https://app.example https://evil", "403"),
        ("https://app.example, https://evil", "403"),
    ] {
        let line = format!("Origin: {origin}\r\n");
        assert_eq!(status(&server, &line).await, expected, "{origin}");
    }
    let twice = "Origin: https://app.example\r\n".repeat(2);
    assert_eq!(status(&server, &twice).await, "403");
    assert_eq!(status(&server, "").await, "101");
}

// hardening H15
#[tokio::test]
async fn null_comes_in_only_where_it_is_listed() {
    for (listed, expected) in [("null", "101"), ("https://a.example", "403"), ("*", "101")] {
        let server = Running::echo_at(
            |_| {},
            |place| place.origins = Origins::parse(&[listed]).unwrap(),
        );
        assert_eq!(
            status(&server, "Origin: null\r\n").await,
            expected,
            "{listed}"
        );
    }
}

// hardening H15, parity B5
#[tokio::test]
async fn a_host_that_is_not_listed_is_refused_with_400() {
    let server = Running::echo_at(
        |_| {},
        |place| place.hosts = Hosts::parse(&["chat.example", "*.b.example:8443"]).unwrap(),
    );
    for (host, expected) in [
        ("chat.example", "101"),
        ("CHAT.example:4649", "101"),
        ("x.b.example:8443", "101"),
        ("x.b.example", "400"),
        ("b.example:8443", "400"),
        ("chat.example.evil", "400"),
        ("evil.chat.example", "400"),
        ("localhost", "400"),
        ("127.0.0.1", "400"),
        ("", "400"),
        // The name that a page was made to resolve to our address: its origin matches, its host is not ours.
        ("rebound.evil\r\nOrigin: http://rebound.evil", "400"),
    ] {
        let asked = request("/echo", "").replace("Host: localhost", &format!("Host: {host}"));
        let head = Peer::connect(server.address).await.ask(&asked).await;
        assert_eq!(head.split(' ').nth(1), Some(expected), "{host}");
    }
}

// hardening H17
#[tokio::test]
async fn nothing_in_a_host_an_origin_or_a_path_breaks_out_of_its_line() {
    let server = Running::echo_at(|_| {}, |_| {});
    for lines in [
        "Origin: http://a\rX: b\r\n",
        "Origin: http://a\0\r\n",
        "X-A: b\rX-B: c\r\n",
        "Cookie: a\0b\r\n",
        "Sec-WebSocket-Protocol: a\rb\r\n",
    ] {
        assert_eq!(status(&server, lines).await, "400", "{lines:?}");
    }
    for target in ["/echo%0d%0aX-Evil:%20b", "/echo%00", "/%0aecho"] {
        let mut peer = Peer::connect(server.address).await;
        let head = peer.ask(&request(target, "")).await;
        assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
        assert!(!head.to_ascii_lowercase().contains("x-evil"), "{head}");
    }
}

// parity B6
#[tokio::test]
async fn static_header_fields_are_on_every_answer_of_the_service() {
    let server = Running::echo_at(
        |_| {},
        |place| {
            for (name, value) in [("set-cookie", "a=1"), ("content-type", "x/y")] {
                let field = (name.parse().unwrap(), value.parse().unwrap());
                place.response_headers.push(field);
            }
        },
    );
    for (path, lines, expected) in [
        ("/echo", "", "101"),
        ("/echo", "Origin: http://evil\r\n", "403"),
        ("/echo", "Sec-WebSocket-Version: 13\r\n", "400"),
        ("/broken", "", "503"),
    ] {
        let mut peer = Peer::connect(server.address).await;
        let head = peer.ask(&request(path, lines)).await.to_ascii_lowercase();
        assert_eq!(head.split(' ').nth(1), Some(expected));
        for line in ["x-served-by: wasket", "set-cookie: a=1"] {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
        }
        // What the answer says of itself goes before.
        let types = head.matches("\r\ncontent-type: ").count();
        assert_eq!(
            (types, head.contains("x/y")),
            (1, expected == "101"),
            "{head}"
        );
    }
    let mut peer = Peer::connect(server.address).await;
    let elsewhere = peer
        .ask(&request("/nowhere", ""))
        .await
        .to_ascii_lowercase();
    assert!(!elsewhere.contains("x-served-by"), "{elsewhere}");
}

// hardening H15, parity H2
#[tokio::test]
async fn a_foreign_page_changes_nothing() {
    let change = |place: &mut HttpPlace| {
        place.origins = Origins::parse(&["https://app.example"]).unwrap();
    };
    let server = Plain::start(|_| {}, change);
    let own = [
        "",
        "Origin: http://a\r\n",
        "Origin: https://app.example\r\n",
    ];
    let foreign = [
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://a\r\nOrigin: http://a\r\n",
    ];
    for (origins, changed) in [(own, "200"), (foreign, "403")] {
        for origin in origins {
            for (method, expected) in [
                ("GET", "200"),
                ("HEAD", "200"),
                ("OPTIONS", "200"),
                ("POST", changed),
                ("PUT", changed),
                ("DELETE", changed),
                ("PATCH", changed),
                ("QUERY", changed),
            ] {
                let mut peer = Peer::connect(server.address).await;
                let head = format!("{method} /read HTTP/1.1\r\nHost: a\r\n{origin}\r\n");
                let head = peer.ask(&head).await;
                let status = head.split(' ').nth(1);
                assert_eq!(status, Some(expected), "{method} {origin}");
                assert!(head.contains("x-served-by: wasket"), "{head}");
            }
        }
    }
}
