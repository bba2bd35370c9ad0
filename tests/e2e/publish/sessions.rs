//! Every way in which a component of plain HTTP acts on sessions of a service.

use std::time::Duration;

use tungstenite::Message;

use super::{ECHO, ask};
use crate::host::{Client, Host, wait_for};

/// `httpprobe` sees the sessions of `echo`, and none of `other`.
fn host() -> Host {
    Host::serve(&format!(
        "[http.probe]\npath = \"/probe/*\"\ncomponent = \"GUESTS/httpprobe.wasm\"\npublishes_to = \"echo\"\n{ECHO}\
         [service.other]\npath = \"/other\"\nnative = \"echo\"\n"
    ))
}

/// Has the probe do it, and returns what it says.
pub(super) fn act(host: &Host, what: &str) -> String {
    let (status, said) = ask(host, &format!("GET /probe/{what}"), "", "");
    assert_eq!(status, 200, "{said}");
    said
}

pub(super) fn ids(host: &Host) -> Vec<u64> {
    let said = act(host, "ids");
    let ids = said.split(',').filter(|id| !id.is_empty());
    ids.map(|id| id.parse().unwrap()).collect()
}

/// A session, and its id.
fn connect(host: &Host) -> (Client, u64) {
    let before = ids(host);
    let mut client = host.connect("echo");
    // It is there once it answers.
    assert_eq!(client.ask("?"), "?");
    let new: Vec<u64> = ids(host)
        .into_iter()
        .filter(|id| !before.contains(id))
        .collect();
    assert_eq!(new.len(), 1, "{new:?}");
    (client, new[0])
}

// parity M1
#[test]
fn sessions_of_the_service_are_counted_and_listed_in_order() {
    let host = host();
    assert_eq!((act(&host, "count"), ids(&host)), ("0".to_owned(), vec![]));
    let mut other = host.connect("other");
    assert_eq!(other.ask("?"), "?");
    let (first, one) = connect(&host);
    let (_second, two) = connect(&host);
    let mut sorted = vec![one, two];
    sorted.sort_unstable();
    assert_eq!(ids(&host), sorted);
    assert_eq!(act(&host, "count"), "2");
    assert_eq!(act(&host, &format!("state?id={one}")), "Open");
    first.close(1000, "");
    assert!(wait_for(|| (act(&host, "count") == "1").then_some(())).is_some());
    assert_eq!(ids(&host), [two]);
    assert_eq!(act(&host, &format!("state?id={one}")), "nobody");
}

// parity M3
#[test]
fn one_session_is_sent_to_pinged_and_closed() {
    let host = host();
    let (mut one, id) = connect(&host);
    let (mut two, _) = connect(&host);
    assert_eq!(act(&host, &format!("send?id={id}&text=for+you")), "Ok(())");
    assert_eq!(one.text(), "for you");
    assert_eq!(act(&host, &format!("ping?id={id}")), "Ok(())");
    assert_eq!(one.socket.read().unwrap(), Message::Ping("probe".into()));
    let close = format!("close?id={id}&code=3001&reason=go");
    assert_eq!(act(&host, &close), "Ok(())");
    assert_eq!(one.closed(), (3001, "go".to_owned()));
    host.logged(&["\"message\":\"closed\"", &id.to_string(), "\"code\":3001"]);
    let bad = act(&host, "close?id=1&code=3001");
    assert_eq!(bad, "nobody");
    assert_eq!(two.ask("still here"), "still here");
}

// parity M2, M5
#[test]
fn all_are_sent_to_or_those_of_a_topic() {
    let host = host();
    let (mut one, id) = connect(&host);
    let (mut two, _) = connect(&host);
    let mut other = host.connect("other");
    let subscribe = format!("subscribe?id={id}&topic=weather");
    assert_eq!(act(&host, &subscribe), "Ok(())");
    assert_eq!(act(&host, "publish?topic=weather&text=rain"), "Ok(())");
    assert_eq!(act(&host, "broadcast?text=all"), "Ok(())");
    assert_eq!(
        (one.text(), one.text()),
        ("rain".to_owned(), "all".to_owned())
    );
    assert_eq!(two.text(), "all");
    assert_eq!(other.ask("nothing before"), "nothing before");
    // What a handler does for a session outlives its request.
    let timeout = Some(Duration::from_secs(60));
    one.socket.get_ref().set_read_timeout(timeout).unwrap();
    assert_eq!(act(&host, "publish?topic=weather&text=sun"), "Ok(())");
    assert_eq!(one.text(), "sun");
}
