//! Several connections of one session, what names them, and what is refused.

use std::net::TcpListener;
use std::sync::mpsc;

use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

use super::{Upstream, end_of};
use crate::host::{Client, Host};

fn probe(urls: &[&str], settings: &str) -> Host {
    Host::probe(&format!("connect = {urls:?}\n{settings}"))
}

/// The events of this connection, in order.
fn of(events: &[String], out: &str) -> Vec<String> {
    let own = events.iter().filter(|event| event.contains(out));
    own.cloned().collect()
}

fn ask_all(client: &mut Client, cases: &[(&str, &str)]) {
    for (command, expected) in cases {
        assert_eq!(client.ask(command), *expected, "{command}");
    }
}

// parity W13, B1
#[test]
fn each_connection_has_its_events_in_order() {
    let upstreams = [Upstream::bind(), Upstream::bind()];
    let urls = upstreams.each_ref().map(Upstream::url);
    let host = probe(&[&urls[0], &urls[1]], "");
    let (told, go_on) = mpsc::channel();
    let [one, two] = upstreams.map(|upstream| {
        let told = told.clone();
        upstream.serve(move |mut socket| {
            let name = socket.read().unwrap().into_text().unwrap();
            for n in 0..100 {
                socket.send(Message::text(format!("{name}{n}"))).unwrap();
            }
            told.send(()).unwrap();
            end_of(&mut socket)
        })
    });
    let mut client = host.connect("probe");
    assert_eq!(client.ask(&format!("connect:{}", urls[0])), "connect=1");
    assert_eq!(client.ask(&format!("connect:{}", urls[1])), "connect=2");
    // Before they are open, some of it.
    let sends = [
        ("out-send:1:a", "out-send=accepted"),
        ("out-send:2:b", "out-send=accepted"),
    ];
    ask_all(&mut client, &sends);
    go_on.recv().unwrap();
    go_on.recv().unwrap();
    host.events_with(200, "out-message");
    assert_eq!(client.ask("out-close:1:4001:one"), "out-close=accepted");
    assert_eq!(one.join().unwrap(), (4001, "one".to_owned()));
    host.events_with(1, "out-close out=1");
    // The other one goes on.
    ask_all(
        &mut client,
        &[
            ("out-state:1", "out-state=closed"),
            ("out-send:1:x", "out-send=not-open"),
            ("out-ping:1:x", "out-ping=not-open"),
            ("out-close:1:1000:x", "out-close=not-open"),
            ("out-state:2", "out-state=open"),
            ("out-ping:2:x", "out-ping=accepted"),
            ("out-close:2", "out-close=accepted"),
        ],
    );
    assert_eq!(two.join().unwrap().0, 1005);
    let events = host.events_with(1, "out-close out=2");
    for (out, name, end) in [
        ("out=1", "a", "code=4001 by=guest clean=true reason='one'"),
        ("out=2", "b", "code=1005 by=guest clean=true reason=''"),
    ] {
        let messages = (0..100).map(|n| format!("out-message {out} text='{name}{n}'"));
        let mut expected = vec![format!("out-open {out}")];
        expected.extend(messages);
        expected.push(format!("out-close {out} {end}"));
        let own = of(&events, out);
        let own: Vec<_> = own
            .into_iter()
            .filter(|event| event.starts_with("out-"))
            .collect();
        assert_eq!(own, expected);
    }
}

// parity W6, W10
#[test]
fn a_guest_names_protocols_and_headers_and_hears_what_was_agreed() {
    let upstream = Upstream::bind();
    let url = upstream.url();
    let host = probe(&[&url], "");
    let server = upstream.serve_with(|request, response| {
        let of = |name| request.headers().get(name).cloned();
        assert_eq!(of("x-room").unwrap(), "7");
        assert_eq!(of("sec-websocket-protocol").unwrap(), "a, b");
        let chosen = "b".parse().unwrap();
        response
            .headers_mut()
            .insert("sec-websocket-protocol", chosen);
    });
    let mut client = host.connect("probe");
    assert_eq!(
        client.ask(&format!("connect:{url} a b x-room=7")),
        "connect=1"
    );
    host.events_with(1, "out-open");
    assert_eq!(client.ask("out-protocol:1"), "out-protocol=b");
    client.close(1000, "");
    server.join().unwrap();
}

// hardening H17, H29
#[test]
fn what_a_guest_may_not_ask_for_is_refused() {
    let url = "ws://127.0.0.1:1";
    let host = probe(&[url], "");
    let mut client = host.connect("probe");
    let long = format!("connect:{url}/{}", "x".repeat(16 << 10));
    let many = format!("connect:{url}{}", " p".repeat(65));
    ask_all(
        &mut client,
        &[
            ("connect:nonsense", "connect=invalid"),
            ("connect:http://127.0.0.1:1", "connect=invalid"),
            ("connect:ws://u:p@127.0.0.1:1", "connect=invalid"),
            ("connect:ws://127.0.0.1:1/#x", "connect=invalid"),
            (&format!("connect:{url} host=x"), "connect=invalid"),
            (&format!("connect:{url} Authorization=x"), "connect=invalid"),
            (
                &format!("connect:{url} sec-websocket-key=x"),
                "connect=invalid",
            ),
            (
                &format!("connect:{url} x=a\r\nhost:evil"),
                "connect=invalid",
            ),
            (&format!("connect:{url} p p"), "connect=invalid"),
            (&long, "connect=too-large"),
            (&many, "connect=too-large"),
            ("connect:ws://127.0.0.1:2", "connect=refused"),
            ("connect:ws://[::ffff:127.0.0.1]:1", "connect=refused"),
            ("connect:ws://localhost:1", "connect=refused"),
        ],
    );
    // However often it asks, the operator is told once, and of no path: keys may stand there.
    assert_eq!(
        client.ask("connect:ws://127.0.0.1:2/secret"),
        "connect=refused"
    );
    host.logged(&["may not connect to ws://127.0.0.1:2", "`connect`"]);
    client.close(1000, "");
    host.events_with(1, "on-stop");
    let log = host.log();
    let told = log.iter().filter(|line| line.contains("may not connect"));
    assert_eq!(told.count(), 1);
    let event = |line: &&String| !line.contains("event ");
    assert!(
        !log.iter()
            .filter(event)
            .any(|line| line.contains("/secret"))
    );
}

