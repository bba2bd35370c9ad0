//! What does not come about, and what is said of it.

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
fn what_was_typed_wrong_is_one_line_and_nothing_is_connected() {
    let url = "ws://127.0.0.1:1/";
    for (url, words, part) in [
        ("http://a/", &[][..], "scheme"),
        ("ws://a/#b", &[], "fragment"),
        (url, &["--header", "Upgrade: x"], "belongs to"),
        (
            url,
            &["--subprotocol", "a", "--subprotocol", "a"],
            "subprotocol",
        ),
        (url, &["--cookie", "a=b c"], "cookie"),
        (url, &["--ca", "/nowhere.pem"], "/nowhere.pem"),
        (url, &["--file", "/nowhere"], "/nowhere"),
        (url, &["--file", "/"], "directory"),
        (url, &["--pre-auth"], "--user"),
        (url, &["--pre-auth", "--proxy", "a:1"], "--user"),
    ] {
        let ended = Connect::to(url, words).end("");
        assert_eq!(ended.code, Some(2), "{words:?}: {}", ended.err);
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
        let ended = Connect::to(url, words).end("");
        assert_eq!(ended.code, Some(2), "{words:?}: {}", ended.err);
    }
}
