//! What peers and guests say cannot forge a line of the log, steer a terminal, or turn a line around.

use super::{Raw, masked, upgrade};
use crate::host::Host;

/// A line break and a forged line, an escape sequence in both forms, a bidirectional override, line breaks of Unicode.
const EVIL: &str = "x\n2026-01-01T00:00:00Z ERROR forged\r\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{2028}\u{85}\u{7f}\0y";
/// The same for a URL.
const EVIL_URL: &str = "x%0A2026-01-01T00:00:00Z%20ERROR%20forged%0D%1B%5B2J%C2%9B31m%E2%80%AE%E2%81%A6%E2%80%A8%C2%85%7F%00y";

fn host(format: &str) -> Host {
    Host::serve(&format!(
        "[log]\nformat = \"{format}\"\nlevel = \"debug\"\n\
         [service.probe]\npath = \"/probe/*\"\ncomponent = \"GUESTS/probe.wasm\"\n"
    ))
}

/// Has every text of others logged that there is.
fn say_everything(host: &Host) {
    // A path, a principal, a subprotocol that was not offered, a header.
    let path = format!("/probe/{EVIL_URL}?principal={EVIL_URL}&open=stdout:{EVIL_URL}");
    let mut raw = Raw::connect(host);
    raw.send(upgrade(&path, "").as_bytes());
    assert!(raw.head().starts_with("HTTP/1.1 101 "));
    host.logged(&["open", "principal"]);
    for command in [
        "log:warn:",
        "stdout:",
        "stderr:",
        "log:info:{\"level\":\"ERROR\"}",
    ] {
        raw.send(&masked(0x81, format!("{command}{EVIL}").as_bytes()));
    }
    // Close reasons: the peer's here, the guest's below.
    let reason = [&3000_u16.to_be_bytes()[..], EVIL.as_bytes()].concat();
    raw.send(&masked(0x88, &reason));
    host.logged(&["closed", "3000"]);
    for command in [format!("close:3001:{EVIL}"), format!("panic:{EVIL}")] {
        let mut raw = Raw::open(host, "/probe/");
        raw.send(&masked(0x81, command.as_bytes()));
        assert!([1011, 3001].contains(&raw.closed()));
    }
    host.logged(&["event on-message", "close:3001"]);
    host.logged(&["the guest failed"]);
    for query in [
        format!("protocol={EVIL_URL}"),
        format!("header={EVIL_URL}:v"),
    ] {
        let mut raw = Raw::connect(host);
        raw.send(upgrade(&format!("/probe/?{query}"), "").as_bytes());
        assert!(raw.head().starts_with("HTTP/1.1 500 "));
    }
    host.logged(&["cannot be sent", "subprotocol"]);
    host.logged(&["cannot be sent", "header name"]);
    // Bytes that are no UTF-8: in a field that is logged, in a path, in a frame, and instead of a request.
    let good = upgrade("/probe/", "");
    let foreign = [
        good.trim_end().as_bytes(),
        b"\r\nOrigin: http://\xff\x9b\xe2\x80\xae\r\n\r\n",
    ];
    for bytes in [
        foreign.concat(),
        b"GET /probe/%ff%9b HTTP/1.1\r\n\r\n".to_vec(),
        b"\xff\x1b[2J\n\n".to_vec(),
    ] {
        let mut raw = Raw::connect(host);
        raw.send(&bytes);
        raw.head();
    }
    host.logged(&["origin refused"]);
    let mut raw = Raw::open(host, "/probe/");
    raw.send(&masked(0x81, b"\xff\x9b\xe2\x80\xae"));
    assert_eq!(raw.closed(), 1007);
    host.logged(&["closed", "1007"]);
}

fn has_nothing_unsafe(line: &str) {
    let reorders = |c| matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    assert!(!line.contains(|c| reorders(c) || breaks(c)), "{line:?}");
}

// hardening H31
#[test]
fn nothing_breaks_out_of_a_line_of_text() {
    let host = host("text");
    say_everything(&host);
    for line in host.log() {
        has_nothing_unsafe(&line);
        // An event begins with its time; a backtrace goes on indented.
        assert!(
            line.starts_with("20") || line.starts_with("    | "),
            "{line:?}"
        );
        assert!(!line.starts_with("2026-01-01"), "{line:?}");
    }
}

// hardening H31
#[test]
fn nothing_breaks_out_of_a_line_of_json() {
    let host = host("json");
    say_everything(&host);
    for line in host.log() {
        has_nothing_unsafe(&line);
        assert!(
            line.starts_with("{\"timestamp\":") && line.ends_with('}'),
            "{line:?}"
        );
        // What looks like a field of ours within a text is quoted.
        assert_eq!(line.matches("\"level\":").count(), 1, "{line:?}");
    }
}
