//! How connections end: with their session, with the host, by their server.

use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

use super::{Upstream, bridge, end_of, relay};
use crate::host::{Host, wait_for};
use crate::hostile::descriptors;

// parity W15
#[test]
fn a_close_of_the_upstream_is_passed_on() {
    for (code, reason) in [(1000, "done"), (4002, "")] {
        let upstream = Upstream::bind();
        let host = bridge(&upstream);
        let server = upstream.serve(move |mut socket| {
            socket.send(Message::text("last")).unwrap();
            let code = code.into();
            let reason = reason.into();
            socket.close(Some(CloseFrame { code, reason })).unwrap();
            while socket.read().is_ok() {}
        });
        let mut client = host.connect("relay");
        // What was sent before is heard before.
        assert_eq!(client.text(), "last");
        assert_eq!(client.closed(), (code, reason.to_owned()));
        server.join().unwrap();
    }
}

#[test]
fn a_connection_ends_with_its_session() {
    let upstream = Upstream::bind();
    let host = bridge(&upstream);
    let server = upstream.serve(|mut socket| {
        let first = socket.read().unwrap();
        (first, end_of(&mut socket).0)
    });
    let mut client = host.connect("relay");
    client.send("kept");
    // Gone without a word.
    drop(client);
    let (first, code) = server.join().unwrap();
    assert_eq!((first, code), (Message::text("kept"), 1001));
}

/// A probe closes nothing by itself: what ends its connections is the host.
fn probe(upstream: &Upstream) -> Host {
    let url = upstream.url();
    Host::probe(&format!(
        "connect = [\"{url}\"]\nconnections_per_session_max = 1"
    ))
}

// hardening H12, H28
#[test]
fn what_a_guest_leaves_open_ends_with_its_session() {
    for way in ["close", "loss", "guest", "trap", "trap by upstream"] {
        let upstream = Upstream::bind();
        let url = upstream.url();
        let host = probe(&upstream);
        let server = upstream.serve(move |mut socket| {
            if way == "trap by upstream" {
                socket.send(Message::text("!panic:boom")).unwrap();
            }
            let first = socket.read().unwrap();
            (first, end_of(&mut socket))
        });
        let last = "?close=out-send:1:last";
        let mut client = host.connect_to("probe", last, &[]).unwrap();
        client.send(&format!("connect:{url}"));
        client.send("out-send:1:first");
        if way != "trap by upstream" {
            assert_eq!(client.text(), "connect=1");
            assert_eq!(client.text(), "out-send=accepted");
            host.events_with(1, "out-open");
        }
        match way {
            "close" => assert_eq!(client.close(1000, "").0, 1000),
            "loss" => drop(client),
            "guest" => {
                client.send("close:4000:mine");
                assert_eq!(client.closed().0, 4000);
            }
            "trap" => {
                client.send("panic:boom");
                assert_eq!(client.closed().0, 1011);
            }
            _ => assert_eq!(client.closed().0, 1011),
        }
        let (first, end) = server.join().unwrap();
        // What was sent before goes out before.
        assert_eq!(first, Message::text("first"), "{way}");
        assert_eq!(end, (1001, String::new()), "{way}");
        host.logged(&["connection to the outside closed", "\"by\":\"Host\""]);
    }
}

#[test]
fn a_host_that_stops_closes_its_connections() {
    let upstream = Upstream::bind();
    let host = bridge(&upstream);
    let server = upstream.serve(|mut socket| {
        socket.send(Message::text("ready")).unwrap();
        end_of(&mut socket).0
    });
    let mut client = host.connect("relay");
    assert_eq!(client.text(), "ready");
    let client = std::thread::spawn(move || client.closed().0);
    assert_eq!(host.stop(), Some(0));
    assert_eq!(client.join().unwrap(), 1001);
    assert_eq!(server.join().unwrap(), 1001);
}

// The guest learns little, the log all.
#[test]
fn an_upstream_that_is_not_there_ends_the_session() {
    let upstream = Upstream::bind();
    let url = upstream.url();
    drop(upstream);
    let host = relay(&url, &format!("connect = [\"{url}\"]"));
    let mut client = host.connect("relay");
    assert_eq!(client.closed(), (1013, "the upstream is gone".to_owned()));
    host.logged(&["\"phase\":\"connect\"", "refused the connection", &url]);
}

#[test]
fn an_upstream_that_is_lost_ends_the_session() {
    let upstream = Upstream::bind();
    let host = bridge(&upstream);
    let server = upstream.serve(drop);
    assert_eq!(host.connect("relay").closed().0, 1013);
    server.join().unwrap();
}

// hardening H12
#[test]
fn sessions_that_come_and_go_leave_no_connection_behind() {
    const SESSIONS: usize = 100;
    // Whatever takes part in nothing is given up within `close_timeout`.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent = format!("ws://{}", listener.local_addr().unwrap());
    let upstream = Host::serve("[service.echo]\npath = \"/echo\"\nnative = \"echo\"\n");
    let echo = upstream.url("echo");
    let host = Host::probe(&format!(
        "connect = [\"{echo}\", \"{silent}\"]\nclose_timeout = \"100ms\""
    ));
    let mut watcher = host.connect("probe");
    watcher.ask("count");
    let open = descriptors(&host);
    for n in 0..SESSIONS {
        let mut client = host.connect("probe");
        assert_eq!(client.ask(&format!("connect:{echo}")), "connect=1");
        assert_eq!(client.ask(&format!("connect:{silent}")), "connect=2");
        client.ask("out-send:1:x");
        client.ask("out-send:2:x");
        match n % 3 {
            0 => drop(client),
            1 => client.send("panic:boom"),
            _ => assert_eq!(client.close(1000, "").0, 1000),
        }
    }
    let closed = || (descriptors(&host) <= open).then_some(());
    wait_for(closed).unwrap_or_else(|| panic!("{} descriptors, {open} before", descriptors(&host)));
    let ends = "connection to the outside closed";
    let told = || host.log().iter().filter(|line| line.contains(ends)).count();
    wait_for(|| (told() == 2 * SESSIONS).then_some(())).unwrap_or_else(|| panic!("{}", told()));
}
