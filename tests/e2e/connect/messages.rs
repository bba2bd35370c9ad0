//! Messages in and out.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use super::bare::{CLOSE, PING, TEXT, bare, frame};
use super::program::Connect;
use super::{field, host};
use crate::host::Host;

// parity W13, W14
#[test]
fn lines_are_messages_and_all_answers_come_before_the_end() {
    let host = host();
    let lines: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    let url = host.url("echo");
    let ended = Connect::to(&url, &["--linger", "0s"]).end(lines.clone());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out() == lines);
    assert_eq!(ended.err, "");
}

// parity W13
#[test]
fn answers_that_take_their_time_are_waited_for() {
    let host = host();
    let late = format!("{}?timer=send:late", host.url("probe"));
    let ended = Connect::to(&late, &["--exit-after", "2"]).end("timer:100:1\n");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out().contains("\nlate\n"), "{}", ended.out());
    for linger in ["1h", "forever"] {
        let answers = bare(|mut stream| {
            assert_eq!(frame(&mut stream), (TEXT, b"one".to_vec()));
            stream
                .write_all(b"\x81\x03two\x81\x05three\x88\x02\x03\xe8")
                .unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let ended = Connect::to(&answers, &["--linger", linger]).end("one\n");
        assert_eq!((ended.code, ended.out()), (Some(0), "two\nthree\n"));
    }
    let silent = bare(|mut stream| {
        assert_eq!(frame(&mut stream), (TEXT, b"one".to_vec()));
        let (first, payload) = frame(&mut stream);
        assert_eq!((first, &payload[..2]), (CLOSE, &b"\x03\xe8"[..]));
        stream.write_all(b"\x88\x02\x03\xe8").unwrap();
    });
    let ended = Connect::to(&silent, &[]).end("one\n");
    assert_eq!((ended.code, ended.out()), (Some(0), ""), "{}", ended.err);
}

#[test]
fn it_ends_after_so_many_messages() {
    let host = host();
    let ended = Connect::to(&host.url("echo"), &["--exit-after", "2"]).end("a\nb\nc\nd\n");
    assert_eq!((ended.code, ended.out()), (Some(0), "a\nb\n"));
}

// parity W13, W14
#[test]
fn bytes_go_through_as_they_are() {
    let host = host();
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let ended = Connect::to(&host.url("echo"), &["--binary", "--linger", "0s"]).end(bytes.clone());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out == bytes);
    let words = ["--binary", "--json", "--exit-after", "1"];
    let ended = Connect::to(&host.url("echo"), &words).end(b"\xff\n".to_vec());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let message = ended.out().lines().nth(1).unwrap();
    assert_eq!(
        (field(message, "type"), field(message, "data")),
        ("binary", "/wo=")
    );
    let ended = Connect::to(&host.url("probe"), &["--linger", "0s"]).end("send-binary:3\n");
    assert!(
        ended.out().starts_with("binary, 3 bytes: 787878\n"),
        "{}",
        ended.out()
    );
}

// parity W14
#[test]
fn a_file_is_one_message() {
    let host = host();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("connect-file");
    fs::write(&file, vec![7; 300_000]).unwrap();
    let file = file.to_str().unwrap();
    let url = host.url("probe");
    let ended = Connect::to(&url, &["--file", file, "--exit-after", "1"]).end("");
    assert_eq!(
        (ended.code, ended.out()),
        (Some(0), "binary=300000 bytes\n"),
        "{}",
        ended.err
    );
    let ended = Connect::to(&url, &["--file", "-", "--exit-after", "1"]).end("x".repeat(200_000));
    assert_eq!(
        (ended.code, ended.out()),
        (Some(0), "binary=200000 bytes\n"),
        "{}",
        ended.err
    );
}

