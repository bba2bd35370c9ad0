//! The program: what is typed, printed and answered, and how it ends.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::host::{Host, guests, run, write_config};

fn ask(host: &Host, request: &str) -> String {
    ask_at(&host.authority(), request)
}

fn ask_at(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(request.replace('\n', "\r\n").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

// parity S8
#[test]
fn sigterm_says_goodbye_and_ends_well() {
    let host = Host::probe("");
    let mut clients: Vec<_> = (0..3).map(|_| host.connect("probe")).collect();
    host.signal("-TERM");
    for client in &mut clients {
        assert_eq!(client.closed().0, 1001);
    }
    host.logged(&["event on-close", "code=1001", "by=host"]);
    assert_eq!(host.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let host = Host::probe("close_timeout = \"60s\"");
    let mut client = host.connect("probe");
    client.ask("count");
    host.signal("-INT");
    // The close frame has come, and is not answered.
    host.logged(&["stopping"]);
    host.signal("-INT");
    assert_ne!(host.wait().code(), Some(0));
}

// parity S9
#[test]
fn plain_requests_have_their_status() {
    let host = Host::serve(
        "[[listen]]\naddress = \"127.0.0.1:0\"\ntry_page = true\n[service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\n",
    );
    for (request, status) in [
        ("GET /probe HTTP/1.1\nHost: a\n\n", "426"),
        (
            "POST /probe HTTP/1.1\nHost: a\nContent-Length: 0\n\n",
            "405",
        ),
        ("GET /nothing HTTP/1.1\nHost: a\n\n", "404"),
        ("GET / HTTP/1.1\nHost: a\n\n", "200"),
        ("HEAD / HTTP/1.1\nHost: a\n\n", "200"),
        ("POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n", "405"),
        ("nonsense\n\n", "400"),
    ] {
        let answer = ask(&host, request);
        assert_eq!(
            answer.split(' ').nth(1),
            Some(status),
            "{request}\n{answer}"
        );
    }
    // parity H4
    let page = ask(&host, "GET / HTTP/1.1\nHost: a\n\n");
    assert!(
        page.contains("\"/probe\"")
            && page
                .to_ascii_lowercase()
                .contains("content-security-policy: default-src 'none'")
    );
}

#[test]
fn run_serves_one_component_without_a_file() {
    let probe = guests().join("probe.wasm");
    let typed = "--path /p --listen 127.0.0.1:0 --config colour=red --config shape=round";
    let arguments = ["run", probe.to_str().unwrap()]
        .into_iter()
        .chain(typed.split(' '));
    let host = Host::start(&arguments.collect::<Vec<_>>(), 1);
    let mut client = host.connect("probe");
    assert_eq!(client.ask("config:colour"), "config=red");
    assert_eq!(client.ask("config:shape"), "config=round");
    assert!(host.url("probe").ends_with("/p"));
}

// parity H2
#[test]
fn run_serves_a_component_that_only_answers_plain_requests() {
    let probe = guests().join("httpprobe.wasm");
    let typed = "--listen 127.0.0.1:0 --config colour=red --log-format json";
    let arguments = ["run", probe.to_str().unwrap()]
        .into_iter()
        .chain(typed.split(' '));
    let host = Host::start(&arguments.collect::<Vec<_>>(), 0);
    let listening = host.logged(&["\"message\":\"listening\""]);
    let (_, address) = listening.split_once("\"address\":\"").unwrap();
    let address = address.split('"').next().unwrap();
    for (request, status, body) in [
        ("GET /config?key=colour", "200", "red"),
        // Its own, where the page to try services would be.
        ("GET /", "404", "no such way"),
        ("GET /a/b/seen", "200", "method=Method::Get"),
    ] {
        let answer = ask_at(address, &format!("{request} HTTP/1.0\nHost: a\n\n"));
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
        let (_, said) = answer.split_once("\r\n\r\n").unwrap();
        assert!(said.starts_with(body), "{answer}");
    }
    assert_eq!(host.stop(), Some(0));
}

// parity H3
#[test]
fn run_serves_sessions_and_plain_requests_of_one_component() {
    let room = guests().join("room.wasm");
    for (path, page) in [("/", false), ("/room", true)] {
        let typed = ["--path", path, "--listen", "127.0.0.1:0"];
        let host = Host::start(&[&["run", room.to_str().unwrap()], &typed[..]].concat(), 1);
        let mut client = host.connect("room");
        assert_eq!(client.ask("hello"), "hello");
        let answer = ask(&host, &format!("GET {path} HTTP/1.0\nHost: a\n\n"));
        assert!(answer.ends_with("\r\n\r\n1 here\n"), "{answer}");
        let root = ask(&host, "GET / HTTP/1.0\nHost: a\n\n");
        assert_eq!(root.contains("<!DOCTYPE html>"), page, "{root}");
    }
}

// parity S1
#[test]
fn several_listeners_of_both_families_serve() {
    let host = Host::serve(
        "[[listen]]\naddress = \"127.0.0.1:0\"\n[[listen]]\naddress = \"[::1]:0\"\n[service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\n",
    );
    assert_eq!(host.connect("probe").ask("count"), "count=1");
}

// hardening H30
#[test]
fn a_mistake_names_its_line_and_ends_with_2() {
    let file = write_config(
        "[service.a]\npath = \"/a\"\ncomponent = \"GUESTS/echo.wasm\"\nevent_tiem = \"1s\"\n",
    );
    for command in ["serve", "check"] {
        let (code, out, err) = run(&[command, file.to_str().unwrap()]);
        assert_eq!(code, Some(2), "{command}: {out}{err}");
        let shown = out + &err;
        for part in ["wasket.toml:4", "event_tiem", "event_time"] {
            assert!(shown.contains(part), "{command}: no {part} in\n{shown}");
        }
    }
}

#[test]
fn check_tells_what_would_load() {
    let good = guests().join("probe.wasm");
    let (code, out, err) = run(&["check", good.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    for part in [
        "wasket:websocket/behavior",
        "wasket:websocket/handshake",
        "wasi:logging/logging",
    ] {
        assert!(out.contains(part), "no {part} in\n{out}");
    }
    let bad = write_config("").with_file_name("bad.wasm");
    std::fs::write(&bad, b"\0asm\x01\0\0\0").unwrap();
    let (code, out, err) = run(&["check", bad.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(format!("{out}{err}").contains("core module"), "{out}{err}");
    let file = write_config("[service.a]\npath = \"/a\"\ncomponent = \"GUESTS/echo.wasm\"\n");
    assert_eq!(run(&["check", file.to_str().unwrap()]).0, Some(0));
}

// hardening H29
#[test]
fn check_tells_where_guests_may_connect_to() {
    let service = |component: &str, connect: &str| {
        let text = format!(
            "[service.a]\npath = \"/a\"\ncomponent = \"GUESTS/{component}.wasm\"\n{connect}\n"
        );
        let file = write_config(&text);
        let file = file.to_str().unwrap();
        let (code, out, err) = run(&["check", file]);
        assert_eq!(code, Some(0), "{err}");
        let (code, json, err) = run(&["check", "--json", file]);
        assert_eq!(code, Some(0), "{err}");
        (out, json)
    };
    let some = "connect = [\"wss://a.example\", { url = \"ws://*.b.example/x\", user = \"ada\" }]";
    for (component, connect, told, connects) in [
        (
            "relay",
            some,
            "its guests may connect to wss://a.example, ws://*.b.example/x\n",
            true,
        ),
        (
            "relay",
            "",
            "imports connections or requests, and `connect` is empty",
            true,
        ),
        (
            "echo",
            some,
            "ws://*.b.example/x, and its component imports neither",
            false,
        ),
    ] {
        let (out, json) = service(component, connect);
        assert!(out.contains(told), "{out}");
        let field = format!("\"connects\": {connects}");
        assert!(json.contains(&field), "{json}");
    }
    let (out, _) = service("echo", "");
    assert!(!out.contains("connect"), "{out}");
}

#[test]
fn usage_mistakes_end_with_2_and_say_what_to_do() {
    for arguments in [
        &["serve", "/nowhere/wasket.toml"][..],
        &["frobnicate"],
        &["run"],
        &["run", "/nowhere.wasm"],
    ] {
        let (code, _, err) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {err}");
        assert!(!err.is_empty());
    }
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["run", "--help"],
        &["check", "--help"],
        &["--version"],
    ] {
        assert_eq!(run(arguments).0, Some(0), "{arguments:?}");
    }
}

#[test]
fn a_taken_address_says_so() {
    let host = Host::probe("");
    let config = format!(
        "[[listen]]\naddress = \"{}\"\n[service.a]\npath = \"/a\"\ncomponent = \"GUESTS/echo.wasm\"\n",
        host.authority()
    );
    let (code, _, err) = run(&["serve", write_config(&config).to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(err.contains(&host.authority()), "{err}");
}

// parity S10: both ends of ours, in the roles of server and client.
#[test]
fn the_bench_measures_compressed_echoes() {
    let host = Host::serve(
        "[service.probe]\npath = \"/probe\"\nnative = \"echo\"\n\
         compression = { server_context_takeover = true, message_bytes_min = 0 }\n",
    );
    let url = host.url("probe");
    let load = ["--size", "1024", "--pipeline", "4", "--connections", "3"];
    let extent = ["--messages", "100", "--warmup", "0s", "--compress"];
    let typed = [&["bench", url.as_str()], &load[..], &extent[..]].concat();
    let (code, said, error) = run(&typed);
    assert_eq!(code, Some(0), "{said}{error}");
    assert!(said.contains("1024 B compressed"), "{said}");
    host.logged(&["permessage-deflate; client_no_context_takeover"]);
}
