//! Who comes from where, as the settings say it: hosts, origins, proxies, and what the log tells of it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use crate::host::{Client, Host};

const SERVICES: &str = r#"
[service.probe]
path = "/probe"
component = "GUESTS/probe.wasm"
hosts = ["127.0.0.1", "*.chat.example"]
origins = ["https://*.app.example"]
response_headers = { "X-Served-By" = "wasket", "Set-Cookie" = "own=1" }

[service.echo]
path = "/echo"
native = "echo"
protocols = ["v2"]
"#;

fn serve(listen: &str) -> Host {
    Host::serve(&format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\n{listen}\n{SERVICES}"
    ))
}

/// The number of a field in a JSON line.
fn number(line: &str, field: &str) -> u64 {
    let (_, rest) = line.split_once(&format!("\"{field}\":")).expect(field);
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    digits.unwrap().parse().unwrap()
}

// parity B5, hardening H15
#[test]
fn hosts_and_origins_are_those_of_the_settings() {
    let host = serve("trusted_proxies = [\"127.0.0.0/8\"]");
    for (headers, status) in [
        (&[("origin", "https://a.app.example")][..], 101),
        (&[("origin", "http://a.app.example")], 403),
        (&[("origin", "https://app.example")], 403),
        (&[("origin", "https://a.app.example.evil")], 403),
        (&[("origin", "null")], 403),
        (&[("x-forwarded-host", "x.chat.example")], 101),
        (
            &[
                ("x-forwarded-host", "x.chat.example"),
                ("x-forwarded-proto", "https"),
                ("origin", "https://x.chat.example"),
            ],
            101,
        ),
        (&[("x-forwarded-host", "chat.example")], 400),
        (&[("x-forwarded-host", "a/b")], 400),
        (&[("x-forwarded-for", "nobody")], 400),
    ] {
        let answered = match host.connect_to("probe", "", headers) {
            Ok(client) => client.answer,
            Err(refused) => refused.head,
        };
        assert_eq!(answered.status.as_u16(), status, "{headers:?}");
        if status == 403 || status == 101 {
            assert_eq!(answered.headers["x-served-by"], "wasket");
        }
    }
    host.logged(&[
        "origin refused",
        "\"service\":\"probe\"",
        "https://app.example",
    ]);
    host.logged(&["host refused", "\"service\":\"probe\"", "chat.example"]);
}

// hardening H31: whoever is refused over and over does not fill the log.
#[test]
fn the_first_refusal_of_a_second_is_a_warning_with_the_client() {
    let host = serve("trusted_proxies = [\"127.0.0.1\"]");
    for client in ["192.0.2.7", "192.0.2.8"] {
        for refused in [("origin", "null"), ("x-forwarded-host", "evil.example")] {
            let headers = [("x-forwarded-for", client), refused];
            assert!(host.connect_to("probe", "", &headers).is_err());
        }
    }
    for what in ["origin refused", "host refused"] {
        host.logged(&["WARN", what, "\"remote\":\"192.0.2.7:0\"", "\"count\":1"]);
        host.logged(&[what, "\"remote\":\"192.0.2.8:0\""]);
    }
}

// parity B6; hardening H17
#[test]
fn a_handshake_sets_cookies_and_no_field_of_the_host() {
    let host = serve("");
    let sets = "?header=set-cookie:a=1&header=set-cookie:b=2&header=x-served-by:guest";
    let client = host.connect_to("probe", sets, &[]).unwrap();
    let all = |name| client.answer.headers.get_all(name).iter();
    let cookies: Vec<_> = all("set-cookie").collect();
    assert_eq!(cookies, ["a=1", "b=2", "own=1"]);
    assert_eq!(all("x-served-by").collect::<Vec<_>>(), ["guest"]);
    for name in [
        "Sec-WebSocket-Accept",
        "sec-websocket-extensions",
        "Connection",
        "upgrade",
        "Content-Length",
        "Transfer-Encoding",
    ] {
        for end in ["", "&reject=401"] {
            let asked = format!("?header={name}:x{end}");
            let refused = host.connect_to("probe", &asked, &[]).err().unwrap();
            assert_eq!(refused.status, 500, "{asked}");
        }
        host.logged(&["cannot be sent", name, "for the host to set"]);
    }
}