// parity W6, W13
#[test]
fn events_are_lines_of_json() {
    let host = host();
    let url = format!("{}?protocol=chat.v2", host.url("probe"));
    let words = ["--json", "--subprotocol", "chat.v2", "--exit-after", "2"];
    let ended = Connect::to(&url, &words).end("send:h\u{e9} \"x\"\n");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let lines: Vec<&str> = ended.out().lines().collect();
    let events: Vec<&str> = lines.iter().map(|line| field(line, "event")).collect();
    assert_eq!(events, ["opened", "message", "message", "closed"]);
    assert_eq!(field(lines[0], "protocol"), "chat.v2");
    assert_eq!(field(lines[1], "type"), "text");
    assert!(
        lines[1].contains("\"data\":\"h\u{e9} \\\"x\\\"\""),
        "{}",
        lines[1]
    );
    assert_eq!(field(lines[3], "code"), "1000");
    assert_eq!(field(lines[3], "clean"), "true");
    assert_eq!(field(lines[3], "by"), "us");
}

// parity W4, W7
#[test]
fn pings_and_pongs_are_shown_when_asked_for() {
    let host = host();
    let url = host.url("probe");
    let words = ["--show-pings", "--ping", "100ms"];
    let mut running = Connect::to(&url, &words).start();
    running.tells("pong: 1");
    running.type_line("ping:are you there");
    running.tells("ping: are you there");
    assert_eq!(running.finish().0, Some(0));
    let mut running = Connect::to(&url, &["--show-pings", "--json"]).start();
    running.type_line("ping:x");
    let ping = running.says("\"event\":\"ping\"");
    assert_eq!((field(&ping, "bytes"), field(&ping, "data")), ("1", "eA=="));
    assert_eq!(running.finish().0, Some(0));
}

// parity W4
#[test]
fn pings_go_out_whether_they_are_shown_or_not() {
    for words in [&["--ping", "10ms"][..], &["--ping", "10ms", "--show-pings"]] {
        let url = bare(|mut stream| {
            for number in ["1", "2"] {
                let numbered = std::iter::repeat_with(|| frame(&mut stream))
                    // The library's own, where this is slow.
                    .find(|(_, payload)| payload != b"wasket");
                assert_eq!(numbered, Some((PING, number.into())));
                stream
                    .write_all(&[&b"\x8a\x01"[..], number.as_bytes()].concat())
                    .unwrap();
            }
            stream.write_all(b"\x88\x02\x03\xe8").unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let (code, err) = Connect::to(&url, words).start().wait();
        assert_eq!(code, Some(0), "{err}");
        let shown = err.contains("pong: 1") && err.contains("pong: 2");
        assert_eq!(shown, words.len() == 3, "{err}");
    }
}

// parity W2, W10
#[test]
fn the_handshake_has_what_was_typed() {
    let host = Host::probe("origins = [\"https://example.com\"]");
    let words = [
        "--header",
        "X-Room: lobby",
        "--cookie",
        "a=b",
        "-b",
        "c=d",
        "--origin",
        "https://example.com",
        "--linger",
        "0s",
    ];
    let asked = "header:x-room\nheader:cookie\nheader:origin\n";
    let ended = Connect::to(&host.url("probe"), &words).end(asked);
    assert_eq!(
        ended.out(),
        "header=lobby\nheader=a=b; c=d\nheader=https://example.com\n"
    );
    let compressed =
        Host::serve("[service.echo]\npath = \"/echo\"\nnative = \"echo\"\ncompression = \"on\"\n");
    let long = "compress me ".repeat(100) + "\n";
    let words = ["--compress", "--json", "--exit-after", "1"];
    let ended = Connect::to(&compressed.url("echo"), &words).end(long.clone());
    let extensions = ended.out().lines().next().unwrap();
    assert!(
        extensions.contains("\"extensions\":[\"permessage-deflate"),
        "{extensions}"
    );
    assert!(ended.out().contains(long.trim_end()));
}

// parity C4
#[test]
fn what_cannot_be_sent_or_taken_is_said() {
    let host = host();
    let url = host.url("probe");
    let ended = Connect::to(&url, &["--linger", "0s"]).end(&b"id\n\xff\nid\n"[..]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("line 2 of stdin is not UTF-8") && ended.err.contains("--binary"),
        "{}",
        ended.err
    );
    let words = ["--message-bytes-max", "1KiB", "--linger", "forever"];
    let ended = Connect::to(&url, &words).end("send-binary:1025\n");
    assert_eq!(ended.code, Some(7));
    assert!(ended.err.contains("--message-bytes-max"), "{}", ended.err);
}
