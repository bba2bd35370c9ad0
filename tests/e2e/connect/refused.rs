//! What does not come about, and what is said of it.

use std::net::TcpListener;

use super::program::Connect;
use super::{field, host};

// parity W13
#[test]
fn a_refused_handshake_shows_status_and_body() {
    let host = host();
    let url = format!("{}?reject=409&body=one%0Atwo", host.url("probe"));
    let ended = Connect::to(&url, &[]).end("");
    assert_eq!((ended.code, ended.out()), (Some(6), ""));
    assert!(
        ended
            .err
            .starts_with("error: handshake: the server answered 409 Conflict"),
        "{}",
        ended.err
    );
    assert!(ended.err.ends_with("\none\ntwo\n"), "{}", ended.err);

    let ended = Connect::to(&url, &["--json"]).end("");
    assert_eq!(ended.code, Some(6));
    let line = ended.out();
    assert_eq!(field(line, "event"), "error");
    assert_eq!(field(line, "phase"), "handshake");
    assert_eq!(field(line, "status"), "409");
    assert_eq!(field(line, "body"), "one\\ntwo");
}

// parity W1
#[test]
fn every_failure_is_one_line_with_its_phase_and_a_code() {
    let host = host();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("ws://{}/", listener.local_addr().unwrap())
    };
    let plain = host.url("echo").replace("ws://", "wss://");
    let missing = format!("{}x", host.url("echo"));
    for (url, words, code, part) in [
        (&*nobody, &[][..], 3, "connect: 127.0.0.1:"),
        (&missing, &[], 6, "handshake: the server answered 404"),
        (&plain, &[], 5, "TLS: 127.0.0.1"),
        (
            &missing,
            &["--proxy", &nobody.replace("ws", "http")],
            4,
            "proxy: 127.0.0.1:",
        ),
        ("http://a/", &[], 2, "scheme"),
        ("ws://a/#b", &[], 2, "fragment"),
        (&missing, &["--header", "Upgrade: x"], 2, "belongs to"),
        (
            &missing,
            &["--subprotocol", "a", "--subprotocol", "a"],
            2,
            "subprotocol",
        ),
        (&missing, &["--cookie", "a=b c"], 2, "cookie"),
        (&missing, &["--ca", "/nowhere.pem"], 2, "/nowhere.pem"),
        (&missing, &["--ca", "/dev/null"], 2, "no certificate"),
        (&missing, &["--file", "/nowhere"], 2, "/nowhere"),
        (&missing, &["--file", "/"], 2, "directory"),
        (&missing, &["--pre-auth"], 2, "--user"),
        (&missing, &["--proxy", "socks5://a"], 2, "`http`"),
    ] {
        let ended = Connect::to(url, words).end("");
        assert_eq!(ended.code, Some(code), "{words:?}: {}", ended.err);
        let err = ended.err.trim_end();
        assert!(
            err.starts_with("error: ") && err.contains(part) && !err.contains('\n'),
            "{words:?}: {err}"
        );
        assert_eq!(ended.out(), "");
    }
    for words in [
        &["--close", "1011"][..],
        &["--close", "1005:x"],
        &["--linger", "1"],
        &["--header", "x"],
        &["--exit-after", "0"],
        &["--key", "/nowhere"],
    ] {
        let ended = Connect::to(&missing, words).end("");
        assert_eq!(ended.code, Some(2), "{words:?}: {}", ended.err);
    }
}