#[test]
fn nobody_has_the_connections_of_another_session() {
    let upstream = Upstream::bind();
    let url = upstream.url();
    let host = probe(&[&url], "");
    let server = upstream.serve(|mut socket| (socket.read().unwrap(), end_of(&mut socket)));
    let mut owner = host.connect("probe");
    assert_eq!(owner.ask(&format!("connect:{url}")), "connect=1");
    host.events_with(1, "out-open");
    let id = owner.ask("out-id:1").replace("out-id=", "");
    let mut other = host.connect("probe");
    for (command, expected) in [
        (format!("out-state:#{id}"), "out-state=closed"),
        (format!("out-send:#{id}:theirs"), "out-send=not-open"),
        (format!("out-ping:#{id}:x"), "out-ping=not-open"),
        (format!("out-close:#{id}:1000:x"), "out-close=not-open"),
        (format!("out-protocol:#{id}"), "out-protocol=none"),
        (format!("out-queued:#{id}"), "out-queued=0"),
    ] {
        assert_eq!(other.ask(&command), expected, "{command}");
    }
    // It is no session of the service either.
    assert_eq!(other.ask("count"), "count=2");
    let ids = owner.ask("ids");
    assert!(!ids.contains(&id), "{ids}");
    assert_eq!(owner.ask("broadcast:to sessions"), "to sessions");
    assert_eq!(owner.text(), "broadcast=accepted");
    assert_eq!(
        owner.ask(&format!("out-send:#{id}:mine")),
        "out-send=accepted"
    );
    owner.close(1000, "");
    assert_eq!(
        server.join().unwrap(),
        (Message::text("mine"), (1001, String::new()))
    );
}

// parity W15
#[test]
fn before_it_is_open_a_connection_can_be_closed() {
    // It takes connections, and answers nothing.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let host = probe(&[&url], "");
    let mut client = host.connect("probe");
    let connect = format!("connect:{url}");
    ask_all(
        &mut client,
        &[
            (&connect, "connect=1"),
            ("out-state:1", "out-state=connecting"),
            ("out-ping:1:x", "out-ping=not-open"),
            ("out-close:1:1011:x", "out-close=invalid"),
            ("out-close:1:1005:x", "out-close=invalid"),
            ("out-close:1:1000:x", "out-close=accepted"),
        ],
    );
    let events = host.events_with(1, "out-close");
    let outs: Vec<_> = of(&events, "out=1");
    assert_eq!(
        outs,
        ["out-close out=1 code=1006 by=guest clean=false reason=''"]
    );
}

// hardening H1, H4
#[test]
fn messages_have_the_services_limit_in_both_directions() {
    let upstream = Upstream::bind();
    let url = upstream.url();
    let host = probe(&[&url], "message_bytes_max = \"64KiB\"");
    let server = upstream.serve(|mut socket| {
        let sent = socket.read().unwrap().len();
        let largest = Message::binary(vec![1; 64 << 10]);
        socket.send(largest).unwrap();
        let larger = Message::binary(vec![1; (64 << 10) + 1]);
        socket.send(larger).unwrap();
        (sent, end_of(&mut socket).0)
    });
    let mut client = host.connect("probe");
    client.ask(&format!("connect:{url}"));
    ask_all(
        &mut client,
        &[
            ("out-send-binary:1:65537", "out-send-binary=too-large"),
            ("out-send-binary:1:65536", "out-send-binary=accepted"),
        ],
    );
    assert_eq!(server.join().unwrap(), (64 << 10, 1009));
    let events = host.events_with(1, "out-close");
    let messages: Vec<_> = of(&events, "out=1");
    assert_eq!(messages[0], "out-open out=1");
    assert_eq!(messages[1], "out-message out=1 binary=65536 bytes");
    assert!(
        messages[2].starts_with("out-close out=1 code=1009 by=host"),
        "{messages:?}"
    );
}

#[test]
fn so_many_at_once_and_a_place_comes_free() {
    let upstream = Upstream::bind();
    let url = upstream.url();
    let host = probe(&[&url], "connections_per_session_max = 1");
    let server = upstream.serve(|mut socket| {
        let bye = CloseFrame {
            code: 1000.into(),
            reason: "".into(),
        };
        socket.read().unwrap();
        socket.close(Some(bye)).unwrap();
        while socket.read().is_ok() {}
    });
    let connect = format!("connect:{url}");
    let mut client = host.connect("probe");
    ask_all(
        &mut client,
        &[
            (&connect, "connect=1"),
            (&connect, "connect=refused"),
            ("out-send:1:close", "out-send=accepted"),
        ],
    );
    host.logged(&["WARN", "connections_per_session_max = 1"]);
    server.join().unwrap();
    host.events_with(1, "out-close out=1");
    assert_eq!(client.ask(&connect), "connect=2");
}
