//! What a behavior can do: every interface of the contract, through the probe.

use tungstenite::Message;

use crate::host::{Host, wait_for};

// parity B2
#[test]
fn the_opening_request_is_told_whole() {
    let host = Host::serve(
        r#"
[service.rooms]
path = "/rooms/{room}"
component = "GUESTS/probe.wasm"
"#,
    );
    let url = format!("ws://{}/rooms/caf%C3%A9?a=1&b=x+y%21&a=2", host.authority());
    let headers = [
        ("cookie", "session=s3; theme=\"dark\""),
        ("x-note", "hello"),
    ];
    let mut client = host.connect_url(&url, &headers).unwrap();
    let request = client.ask("request");
    for part in [
        "service: \"rooms\"",
        "method: \"GET\"",
        "target: \"/rooms/caf%C3%A9?a=1&b=x+y%21&a=2\"",
        "path: \"/rooms/caf\u{e9}\"",
        "\"room\"",
        "\"caf\u{e9}\"",
        "\"x y!\"",
        "\"theme\"",
        "\"dark\"",
        "\"x-note\"",
        "remote_address: \"127.0.0.1:",
        "secure: false",
    ] {
        assert!(request.contains(part), "no {part} in {request}");
    }
    assert_eq!(client.ask("header:X-Note"), "header=hello");
    assert_eq!(client.ask("header:nothing"), "header=none");
}

