//! `on-close`, as promised, in every way a session can end: once for every `on-open` that returned, unless
//! the instance trapped.

use std::io::Write;

use tungstenite::Message;

use crate::host::{Client, Host, wait_for};

/// Ends a session in one way and tells what the guest heard from its opening on.
fn heard(end: impl FnOnce(&Host, Client)) -> Vec<String> {
    heard_of(1, end)
}

/// The same where so many sessions end.
fn heard_of(sessions: usize, end: impl FnOnce(&Host, Client)) -> Vec<String> {
    let host = Host::probe("close_timeout = \"200ms\"");
    let mut watcher = host.connect("probe");
    watcher.ask("count");
    let before = host.events_with(1, "on-message").len();
    let client = host.connect("probe");
    host.logged(&["event on-open", "session="]);
    end(&host, client);
    let alone = || (watcher.ask("count") == "count=1").then_some(());
    assert!(wait_for(alone).is_some(), "it goes on");
    // The last that each of their instances hears.
    let events = host.events_with(sessions, "on-stop").split_off(before);
    // Without the watcher's questions.
    let of_session = |event: &String| !event.contains("text='count'");
    events.into_iter().filter(of_session).collect()
}

fn closes(events: &[String]) -> Vec<&str> {
    let closes = events.iter().filter_map(|e| e.strip_prefix("on-close "));
    closes.collect()
}

// parity B1
#[test]
fn the_peer_closes() {
    let events = heard(|_, client| assert_eq!(client.close(3001, "bye"), (3001, "bye".into())));
    assert_eq!(
        closes(&events),
        ["code=3001 by=peer clean=true reason='bye'"]
    );
    let events = heard(|_, mut client| {
        client.socket.close(None).unwrap();
        assert_eq!(client.closed().0, 1005);
    });
    assert_eq!(closes(&events), ["code=1005 by=peer clean=true reason=''"]);
}

#[test]
fn the_guest_closes() {
    let events = heard(|_, mut client| {
        client.send("close:4001:enough");
        assert_eq!(client.closed(), (4001, "enough".into()));
    });
    assert_eq!(
        closes(&events),
        ["code=4001 by=guest clean=true reason='enough'"]
    );
    // The peer does not answer.
    let events = heard(|host, mut client| {
        client
            .socket
            .get_mut()
            .write_all(b"\x81\x8a\0\0\0\0close:4001")
            .unwrap();
        host.logged(&["event on-close"]);
        drop(client);
    });
    assert_eq!(
        closes(&events),
        ["code=1006 by=guest clean=false reason=''"]
    );
}

#[test]
fn another_session_closes() {
    let events = heard_of(2, |host, mut client| {
        let id = client.ask("id").trim_start_matches("id=").to_owned();
        let mut other = host.connect("probe");
        other.ask(&format!("close-other:{id}:4002:out"));
        assert_eq!(client.closed(), (4002, "out".into()));
        other.close(1000, "");
    });
    // Two sessions end, in either order.
    let mut closes = closes(&events);
    closes.sort_unstable();
    let other = "code=1000 by=peer clean=true reason=''";
    let asked = "code=4002 by=guest clean=true reason='out'";
    assert_eq!(closes, [other, asked]);
}

#[test]
fn the_peer_breaks_the_protocol_or_a_limit() {
    for (bytes, error, code) in [
        (&b"\xc1\x80\0\0\0\0"[..], "protocol", 1002),
        (b"\x81\x01x", "protocol", 1002),
        (b"\x81\x81\0\0\0\0\xff", "protocol", 1007),
        (b"\x82\xff\0\0\0\0\0\x10\0\x01\0\0\0\0", "limit", 1009),
    ] {
        let events = heard(|_, mut client| {
            client.socket.get_mut().write_all(bytes).unwrap();
            assert_eq!(client.closed().0, code);
        });
        let errors: Vec<_> = events
            .iter()
            .filter(|e| e.starts_with("on-error "))
            .collect();
        assert!(errors.len() == 1 && errors[0].contains(error), "{events:?}");
        let closes = closes(&events);
        assert!(
            closes.len() == 1 && closes[0].starts_with(&format!("code={code} by=host")),
            "{events:?}"
        );
    }
}

#[test]
fn the_connection_is_lost() {
    let events = heard(|_, client| drop(client));
    assert_eq!(closes(&events), ["code=1006 by=peer clean=false reason=''"]);
    assert!(
        events.iter().any(|e| e.starts_with("on-error connection")),
        "{events:?}"
    );
}

#[test]
fn the_host_stops() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    client.ask("count");
    host.signal("-TERM");
    assert_eq!(client.closed().0, 1001);
    let line = host.logged(&["event on-close"]);
    assert!(line.contains("code=1001 by=host clean=true"), "{line}");
    host.logged(&["event on-stop"]);
}

// "unless its instance trapped"; and an on-open that did not return has no on-close.
#[test]
fn a_trap_is_the_last_word() {
    for query in ["", "?open=panic:x"] {
        let host = Host::probe("");
        let mut client = host.connect_to("probe", query, &[]).unwrap();
        if query.is_empty() {
            client.socket.send(Message::text("panic:x")).unwrap();
        }
        assert_eq!(client.closed().0, 1011);
        host.logged(&["wasket::session", "closed", "1011"]);
        assert!(
            host.events().iter().all(|e| !e.starts_with("on-close")),
            "{:?}",
            host.events()
        );
    }
}
