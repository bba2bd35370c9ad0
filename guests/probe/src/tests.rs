use std::time::Duration;

use super::*;
use wasket_guest::testing::{Client, Host, Opening};

fn ask(client: &Client<Probe>, command: &str) -> String {
    client.send(command);
    let answers = client.received();
    let answer = answers
        .last()
        .and_then(Message::as_text)
        .expect("every command is answered");
    answer.to_owned()
}

#[test]
fn commands_answer_name_and_value() {
    let host = Host::<Probe>::new().config("colour", "red");
    let client = host.open(Opening::new("/probe?x=1").header("User-Agent", "test"));
    let cases = [
        ("echo:a:b", "echo=a:b"),
        ("send:x", "send=accepted"),
        ("send-binary:3", "send-binary=accepted"),
        ("send-to:1:x", "send-to=accepted"),
        ("send-to:99:x", "send-to=not-open"),
        ("send-to:x", "unknown command"),
        ("nonsense", "unknown command"),
        ("repeat:3:n", "repeat=accepted"),
        ("ping:p", "ping=accepted"),
        ("ping-bytes:126", "ping-bytes=invalid"),
        ("close:1005:x", "close=invalid"),
        ("close-other:99:1000:x", "close-other=not-open"),
        ("subscribe:t", "subscribe=accepted"),
        ("publish:t:x", "publish=accepted"),
        ("publish-except:t:x", "publish-except=accepted"),
        ("unsubscribe:t", "unsubscribe=accepted"),
        ("id", "id=1"),
        ("count", "count=1"),
        ("ids", "ids=1"),
        ("instance", "instance=1"),
        ("state", "state=open"),
        ("state:99", "state=closed"),
        ("opened-at", "opened-at=0"),
        ("heard-at:99", "heard-at=none"),
        ("protocol", "protocol=none"),
        ("queued", "queued=0"),
        ("header:user-agent", "header=test"),
        ("header:cookie", "header=none"),
        ("attach:kept", "attach=accepted"),
        ("attachment", "attachment=kept"),
        ("attach-bytes:16385", "attach-bytes=too-large"),
        ("config:colour", "config=red"),
        ("config:size", "config=none"),
        ("config", "config=[(\"colour\", \"red\")]"),
        ("log:warn:careful", "log=written"),
        ("cancel-timer:1", "cancel-timer=accepted"),
        ("out-state:1", "unknown command"),
        ("connect:wss://feed.example a x-b=c", "connect=1"),
        ("connect:wss://feed.example", "connect=2"),
        ("connect:https://feed.example", "connect=invalid"),
        ("connect:wss://feed.example Host=x", "connect=invalid"),
        ("out-state:2", "out-state=connecting"),
        ("out-send:1:x", "out-send=accepted"),
        ("out-close:1:1011:x", "out-close=invalid"),
        ("out-ping:1:x", "out-ping=not-open"),
        ("out-close:1:1000:x", "out-close=accepted"),
        ("out-state:#99", "out-state=closed"),
    ];
    for (command, expected) in cases {
        assert_eq!(ask(&client, command), expected, "{command}");
        assert!(host.logged(&format!("answer session=1 {expected}")));
    }
    assert!(ask(&client, "request").contains("target: \"/probe?x=1\""));
    assert!(host.logged("careful"));
    assert_eq!(client.pings(), [b"p"]);
    client.send([1, 2]);
    assert_eq!(client.received(), ["binary=2 bytes"]);
}

