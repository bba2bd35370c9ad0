//! hardening H28: every misbehavior in every callback hurts its own session only, and the log names it.

use std::fmt::Write as _;
use std::io::Write as _;

use tungstenite::Message;

use crate::host::{Client, Host};

/// What ends a guest, the kind of failure that the log names, and something else that it says.
const ACTIONS: [(&str, &str, &str); 8] = [
    ("loop", "time", "event_time"),
    ("recurse", "trap", "stack"),
    ("allocate", "memory", "memory_bytes_max"),
    ("grow", "memory", "memory_bytes_max"),
    ("panic", "trap", "misbehave panics"),
    ("exit", "exit", "exit"),
    ("unreachable", "trap", "unreachable"),
    ("trap", "trap", "out of bounds"),
];

/// Where it can happen to one session while another of the same service is well.
const WITH_NEIGHBORS: [&str; 6] = [
    "on-message",
    "on-error",
    "on-close",
    "on-ping",
    "on-pong",
    "on-stop",
];

/// Where every session of the service is ended, or never begins.
const WITHOUT: [&str; 4] = ["on-start", "on-handshake", "on-open", "on-timer"];

/// A service for each action in each callback, and one that behaves.
fn serve(callbacks: &[&str]) -> Host {
    let mut config =
        "[service.echo]\npath = \"/echo\"\ncomponent = \"GUESTS/echo.wasm\"\n".to_owned();
    for callback in callbacks {
        for (action, ..) in ACTIONS {
            write!(
                config,
                "[service.{callback}-{action}]\npath = \"/{callback}-{action}\"\n\
                 component = \"GUESTS/misbehave.wasm\"\nconfig = {{ {callback} = \"{action}\" }}\n"
            )
            .unwrap();
        }
    }
    Host::serve(&config)
}

/// Brings the callback about; how the session of this client ends.
fn provoke(mut client: Client, callback: &str, action: &str) -> u16 {
    match callback {
        "on-message" => client.send(action),
        "on-ping" => client
            .socket
            .send(Message::Ping(Default::default()))
            .unwrap(),
        // The client answers the guest's ping by itself.
        "on-pong" => client.send("ping"),
        "on-error" => client.socket.get_mut().write_all(&[0xFF; 8]).unwrap(),
        "on-close" | "on-stop" => return client.close(1000, "").0,
        _ => {}
    }
    client.closed().0
}

fn code(callback: &str) -> u16 {
    match callback {
        // The guest fails after the close frame.
        "on-close" | "on-stop" => 1000,
        _ => 1011,
    }
}

/// One line, with everything an operator needs to find the place.
fn assert_logged(host: &Host, service: &str, callback: &str, kind: &str, said: &str) {
    let line = host.logged(&[
        "wasket::guest",
        "\"level\":\"ERROR\"",
        &format!("\"service\":\"{service}\""),
        &format!("\"event\":\"{callback}\""),
        &format!("\"kind\":\"{kind}\""),
        said,
    ]);
    // The guest's own functions, by name.
    assert!(
        line.contains("\"backtrace\":\"") && line.contains("misbehave"),
        "{line}"
    );
}

#[test]
fn a_fault_in_any_callback_leaves_the_neighbors_alone() {
    let host = serve(&WITH_NEIGHBORS);
    let mut elsewhere = host.connect("echo");
    for callback in WITH_NEIGHBORS {
        for (action, kind, said) in ACTIONS {
            let service = format!("{callback}-{action}");
            let mut neighbor = host.connect(&service);
            assert_eq!(neighbor.ask("before"), "before");
            let client = host.connect(&service);
            assert_eq!(
                provoke(client, callback, action),
                code(callback),
                "{service}"
            );
            assert_eq!(neighbor.ask("after"), "after", "{service}");
            assert_eq!(elsewhere.ask(&service), service);
            assert_logged(&host, &service, callback, kind, said);
        }
    }
}

#[test]
fn a_fault_before_the_first_message_leaves_other_services_alone() {
    let host = serve(&WITHOUT);
    let mut elsewhere = host.connect("echo");
    for callback in WITHOUT {
        for (action, kind, said) in ACTIONS {
            let service = format!("{callback}-{action}");
            let refused = match callback {
                "on-start" => Some(503),
                "on-handshake" => Some(500),
                _ => None,
            };
            match (host.connect_to(&service, "", &[]), refused) {
                (Ok(client), None) => {
                    assert_eq!(
                        provoke(client, callback, action),
                        code(callback),
                        "{service}"
                    );
                }
                (Err(answer), Some(status)) => assert_eq!(answer.status, status, "{service}"),
                (Ok(_), _) => panic!("{service} opens"),
                (Err(answer), _) => panic!("{service}: {}", answer.status),
            }
            assert_eq!(elsewhere.ask(&service), service);
            assert_logged(&host, &service, callback, kind, said);
        }
    }
}

// What floods others meets its quota: whoever reads loses nothing, whoever is elsewhere hears nothing.
#[test]
fn a_flood_of_broadcasts_closes_nobody_who_reads() {
    let host = serve(&["on-message"]);
    let mut elsewhere = host.connect("echo");
    let mut neighbor = host.connect("on-message-loop");
    let mut client = host.connect("on-message-loop");
    client.send("broadcast-flood");
    for _ in 0..32 {
        assert_eq!(neighbor.message().len(), 1 << 16);
        assert_eq!(client.message().len(), 1 << 16);
    }
    assert_eq!(client.text(), "broadcast-flood=32 refused");
    assert_eq!(neighbor.ask("after"), "after");
    assert_eq!(elsewhere.ask("after"), "after");
    host.logged(&[
        "\"level\":\"WARN\"",
        "\"setting\":\"event_bytes_max\"",
        "on-message-loop",
    ]);
}