// parity B2
#[test]
fn the_handshake_sees_every_field_repeated_ones_too() {
    let host = serve("");
    let headers = [("x-note", "one"), ("x-other", "b"), ("x-note", "two")];
    let mut client = host.connect_to("probe", "", &headers).unwrap();
    let request = client.ask("request");
    assert_eq!(request.matches("\"x-note\"").count(), 2, "{request}");
    assert!(request.contains("\"one\"") && request.contains("\"two\""));
}

// parity S13, B2; hardening H31
#[test]
fn a_session_is_logged_when_it_opens_and_when_it_has_closed() {
    let host = serve("trusted_proxies = [\"127.0.0.1\"]");
    let headers = [
        ("x-forwarded-for", "192.0.2.7"),
        ("sec-websocket-protocol", "v1, v2"),
    ];
    let mut client = host.connect_to("echo", "", &headers).unwrap();
    for _ in 0..3 {
        assert_eq!(client.ask("hello"), "hello");
    }
    client.close(1000, "bye");
    host.logged(&[
        "\"open\"",
        "\"service\":\"echo\"",
        "\"remote\":\"192.0.2.7:0\"",
        "\"protocol\":\"v2\"",
    ]);
    let closed = host.logged(&["\"closed\"", "\"service\":\"echo\"", "\"code\":1000"]);
    assert!(closed.contains("\"by\":\"Peer\""), "{closed}");
    assert!(number(&closed, "duration_ms") < 60_000, "{closed}");
    assert_eq!(number(&closed, "messages_in"), 3);
    assert_eq!(number(&closed, "messages_out"), 3);
    // Three masked frames of five bytes, and a close frame of a code and three bytes.
    assert_eq!(number(&closed, "bytes_in"), 3 * (6 + 5) + 6 + 5);
    // And what answers it.
    let out = number(&closed, "bytes_out") - 3 * (2 + 5);
    assert!((2..=2 + 5).contains(&out), "{closed}");
}

// parity S13
#[test]
fn what_a_guest_and_others_send_is_counted_once() {
    let host = serve("");
    let (mut a, mut b) = (host.connect("probe"), host.connect("probe"));
    let name = "?principal=ada%1B%5B31m%0Aforged";
    let named = host.connect_to("probe", name, &[]).unwrap();
    // Seven of the own guest and the answer; a broadcast; a message from another, and a ping that is none.
    a.send("repeat:7:x");
    for _ in 0..7 {
        a.text();
    }
    assert_eq!(a.text(), "repeat=accepted");
    b.send("broadcast:all");
    assert_eq!(a.text(), "all");
    assert_eq!(
        (b.text(), b.text()),
        ("all".into(), "broadcast=accepted".into())
    );
    a.ask("ping:x");
    let own = a.ask("id").replace("id=", "");
    a.close(1000, "");
    let closed = host.logged(&["\"closed\"", &format!("\"session\":{own},")]);
    assert_eq!(number(&closed, "messages_in"), 3, "{closed}");
    assert_eq!(number(&closed, "messages_out"), 8 + 1 + 2, "{closed}");
    let opened = host.logged(&["\"open\"", "ada"]);
    assert!(
        !opened.contains('\u{1b}') && opened.contains("\"principal\""),
        "{opened}"
    );
    drop(named);
}

/// Sends a head of the PROXY protocol and a request; the answer's first line.
fn behind(host: &Host, head: &[u8], path: &str) -> String {
    let mut stream = TcpStream::connect(host.authority()).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream
        .write_all(&[head, request.as_bytes()].concat())
        .unwrap();
    let mut start = [0; 12];
    let read = stream.read_exact(&mut start);
    read.map_or_else(
        |_| String::new(),
        |()| String::from_utf8_lossy(&start).into(),
    )
}

