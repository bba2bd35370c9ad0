//! What happens when components fail.

use crate::host::{Host, guests, run, wait_for, write_config};

/// A service that behaves beside one that does not.
fn beside(settings: &str) -> Host {
    Host::serve(&format!(
        r#"
[service.echo]
path = "/echo"
component = "GUESTS/echo.wasm"

[service.bad]
path = "/bad"
component = "GUESTS/misbehave.wasm"
event_wall_time = "500ms"
{settings}
"#
    ))
}

// hardening H28
#[test]
fn a_guest_that_misbehaves_hurts_its_own_session_only() {
    let host = beside("");
    let mut good = host.connect("echo");
    let mut neighbour = host.connect("bad");
    for action in [
        "loop",
        "recurse",
        "allocate",
        "panic",
        "exit",
        "unreachable",
        "trap",
        "sleep:3600000",
    ] {
        let mut client = host.connect("bad");
        client.send("echo before");
        assert_eq!(client.text(), "echo before");
        client.send(action);
        let (code, reason) = client.closed();
        assert_eq!(code, 1011, "{action}");
        // The peer learns nothing of what went wrong.
        assert_eq!(reason, "the service failed", "{action}");
        assert_eq!(good.ask(action), action);
        assert_eq!(neighbour.ask("still here"), "still here");
    }
    assert_eq!(host.stop(), Some(0));
}

// hardening H28
#[test]
fn every_callback_may_fail() {
    for callback in [
        "on-open", "on-error", "on-close", "on-ping", "on-pong", "on-timer",
    ] {
        for action in ["panic", "loop"] {
            let host = beside(&format!("config = {{ {callback} = \"{action}\" }}"));
            let mut client = host.connect("bad");
            match callback {
                "on-open" | "on-timer" => {
                    assert_eq!(client.closed().0, 1011, "{callback} {action}");
                }
                "on-ping" => {
                    client
                        .socket
                        .send(tungstenite::Message::Ping(Default::default()))
                        .unwrap();
                    assert_eq!(client.closed().0, 1011, "{callback} {action}");
                }
                "on-pong" => {
                    client.send("ping");
                    assert_eq!(client.closed().0, 1011, "{callback} {action}");
                }
                "on-error" => {
                    use std::io::Write;
                    client.socket.get_mut().write_all(&[0xFF; 8]).unwrap();
                    let (code, _) = client.closed();
                    assert!(code == 1002 || code == 1011, "{callback} {action}: {code}");
                }
                _ => assert_eq!(client.close(1000, "").0, 1000, "{callback} {action}"),
            }
            host.logged(&["wasket::guest", "\"level\":\"ERROR\"", callback]);
            assert_eq!(host.connect("echo").ask("hi"), "hi");
        }
    }
    for (callback, status) in [("on-start", 503), ("on-handshake", 500)] {
        let host = beside(&format!("config = {{ {callback} = \"panic\" }}"));
        let refused = host.connect_to("bad", "", &[]).err().unwrap();
        assert!([500, 503].contains(&refused.status), "{callback}: {status}");
        assert_eq!(host.connect("echo").ask("hi"), "hi");
    }
}

// hardening H28
#[test]
fn floods_are_bounded() {
    let host = beside(
        "outbox_bytes_max = \"256KiB\"\nlog_bytes_per_second_max = \"4KiB\"\nmessage_bytes_max = \"64KiB\"",
    );
    for action in ["log-flood", "stderr-flood", "stdout-flood"] {
        let mut client = host.connect("bad");
        client.send(action);
        assert_eq!(client.closed().0, 1011, "{action}");
    }
    let logged: usize = host.log().iter().map(String::len).sum();
    assert!(logged < 1 << 20, "{logged} bytes of log");
    // What was dropped is told with the next line that fits.
    let mut client = host.connect("bad");
    let told = wait_for(|| {
        client.ask("log:1");
        let log = host.log();
        log.iter()
            .any(|line| line.contains("were dropped"))
            .then_some(())
    });
    assert!(told.is_some());
    for action in ["ping-flood", "timer-flood", "subscribe-flood"] {
        let mut client = host.connect("bad");
        client.send(action);
        let answer = loop {
            let text = client.text();
            if text.starts_with(action) {
                break text;
            }
        };
        assert!(
            answer.contains("backlogged") || answer.contains("refused"),
            "{answer}"
        );
    }
}

#[test]
fn a_trap_is_explained_in_the_log() {
    let host = beside("");
    let mut client = host.connect("bad");
    client.send("panic");
    client.closed();
    let line = host.logged(&["wasket::guest", "\"level\":\"ERROR\"", "on-message"]);
    assert!(
        line.contains("\"service\":\"bad\"") && line.contains("\"session\":"),
        "{line}"
    );
    // The panic's message came by stderr, the backtrace names functions.
    let log = host.log().join("\n");
    assert!(log.contains("panicked at"), "{log}");
    assert!(log.contains("misbehave"), "{log}");
}

#[test]
fn a_lifecycle_that_fails_to_start_answers_503() {
    let host = Host::probe("config = { start-error = \"no luck\" }");
    assert_eq!(host.connect_to("probe", "", &[]).err().unwrap().status, 503);
    host.logged(&["no luck", "on-start"]);
}

// hardening H30
#[test]
fn what_does_not_load_says_why_and_the_others_serve() {
    let folder = write_config("");
    let folder = folder.parent().unwrap();
    let cases: [(&str, &[u8], &str); 3] = [
        ("not-wasm", b"hello", "not"),
        ("core-module", b"\0asm\x01\0\0\0", "core module"),
        (
            "wrong-world",
            b"\0asm\x0d\0\x01\0",
            "wasket:websocket/behavior",
        ),
    ];
    let mut config =
        "[service.echo]\npath = \"/echo\"\ncomponent = \"GUESTS/echo.wasm\"\n".to_owned();
    for (name, bytes, _) in cases {
        let file = folder.join(format!("{name}.wasm"));
        std::fs::write(&file, bytes).unwrap();
        config += &format!(
            "[service.{name}]\npath = \"/{name}\"\ncomponent = {:?}\n",
            file.to_str().unwrap()
        );
    }
    let host = Host::serve(&config);
    for (name, _, why) in cases {
        host.logged(&["\"level\":\"ERROR\"", name, why]);
        assert_eq!(
            host.connect_to(name, "", &[]).err().unwrap().status,
            503,
            "{name}"
        );
    }
    assert_eq!(host.connect("echo").ask("hi"), "hi");
}

// hardening H32
#[test]
fn a_component_that_is_not_the_pinned_one_does_not_serve() {
    let pinned = format!(
        "[service.echo]\npath = \"/echo\"\ncomponent = {:?}\nsha256 = \"{}\"\n",
        guests().join("echo.wasm").to_str().unwrap(),
        "0".repeat(64)
    );
    let host = Host::serve(&pinned);
    host.logged(&["\"level\":\"ERROR\"", "SHA-256", "pin"]);
    assert_eq!(host.connect_to("echo", "", &[]).err().unwrap().status, 503);
    let (code, out, _) = run(&["check", guests().join("echo.wasm").to_str().unwrap()]);
    assert_eq!(code, Some(0));
    assert!(out.contains("wasket:websocket/sessions"), "{out}");
}