#[test]
fn the_query_runs_commands_in_events_and_every_event_is_logged() {
    let host = Host::<Probe>::new().config("announce", "true");
    host.start().expect("no error is configured");
    let other = host.open("/other");
    let client = host
        .open("/probe?open=send:a&open=timer:5:7&timer=echo:t&ping=echo:i&close=send-to:1:gone");
    client.ping("i");
    client.pong("o");
    host.advance(Duration::from_millis(5));
    assert_eq!(
        client.received(),
        [
            "event on-open session=2",
            "a",
            "send=accepted",
            "timer=accepted",
            "event on-ping session=2 payload=\"i\"",
            "echo=i",
            "event on-pong session=2 payload=\"o\"",
            "event on-timer session=2 token=7",
            "echo=t",
        ]
    );
    client.fail(SessionError::Limit("big".into()));
    let last = "event on-close session=2 code=1009 by=host clean=true reason=\"\"";
    assert!(host.logged("event on-error session=2 limit=\"big\""));
    assert!(host.logged(last));
    assert_eq!(
        other.received().split_off(5),
        ["event on-error session=2 limit=\"big\"", last, "gone"]
    );
    host.stop();
    assert!(host.logged("event on-start") && host.logged("event on-stop"));
}

#[test]
fn the_handshake_obeys_the_query() {
    let host = Host::<Probe>::new();
    let rejection = host
        .handshake("/?reject=401&body=who&header=www-authenticate:Basic&header=a:b")
        .expect_err("it is told to reject");
    assert_eq!(
        rejection,
        Rejection::new(401)
            .header("www-authenticate", "Basic")
            .header("a", "b")
            .body("who")
    );
    let client = host
        .handshake("/?protocol=v2&principal=Anna&header=set-cookie:seen=1&handshake=attach:x")
        .expect("it is not told to reject");
    assert_eq!(
        client.response_headers(),
        [("set-cookie".to_owned(), "seen=1".to_owned())]
    );
    assert_eq!(ask(&client, "protocol"), "protocol=v2");
    assert_eq!(ask(&client, "attachment"), "attachment=x");
    assert!(ask(&client, "request").contains("name: \"Anna\""));
}

#[test]
fn closing_from_inside() {
    let host = Host::<Probe>::new();
    let client = host.open("/");
    client.send("close-then-send");
    assert_eq!(client.received(), ["before"]);
    assert!(
        host.logged(
            "answer session=1 close-then-send=close accepted, send not-open, state closing"
        )
    );
    let close = client.closed().expect("it closed");
    assert_eq!((close.code, close.reason.as_str()), (1000, "done"));

    let at_once = host.open("/?open=close:4000:no");
    assert_eq!(at_once.closed().map(|it| it.code), Some(4000));
    assert!(host.logged("event on-close session=2 code=4000 by=guest clean=true reason=\"no\""));
}

#[test]
fn a_login_finds_the_users_of_the_configuration() {
    let _host = Host::<Probe>::new().config("user-ada", "plain secret admin");
    let (secret, ada) = Probe::find("r", "ada").expect("a user");
    assert_eq!(secret, Secret::Plain("secret".into()));
    assert_eq!(
        (ada.name.as_str(), ada.roles.join(" ")),
        ("ada", "admin".into())
    );
    assert_eq!(ada.claims, [("realm".to_owned(), "r".to_owned())]);
    assert!(Probe::find("r", "eve").is_none());
}

#[test]
fn a_start_can_fail() {
    let host = Host::<Probe>::new().config("start-error", "no database");
    assert_eq!(host.start(), Err("no database".to_owned()));
}

#[test]
fn connections_have_numbers_and_protocols() {
    let host = Host::<Probe>::new();
    let client = host.open("/probe");
    assert_eq!(ask(&client, "connect:wss://feed.example a b"), "connect=1");
    let upstream = host.upstreams().remove(0);
    upstream.accept_protocol("b");
    assert!(host.logged("event out-open session=1 out=1"));
    assert_eq!(ask(&client, "out-protocol:1"), "out-protocol=b");
    upstream.send("!id");
    assert!(host.logged("event out-message session=1 out=1 text=\"!id\""));
    assert_eq!(client.received(), [Message::from("id=1")]);
    upstream.close(1000, "bye");
    assert!(host.logged("event out-close session=1 out=1 code=1000"));
}