// parity B2
#[test]
fn the_proxy_protocol_is_required_where_it_is_on() {
    let host = serve("trusted_proxies = [\"127.0.0.1\"]\nproxy_protocol = true");
    let v1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 4096 443\r\n";
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x08\x0a\0\0\x01\x10\0\x01\xbb";
    assert_eq!(behind(&host, v1, "/echo"), "HTTP/1.1 101");
    host.logged(&["\"open\"", "\"remote\":\"192.0.2.7:4096\""]);
    assert_eq!(behind(&host, v2, "/probe"), "HTTP/1.1 101");
    host.logged(&["\"open\"", "\"remote\":\"192.0.2.8:4096\""]);
    assert_eq!(behind(&host, b"", "/echo"), "HTTP/1.1 400");
    host.logged(&["refused", "proxy_protocol", "it begins otherwise"]);
    let strangers = serve("trusted_proxies = [\"10.0.0.0/8\"]\nproxy_protocol = true");
    assert_eq!(behind(&strangers, v1, "/echo"), "");
    strangers.logged(&["refused", "trusted_proxies"]);
}

/// Runs curl on an opening handshake, as a person would try one: the head of the answer.
fn curl(host: &Host, path: &str, arguments: &[&str]) -> String {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let url = format!("http://{}{path}", host.authority());
    let fields = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        key,
        "Sec-WebSocket-Version: 13",
    ];
    let output = Command::new("curl")
        .args([
            "--silent",
            "--http1.1",
            "--include",
            "--no-buffer",
            "--max-time",
            "1",
        ])
        .args(fields.iter().flat_map(|field| ["-H", field]))
        .args(arguments)
        .arg(url)
        .output()
        .expect("curl is needed: `apt install curl` on Debian");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

// parity B2, B5, B6, S9
#[test]
#[ignore = "slow: 4 s, needs curl"]
fn curl_sees_what_operators_set() {
    let host = serve("trusted_proxies = [\"127.0.0.1\"]");
    for (arguments, start) in [
        (&["-H", "Origin: https://a.app.example"][..], "HTTP/1.1 101"),
        (&["-H", "Origin: https://evil.example"], "HTTP/1.1 403"),
        (&["-H", "Host: evil.example"], "HTTP/1.1 400"),
        (&["-H", "X-Forwarded-Host: x.chat.example"], "HTTP/1.1 101"),
        (&["-H", "Forwarded: for=\"open"], "HTTP/1.1 400"),
    ] {
        let answer = curl(&host, "/probe", arguments);
        assert!(answer.starts_with(start), "{arguments:?}: {answer}");
    }
    let answer = curl(&host, "/probe?reject=418&body=teapot&header=x-a:b", &[]);
    assert!(
        answer.starts_with("HTTP/1.1 418") && answer.ends_with("teapot"),
        "{answer}"
    );
    let behind = serve("trusted_proxies = [\"127.0.0.1\"]\nproxy_protocol = true");
    let answer = curl(&behind, "/echo", &["--haproxy-protocol"]);
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    behind.logged(&["\"open\"", "\"remote\":\"127.0.0.1:"]);
    let answer = curl(&behind, "/echo", &[]);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

// parity S5
#[test]
fn an_address_is_taken_again_at_once() {
    let first = serve("");
    let address = first.authority();
    let mut client: Client = first.connect("echo");
    first.signal("-TERM");
    assert_eq!(client.closed().0, 1001);
    assert_eq!(first.wait().code(), Some(0));
    // What the first one closed lingers on its address.
    let again = format!("[[listen]]\naddress = \"{address}\"\nbacklog = 16\n{SERVICES}");
    let second = Host::serve(&again);
    assert_eq!(second.authority(), address);
    second.connect("echo");
}
