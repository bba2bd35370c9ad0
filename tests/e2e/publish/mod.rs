//! Components of plain HTTP, and the sessions of services that they see: `publishes_to`, or the same path.

mod many;
mod origins;
mod sessions;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::host::{Host, run, write_config};

/// A status and a body.
type Answer = (u16, String);

/// Asks by HTTP/1.0, whose answers end with their connection, and have no chunks.
fn ask(host: &Host, line: &str, fields: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(host.authority()).unwrap();
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn post(host: &Host, path: &str, body: &str) -> Answer {
    ask(host, &format!("POST {path}"), "", body)
}

const PUBLISH: &str = "[http.publish]\npath = \"/publish\"\ncomponent = \"GUESTS/publish.wasm\"\n";

const ECHO: &str = "[service.echo]\npath = \"/echo\"\nnative = \"echo\"\n";

/// Room for many sessions of the native echo.
fn many() -> Host {
    Host::serve(&format!("{PUBLISH}publishes_to = \"echo\"\n{ECHO}"))
}

// parity M2
#[test]
fn what_is_posted_every_session_hears_once() {
    let host = many();
    let mut clients: Vec<_> = (0..200).map(|_| host.connect("echo")).collect();
    let (status, said) = post(&host, "/publish", "one");
    assert_eq!((status, said.as_str()), (202, "queued for 200 sessions\n"));
    assert_eq!(post(&host, "/publish", "two \u{1f37f}").0, 202);
    for client in &mut clients {
        assert_eq!(client.text(), "one");
        assert_eq!(client.text(), "two \u{1f37f}");
    }
    assert_eq!(host.stop(), Some(0));
}

// parity H2
#[test]
fn what_cannot_be_published_is_said() {
    let host = Host::serve(&format!(
        "{PUBLISH}publishes_to = \"echo\"\nbody_bytes_max = 2048\n{ECHO}message_bytes_max = 1024\n"
    ));
    let mut client = host.connect("echo");
    assert_eq!(post(&host, "/publish", &"x".repeat(1025)).0, 413);
    assert_eq!(post(&host, "/publish", &"x".repeat(2049)).0, 413);
    assert_eq!(ask(&host, "GET /publish", "", "").0, 405);
    assert_eq!(post(&host, "/publish?topic=", "to a topic").0, 400);
    assert_eq!(post(&host, "/publish", "after all").0, 202);
    assert_eq!(client.text(), "after all");
}

// parity H3
#[test]
fn a_path_has_sessions_and_plain_requests_that_see_them() {
    let host = Host::serve(&format!(
        "{}{ECHO}[service.other]\npath = \"/other\"\nnative = \"echo\"\n",
        PUBLISH.replace("\"/publish\"", "\"/echo\"")
    ));
    let mut client = host.connect("echo");
    let _other = host.connect("other");
    let (status, said) = post(&host, "/echo", "hello");
    assert_eq!((status, said.as_str()), (202, "queued for 1 session\n"));
    assert_eq!(client.text(), "hello");
    assert_eq!(client.ask("still an echo"), "still an echo");
}

// parity H3
#[test]
fn one_component_serves_sessions_and_plain_requests() {
    let room = "[service.room]\npath = \"/room\"\ncomponent = \"GUESTS/room.wasm\"\n";
    let host = Host::serve(room);
    let (mut one, mut two) = (host.connect("room"), host.connect("room"));
    assert_eq!(one.ask("hello"), "hello");
    assert_eq!(two.text(), "hello");
    let here = (200, "2 here\n".to_owned());
    assert_eq!(ask(&host, "GET /room", "", ""), here);

    // A table for the path goes before it.
    let publish = PUBLISH.replace("\"/publish\"", "\"/room\"");
    let host = Host::serve(&format!("{publish}{room}"));
    let mut client = host.connect("room");
    assert_eq!(client.ask("hello"), "hello");
    assert_eq!(post(&host, "/room", "posted").0, 202);
    assert_eq!(client.text(), "posted");
}

#[test]
fn without_a_service_there_is_nobody_to_hear_it() {
    let host = Host::serve(&format!("{PUBLISH}{ECHO}"));
    let mut client = host.connect("echo");
    let (status, said) = post(&host, "/publish", "hello");
    assert_eq!((status, said.as_str()), (202, "queued for 0 sessions\n"));
    assert_eq!(client.ask("alone"), "alone");
}

#[test]
fn one_that_does_not_load_answers_503_and_the_others_serve() {
    let broken = "[http.broken]\npath = \"/broken\"\ncomponent = \"GUESTS/echo.wasm\"\n";
    let config = format!("{PUBLISH}publishes_to = \"echo\"\n{broken}{ECHO}");
    let host = Host::serve(&config);
    host.logged(&["\"service\":\"broken\"", "its path answers 503"]);
    assert_eq!(post(&host, "/broken", "").0, 503);
    assert_eq!(post(&host, "/publish", "").0, 202);

    let file = write_config(&config);
    let (code, text, _) = run(&["check", file.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{text}");
    for line in [
        "http publish on /publish (",
        "it sees the sessions of echo",
        "publish.wasm): ok",
        "echo.wasm): does not load, would answer 503",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    let (_, json, _) = run(&["check", "--json", file.to_str().unwrap()]);
    for part in [
        "\"loads\": false",
        "\"publishes_to\": \"echo\"",
        "\"path\": \"/broken\"",
    ] {
        assert!(json.contains(part), "no {part} in\n{json}");
    }
}

#[test]
fn a_guest_that_works_on_after_its_answer_keeps_no_host_from_stopping() {
    let probe = "[http.probe]\npath = \"/probe/*\"\ncomponent = \"GUESTS/httpprobe.wasm\"\n";
    let host = Host::serve(&format!("[host]\ndrain = \"100ms\"\n{probe}{ECHO}"));
    assert_eq!(
        ask(&host, "GET /probe/after?ms=60000&text=late", "", "").0,
        200
    );
    host.signal("-TERM");
    host.logged(&["are worked on for longer than `drain`"]);
    assert_eq!(host.wait().code(), Some(0));
}
