//! Bodies: long ones, both ways at once, and those that go wrong.

use std::fs;
use std::io::Write as _;
use std::net::Shutdown;
use std::thread;

use super::Served;
use crate::host::Host;

/// The most memory that the host took, in bytes.
fn peak(host: &Host) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", host.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = line.unwrap().trim().trim_end_matches(" kB");
    digits.parse::<usize>().unwrap() * 1024
}

// parity H2, hardening H28
#[test]
fn a_body_flows_through_a_guest_and_is_nowhere_whole() {
    let served = Served::new("body_bytes_max = \"64MiB\"\nrequest_time = \"30s\"");
    // Whatever it takes once is taken now.
    let mut wire = served.wire();
    wire.send("POST /http/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.send_chunk(b"first");
    assert_eq!(wire.head().status, 200);
    assert_eq!(wire.chunk().as_deref(), Some(&b"first"[..]));
    fs::write(format!("/proc/{}/clear_refs", served.host.id()), "5").unwrap();
    let before = peak(&served.host);
    let mut sender = wire.stream.get_ref().try_clone().unwrap();
    let length = (64 << 20) - 5;
    let sent = thread::spawn(move || {
        let mut left = length;
        while left > 0 {
            let bytes = left.min(1 << 20);
            write!(sender, "{bytes:x}\r\n").unwrap();
            sender.write_all(&vec![b'x'; bytes]).unwrap();
            sender.write_all(b"\r\n").unwrap();
            left -= bytes;
        }
        sender.write_all(b"0\r\n\r\n").unwrap();
    });
    let mut received = 0;
    loop {
        let chunk = wire.chunk().expect("a whole body");
        if chunk.is_empty() {
            break;
        }
        received += chunk.len();
    }
    sent.join().unwrap();
    assert_eq!(received, length);
    let more = peak(&served.host).saturating_sub(before);
    assert!(more <= 8 << 20, "{more} bytes more");
    served.is_over();
}

// hardening H16
#[test]
fn behind_a_body_that_goes_wrong_nothing_is_read_as_a_request() {
    let served = Served::new("body_bytes_max = 1000");
    let inner =
        "GET /http/status?code=418 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let with = |fields: &str, body: &str| {
        let head = "POST /http/read HTTP/1.1\r\nHost: localhost\r\n";
        format!("{head}{fields}\r\n\r\n{body}{inner}")
    };
    let long = "x".repeat(1001);
    let most = "x".repeat(1000);
    for (request, status, follows) in [
        (with("Content-Length: 1000", &most), 200, true),
        (with("Content-Length: 1001", &long), 413, false),
        (
            with(
                "Transfer-Encoding: chunked",
                &format!("3e9\r\n{long}\r\n0\r\n\r\n"),
            ),
            413,
            false,
        ),
        (
            with(
                "Transfer-Encoding: chunked",
                &format!("3e8\r\n{most}\r\n0\r\n\r\n"),
            ),
            200,
            true,
        ),
        // The guest's own words for a body that breaks off.
        (with("Transfer-Encoding: chunked", "zz\r\n"), 502, false),
        // Of two lengths the chunks hold, and nothing is read behind them (RFC 9112, section 6.1).
        (
            with(
                "Content-Length: 3\r\nTransfer-Encoding: chunked",
                "0\r\n\r\n",
            ),
            200,
            false,
        ),
    ] {
        let mut wire = served.wire();
        wire.send(&request);
        let answers = wire.rest();
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answers.starts_with(&expected), "{request:.100}\n{answers}");
        assert_eq!(
            answers.contains(" 418 "),
            follows,
            "{request:.100}\n{answers}"
        );
    }
    served.is_over();
}

// hardening H16, H28
#[test]
fn a_body_that_stalls_or_breaks_off_ends_its_guest() {
    let served = Served::with(
        "",
        "[[listen]]\naddress = \"127.0.0.1:0\"\ntransfer_timeout = \"200ms\"\n",
    );
    for path in ["read", "echo"] {
        let mut wire = served.wire();
        wire.send(format!(
            "POST /http/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"
        ));
        let head = wire.head();
        match path {
            "read" => assert_eq!(head.status, 408),
            // It was answered before; now it cannot be whole.
            _ => assert_eq!((head.status, wire.body(&head)), (200, None)),
        }
        assert!(!wire.rest().contains("HTTP/1.1"));
        let mut wire = served.wire();
        wire.send(format!(
            "POST /http/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"
        ));
        wire.stream.get_ref().shutdown(Shutdown::Both).unwrap();
    }
    served.is_over();
}
