//! The paragraph "Order" of the contract (wit/websocket.wit), rule by rule.

use std::thread;

use crate::host::{Host, wait_for};

/// Waits until the guest has been told of the close, and gives all its events.
fn events_to_the_close(host: &Host) -> Vec<String> {
    host.logged(&["event on-close"]);
    host.events()
}

// Calls into one instance never overlap: while an import waits, its session waits.
#[test]
fn calls_into_an_instance_never_overlap() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    client.send("sleep:100");
    client.send("echo:after");
    client
        .socket
        .send(tungstenite::Message::Ping("now".into()))
        .unwrap();
    // The host answers the ping by itself, before the guest is done.
    assert!(client.message().is_pong());
    assert!(client.text().starts_with("sleep="));
    assert_eq!(client.text(), "echo=after");
    let events = host.events_with(2, "on-message");
    let messages: Vec<_> = events
        .iter()
        .filter(|e| e.starts_with("on-message"))
        .collect();
    assert_eq!(
        messages,
        [
            "on-message text='sleep:100'",
            "on-message text='echo:after'"
        ]
    );
}

// Events of one session keep the order of the wire.
#[test]
fn events_keep_the_order_of_the_wire() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    for n in 0..50 {
        client
            .socket
            .write(tungstenite::Message::text(format!("id{n}")))
            .unwrap();
        client
            .socket
            .write(tungstenite::Message::Ping(format!("p{n}").into()))
            .unwrap();
    }
    client.socket.flush().unwrap();
    client.close(1000, "bye");
    let events = events_to_the_close(&host);
    let wire: Vec<_> = events
        .iter()
        .filter(|e| e.starts_with("on-message") || e.starts_with("on-ping"))
        .cloned()
        .collect();
    let expected: Vec<_> = (0..50)
        .flat_map(|n| {
            [
                format!("on-message text='id{n}'"),
                format!("on-ping payload='p{n}'"),
            ]
        })
        .collect();
    assert_eq!(wire, expected);
    assert!(events.last().unwrap().starts_with("on-close") || events.last().unwrap() == "on-stop");
}

// A session can be seen by others from just before its on-open.
#[test]
fn a_session_is_seen_from_just_before_its_open() {
    let host = Host::probe("");
    let mut first = host
        .connect_to("probe", "?open=count&open=state:", &[])
        .unwrap();
    assert_eq!(first.text(), "count=1");
    assert_eq!(first.text(), "state=open");
    let mut second = host
        .connect_to("probe", "?open=broadcast-except:new", &[])
        .unwrap();
    assert_eq!(first.text(), "new");
    assert!(second.text().ends_with("accepted"));
}

// Data that arrives during on-open waits.
#[test]
fn data_that_arrives_during_open_waits() {
    let host = Host::probe("");
    let mut client = host
        .connect_to("probe", "?open=sleep:100&open=send:opened", &[])
        .unwrap();
    client.send("echo:early");
    assert!(client.text().starts_with("sleep="));
    assert_eq!(client.text(), "opened");
    assert_eq!(client.text(), "send=accepted");
    assert_eq!(client.text(), "echo=early");
    let events = host.events_with(1, "on-message");
    let position = |start: &str| events.iter().position(|e| e.starts_with(start));
    assert!(position("on-open") < position("on-message"), "{events:?}");
}

// After a guest asked to close, messages already queued go out, then the close frame, and of all events
// only on-close still comes; sends then answer not-open.
#[test]
fn after_a_close_only_the_close_event_comes() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    client
        .socket
        .write(tungstenite::Message::text("close-then-send"))
        .unwrap();
    client
        .socket
        .write(tungstenite::Message::text("echo:too late"))
        .unwrap();
    client.socket.flush().unwrap();
    assert_eq!(client.text(), "before");
    assert_eq!(client.closed(), (1000, "done".into()));
    let events = events_to_the_close(&host);
    assert!(!events.iter().any(|e| e.contains("too late")), "{events:?}");
    host.logged(&["answer", "not-open"]);
    assert!(host.logged(&["event on-close"]).contains("by=guest"));
}

// broadcast and publish never wait and never call back into the caller.
#[test]
fn a_broadcast_reaches_its_caller_in_order_and_calls_nobody() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    client.send("send:one");
    client.send("broadcast:two");
    client.send("send:three");
    let texts: Vec<_> = std::iter::repeat_with(|| client.text())
        .filter(|text| !text.contains('='))
        .take(3)
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);
    let events = host.events_with(3, "on-message");
    assert_eq!(
        events
            .iter()
            .filter(|e| e.starts_with("on-message"))
            .count(),
        3
    );
}

#[test]
fn a_broadcast_does_not_wait_for_a_peer_that_does_not_read() {
    let host = Host::probe("outbox_bytes_max = \"64KiB\"\nmessage_bytes_max = \"64KiB\"");
    let _stalled = host.connect("probe");
    let mut caller = host.connect("probe");
    let text = "x".repeat(60_000);
    for _ in 0..200 {
        caller.send(&format!("broadcast-except:{text}"));
        assert!(caller.text().ends_with("accepted"));
    }
    // The one that never read was closed; the caller was not delayed.
    let gone = wait_for(|| (caller.ask("count") == "count=1").then_some(()));
    assert!(gone.is_some());
}

// Nothing a guest does is visible to another service.
#[test]
fn services_do_not_see_each_other() {
    let host = Host::serve(
        r#"
[service.a]
path = "/a"
component = "GUESTS/probe.wasm"
[service.b]
path = "/b"
component = "GUESTS/probe.wasm"
"#,
    );
    let mut a = host.connect("a");
    let mut b = host.connect("b");
    let id = b.ask("id").split('=').nth(1).unwrap().to_owned();
    assert_eq!(a.ask("count"), "count=1");
    assert_eq!(a.ask("ids").matches(&id).count(), 0);
    assert!(a.ask(&format!("send-to:{id}:hello")).ends_with("not-open"));
    assert!(
        a.ask(&format!("close-other:{id}:1000:bye"))
            .ends_with("not-open")
    );
    assert!(a.ask(&format!("state:{id}")).ends_with("closed"));
    assert!(a.ask(&format!("attachment:{id}")).ends_with('='));
    b.ask("subscribe:t");
    a.ask("publish:t:hello");
    a.ask("broadcast-except:hello");
    assert_eq!(b.ask("echo:still alone"), "echo=still alone");
}

// "never reused" and in order, from several threads at once
#[test]
fn ids_are_unique_and_exact_in_javascript() {
    let host = Host::probe("");
    let ids: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let id = || host.connect("probe").ask("id");
                    (0..10)
                        .map(|_| id().split('=').nth(1).unwrap().parse().unwrap())
                        .collect::<Vec<u64>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect()
    });
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 40);
    assert!(ids.iter().all(|id| *id < 1 << 53));
}
