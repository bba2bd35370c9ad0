//! TLS on listeners.

pub(crate) mod authority;
mod bad;
pub(crate) mod client;
mod client_certificate;
mod hostile;
mod reload;
mod together;

use std::io::Read;

use rustls::HandshakeKind;
use rustls::client::{Resumption, Tls12Resumption};
use rustls::version::{TLS12, TLS13};
use tungstenite::Message;

use crate::host::Host;
use authority::{Authority, Issued};
use client::{Dial, shown};

/// A host with the service `probe` and a native `echo` on one listener with this TLS.
fn host(tls: &str) -> Host {
    host_with("", tls)
}

fn host_with(listen: &str, tls: &str) -> Host {
    Host::serve(&format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\n{listen}\ntls = {{ {tls} }}\n\
         [service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\n\
         [service.echo]\npath = \"/echo\"\nnative = \"echo\"\n"
    ))
}

/// A host with one certificate, and who signed it.
fn plain_host() -> (Host, Authority) {
    let authority = Authority::new();
    let issued = authority.issue("host", &["host.example"]);
    (host(&issued.setting()), authority)
}

// parity S1, S6
#[test]
fn a_session_over_tls_is_like_any_other() {
    let (host, authority) = plain_host();
    assert!(host.url("probe").starts_with("wss://127.0.0.1:"));
    for (version, name) in [(&TLS12, "1.2"), (&TLS13, "1.3")] {
        let dial = Dial::with(&authority, &[version], None);
        let mut client = dial.open(&host, "probe");
        assert_eq!(client.tls().alpn_protocol(), Some(&b"http/1.1"[..]));
        let request = client.ask("request");
        assert!(request.contains("secure: true"), "{request}");
        assert!(request.contains("principal: None"), "{request}");
        let property = format!("\"tls-version\",\n            \"{name}\"");
        assert!(request.contains(&property), "{request}");
        host.logged(&["\"message\":\"open\"", &format!("\"tls\":\"{name}\"")]);
        assert_eq!(client.close(1000, "bye"), (1000, "bye".to_owned()));
    }
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn messages_of_every_size_cross_whole() {
    let (host, authority) = plain_host();
    for version in [&TLS12, &TLS13] {
        let mut client = Dial::with(&authority, &[version], None).open(&host, "echo");
        for size in [
            0,
            1,
            125,
            126,
            4096,
            16_384,
            16_385,
            65_535,
            65_536,
            1 << 20,
        ] {
            let message = Message::binary(vec![7; size]);
            client.socket.send(message.clone()).unwrap();
            assert!(client.message() == message, "{size} bytes");
        }
    }
}

#[test]
fn what_is_in_flight_comes_back_in_order() {
    let (host, authority) = plain_host();
    let mut client = Dial::new(&authority).open(&host, "echo");
    for n in 0..2000 {
        client.socket.write(Message::text(n.to_string())).unwrap();
    }
    client.socket.flush().unwrap();
    for n in 0..2000 {
        assert_eq!(client.text(), n.to_string());
    }
}

// More than a socket takes: what TLS has taken and the socket has not must leave without another write.
#[test]
fn a_peer_that_reads_late_gets_everything() {
    let (host, authority) = plain_host();
    for version in [&TLS12, &TLS13] {
        let mut client = Dial::with(&authority, &[version], None).open(&host, "probe");
        let sizes = [1_000_000, 999_999, 900_000, 65_536, 1];
        for size in sizes {
            client.send(&format!("send-binary:{size}"));
        }
        client.send("close:1000");
        host.events_with(1, "on-message text='close:1000'");
        for size in sizes {
            assert_eq!(client.message(), Message::binary(vec![b'x'; size]));
            assert_eq!(client.text(), "send-binary=accepted");
        }
        assert_eq!(client.closed().0, 1000);
    }
}

// RFC 8446, section 6.1
#[test]
fn the_end_is_said_in_tls_too() {
    let (host, authority) = plain_host();
    let mut client = Dial::new(&authority).open(&host, "echo");
    client.socket.close(None).unwrap();
    while client.socket.read().is_ok() {}
    // Without the alert this would be an error.
    assert_eq!(client.socket.get_mut().read(&mut [0; 8]).unwrap(), 0);

    let mut stream = Dial::new(&authority).shake_hands(&host).unwrap();
    let request = b"GET /nowhere HTTP/1.1\r\nHost: host.example\r\n\r\n";
    std::io::Write::write_all(&mut stream, request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

// parity S6
#[test]
fn clients_get_the_certificate_that_they_ask_for() {
    let authority = Authority::new();
    let issue = |file: &str, names: &[&str]| authority.issue(file, names);
    let first = issue("first", &["host.example"]);
    let wild = issue("wild", &["*.a.example"]);
    let exact = issue("exact", &["x.a.example"]);
    let all = [&first, &wild, &exact].map(|issued| format!("{{ {} }}", issued.setting()));
    let host = host(&format!("certificates = [{}]", all.join(", ")));
    let dial = Dial::new(&authority);
    for (name, expected) in [
        ("host.example", &first),
        ("y.a.example", &wild),
        ("x.a.example", &exact),
    ] {
        let client = dial.to(name).open(&host, "echo");
        assert_eq!(shown(client.tls()), expected.certificate, "{name}");
    }
    // The first has not this name, and is all there is to show.
    let refused = dial
        .to("other.example")
        .connect(&host, "echo")
        .err()
        .unwrap();
    assert!(refused.contains("not valid for name"), "{refused}");
}

// parity S6
#[test]
fn only_the_versions_of_the_settings_are_spoken() {
    let authority = Authority::new();
    let issued: Issued = authority.issue("host", &["host.example"]);
    for (setting, good, bad) in [("1.2", &TLS12, &TLS13), ("1.3", &TLS13, &TLS12)] {
        let host = host(&format!("{}, versions = [\"{setting}\"]", issued.setting()));
        let connect = |version| Dial::with(&authority, &[version], None).connect(&host, "echo");
        assert!(connect(good).is_ok());
        let refused = connect(bad).err().unwrap();
        assert!(refused.contains("ProtocolVersion"), "{refused}");
        host.logged(&["no TLS handshake", "remote", "error"]);
    }
}

#[test]
fn a_client_that_comes_again_resumes() {
    let (host, authority) = plain_host();
    for version in [&TLS12, &TLS13] {
        let dial = Dial::with(&authority, &[version], None);
        let kinds = [(), ()].map(|()| {
            let mut client = dial.open(&host, "echo");
            assert_eq!(client.ask("hello"), "hello");
            let kind = client.tls().handshake_kind();
            client.close(1000, "");
            kind
        });
        let expected = [HandshakeKind::Full, HandshakeKind::Resumed];
        assert_eq!(kinds, expected.map(Some), "{version:?}");
    }
}

// Who takes no tickets would have the host remember it.
#[test]
fn nothing_is_kept_of_clients_without_tickets() {
    let (host, authority) = plain_host();
    let dial = Dial::with(&authority, &[&TLS12], None);
    let mut config = (*dial.config).clone();
    let resumption = Resumption::in_memory_sessions(8);
    config.resumption = resumption.tls12_resumption(Tls12Resumption::SessionIdOnly);
    let dial = Dial {
        config: config.into(),
        ..dial
    };
    for _ in 0..2 {
        let client = dial.open(&host, "echo");
        let kind = client.tls().handshake_kind();
        assert_eq!(kind, Some(HandshakeKind::Full));
        client.close(1000, "");
    }
}

// hardening H15
#[test]
fn the_page_of_the_host_itself_is_https() {
    let (host, authority) = plain_host();
    let connect = |origin| {
        let dial = Dial {
            header: Some(("origin", origin)),
            ..Dial::new(&authority)
        };
        dial.connect(&host, "echo").map(drop)
    };
    assert_eq!(connect("https://host.example"), Ok(()));
    let refused = connect("http://host.example").unwrap_err();
    assert!(refused.contains("403"), "{refused}");
}