// parity B5, B6, B9; hardening H17
#[test]
fn the_handshake_export_accepts_and_rejects() {
    let host = Host::probe("");
    let refused = host
        .connect_to(
            "probe",
            "?reject=401&body=who%20are%20you&header=x-a:b",
            &[],
        )
        .err()
        .unwrap();
    assert_eq!((refused.status, &*refused.body), (401, "who are you"));
    let offered = [("sec-websocket-protocol", "v1, v2")];
    let mut client = host
        .connect_to(
            "probe",
            "?protocol=v2&header=set-cookie:a=1&header=set-cookie:b=2&header=x-a:b&principal=ada",
            &offered,
        )
        .unwrap();
    let header = |name| {
        client
            .answer
            .headers
            .get_all(name)
            .iter()
            .map(|v| v.to_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(header("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(header("x-a"), ["b"]);
    assert_eq!(header("sec-websocket-protocol"), ["v2"]);
    assert_eq!(client.ask("protocol"), "protocol=v2");
    assert!(client.ask("request").contains("\"ada\""));
    for bad in [
        "?header=x-a:b%0D%0Ax-evil:1",
        "?header=x%20a:b",
        "?protocol=v9",
        "?reject=101",
    ] {
        let refused = host.connect_to("probe", bad, &offered).err().unwrap();
        assert_eq!(refused.status, 500, "{bad}");
        assert!(refused.head.headers.get("x-evil").is_none());
    }
}

// parity B9
#[test]
fn subprotocols_of_the_settings_are_agreed_without_a_handshake_export() {
    let host = Host::serve(
        r#"
[service.echo]
path = "/echo"
component = "GUESTS/echo.wasm"
protocols = ["b", "a"]
response_headers = { "X-Served-By" = "wasket" }
"#,
    );
    let client = host
        .connect_to("echo", "", &[("sec-websocket-protocol", "a, b, c")])
        .unwrap();
    assert_eq!(client.answer.headers["sec-websocket-protocol"], "b");
    assert_eq!(client.answer.headers["x-served-by"], "wasket");
    assert!(
        client
            .answer
            .headers
            .get("sec-websocket-extensions")
            .is_none()
    );
}

// parity B3, M1, M3
#[test]
fn sessions_know_and_reach_each_other() {
    let host = Host::probe("");
    let (mut a, mut b) = (host.connect("probe"), host.connect("probe"));
    let id =
        |client: &mut crate::host::Client| client.ask("id").trim_start_matches("id=").to_owned();
    let (of_a, of_b) = (id(&mut a), id(&mut b));
    assert_eq!(a.ask("count"), "count=2");
    assert_eq!(a.ask("ids"), format!("ids={of_a},{of_b}"));
    assert_eq!(a.ask(&format!("state:{of_b}")), "state=open");
    assert_eq!(a.ask("state:12345"), "state=closed");
    let opened: u64 = a
        .ask("opened-at:")
        .trim_start_matches("opened-at=")
        .parse()
        .unwrap();
    let heard: u64 = a
        .ask(&format!("heard-at:{of_b}"))
        .trim_start_matches("heard-at=")
        .parse()
        .unwrap();
    assert!(
        opened > 1_767_225_600_000 && heard >= opened,
        "{opened} {heard}"
    );
    assert_eq!(a.ask(&format!("send-to:{of_b}:hello")), "send-to=accepted");
    assert_eq!(b.text(), "hello");
    assert_eq!(a.ask("queued:"), "queued=0");
    assert_eq!(a.ask("attach:mine"), "attach=accepted");
    assert_eq!(b.ask(&format!("attachment:{of_a}")), "attachment=mine");
    assert_eq!(
        a.ask(&format!("close-other:{of_b}:4000:enough")),
        "close-other=accepted"
    );
    assert_eq!(b.closed(), (4000, "enough".into()));
    assert!(wait_for(|| (a.ask("count") == "count=1").then_some(())).is_some());
    assert_eq!(a.ask(&format!("send-to:{of_b}:hello")), "send-to=not-open");
}

// parity B4, B7
#[test]
fn pings_go_both_ways() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    client.socket.send(Message::Ping("in".into())).unwrap();
    assert_eq!(client.message(), Message::Pong("in".into()));
    host.logged(&["event on-ping", "in"]);
    client.send("ping:out");
    let (mut pinged, mut answered) = (false, false);
    while !(pinged && answered) {
        match client.socket.read().unwrap() {
            Message::Ping(payload) => pinged = payload == "out",
            Message::Text(text) => answered = text.as_str() == "ping=accepted",
            other => panic!("{other:?}"),
        }
    }
    client.socket.flush().unwrap();
    host.logged(&["event on-pong", "out"]);
    // Nobody asked for this one.
    client.socket.send(Message::Pong("stray".into())).unwrap();
    assert_eq!(client.ask("ping-bytes:126"), "ping-bytes=invalid");
    assert!(!host.events().iter().any(|e| e.contains("stray")));
}

// parity M5
#[test]
fn topics_reach_their_subscribers() {
    let host = Host::probe("");
    let (mut a, mut b, mut c) = (
        host.connect("probe"),
        host.connect("probe"),
        host.connect("probe"),
    );
    assert_eq!(a.ask("subscribe:news"), "subscribe=accepted");
    assert_eq!(b.ask("subscribe:news"), "subscribe=accepted");
    assert_eq!(c.ask("publish:news:one"), "publish=accepted");
    assert_eq!((a.text(), b.text()), ("one".into(), "one".into()));
    assert_eq!(a.ask("publish-except:news:two"), "publish-except=accepted");
    assert_eq!(b.text(), "two");
    assert_eq!(b.ask("unsubscribe:news"), "unsubscribe=accepted");
    c.ask("publish:news:three");
    assert_eq!(a.text(), "three");
    assert_eq!(b.ask("echo:nothing came"), "echo=nothing came");
    assert_eq!(a.ask("subscribe:"), "subscribe=invalid");
    assert_eq!(
        a.ask(&format!("subscribe:{}", "t".repeat(256))),
        "subscribe=accepted"
    );
    assert_eq!(
        a.ask(&format!("subscribe:{}", "t".repeat(257))),
        "subscribe=invalid"
    );
}

#[test]
fn timers_wake_their_session() {
    let host = Host::probe("");
    let mut client = host.connect_to("probe", "?timer=send:woken", &[]).unwrap();
    assert_eq!(client.ask("timer:1:7"), "timer=accepted");
    assert_eq!(client.text(), "woken");
    host.logged(&["event on-timer", "token=7"]);
    assert_eq!(client.text(), "send=accepted");
    assert_eq!(client.ask("timer:3600000:8"), "timer=accepted");
    assert_eq!(client.ask("cancel-timer:8"), "cancel-timer=accepted");
    // There is no instance of many sessions to wake.
    assert_eq!(client.ask("instance-timer:1:1"), "instance-timer=refused");
}

// parity B8, S13
#[test]
fn config_and_logging_work() {
    let host = Host::probe("config = { colour = \"blue\", \"a b\" = \"c\" }");
    let mut client = host.connect("probe");
    assert_eq!(client.ask("config:colour"), "config=blue");
    assert_eq!(client.ask("config:nothing"), "config=none");
    let all = client.ask("config");
    assert!(all.contains("colour") && all.contains("a b"), "{all}");
    client.ask("log:warn:beware");
    let line = host.logged(&["\"level\":\"WARN\"", "\"beware\"", "wasket::guest"]);
    assert!(
        line.contains("\"service\":\"probe\"") && line.contains("\"session\":"),
        "{line}"
    );
    client.ask("stdout:to stdout");
    client.ask("stderr:to stderr");
    host.logged(&["to stdout", "\"service\":\"probe\""]);
    host.logged(&["to stderr", "\"service\":\"probe\""]);
}

// hardening H31
#[test]
fn what_guests_and_peers_say_is_escaped() {
    let host = Host::serve(
        r#"
[log]
format = "text"
level = "debug"
[service.probe]
path = "/probe"
component = "GUESTS/probe.wasm"
"#,
    );
    let mut client = host.connect("probe");
    client.ask("log:info:one\n2026-01-01 ERROR forged \u{1b}[31m");
    client.ask("stderr:two\rthree\u{1b}[2J");
    client.close(3000, "bye\n2026-01-01 ERROR forged \u{1b}[31m");
    host.logged(&["closed", "3000"]);
    for line in host.log() {
        assert!(!line.contains('\u{1b}') && !line.contains('\r'), "{line:?}");
        assert!(!line.starts_with("2026-01-01 ERROR"), "{line:?}");
    }
}

// hardening H29
#[test]
fn nothing_is_granted() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    assert_eq!(client.ask("env"), "env=[]");
    assert_eq!(client.ask("args"), "args=[]");
    assert_eq!(client.ask("stdin"), "stdin=0 bytes");
    for command in ["fs:/etc/passwd", "fs:.", "net:127.0.0.1:1"] {
        let answer = client.ask(command);
        assert!(answer.contains("=failed: "), "{answer}");
    }
    // It was not even tried.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let answer = client.ask(&format!("net:{}", listener.local_addr().unwrap()));
    assert!(answer.contains("=failed: "), "{answer}");
    assert!(listener.accept().is_err());
    assert_ne!(client.ask("random"), client.ask("random"));
}
