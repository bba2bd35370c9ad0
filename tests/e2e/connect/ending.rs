//! How it ends: who closes, with what, and the code that scripts see.

use std::io::{Read, Write};
use std::net::Shutdown;

use super::bare::bare;
use super::host;
use super::program::Connect;

// parity W15
#[test]
fn it_closes_with_what_was_typed() {
    let host = host();
    let words = ["--close", "4001:bye", "--linger", "0s"];
    let ended = Connect::to(&host.url("probe"), &words).end("");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    host.logged(&["event on-close", "code=4001", "bye", "clean=true"]);
}

// parity W15
#[test]
fn a_signal_closes_with_the_closing_handshake() {
    let host = host();
    for (signal, code, close) in [("-INT", 130, "4002"), ("-TERM", 143, "4003")] {
        let running = Connect::to(&host.url("probe"), &["-v", "--close", close]).start();
        running.tells("connected to ws://");
        running.signal(signal);
        let (ended, err) = running.wait();
        assert_eq!(ended, Some(code), "{err}");
        let code = format!("code={close}");
        host.logged(&["event on-close", &code, "clean=true", "by=peer"]);
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let (closing, is_closing) = std::sync::mpsc::channel();
    let url = bare(move |mut stream| {
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        closing.send(first[0]).unwrap();
        // The close frame is not answered.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let running = Connect::to(&url, &["-v"]).start();
    running.tells("connected to ws://");
    running.signal("-INT");
    assert_eq!(is_closing.recv().unwrap(), 0x88);
    running.signal("-INT");
    let (code, err) = running.wait();
    assert_eq!(code, Some(130));
    assert!(!err.contains("did not close in time"), "{err}");
}

// parity W15
#[test]
fn a_reset_after_our_close_frame_is_an_end_like_others() {
    let url = bare(|mut stream| {
        // Who leaves the rest unread resets the connection.
        stream.read_exact(&mut [0]).unwrap();
    });
    let ended = Connect::to(&url, &["--linger", "0s"]).end("");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn a_lost_connection_and_a_bad_code_are_told_apart() {
    let url = bare(|stream| stream.shutdown(Shutdown::Both).unwrap());
    let ended = Connect::to(&url, &["--linger", "forever"]).end("");
    assert_eq!(ended.code, Some(7));
    assert!(
        ended
            .err
            .starts_with("error: closed with 1006: the server ended the connection"),
        "{}",
        ended.err
    );

    let url = bare(|mut stream| stream.write_all(b"\x83\x00").unwrap());
    let ended = Connect::to(&url, &["--linger", "forever"]).end("");
    assert_eq!(ended.code, Some(7));
    assert!(ended.err.contains("broke a rule"), "{}", ended.err);

    let host = host();
    for (close, code) in [("1000:done", 0), ("1008:no", 8), ("4000:x\u{1b}[31m", 8)] {
        let ended = Connect::to(&host.url("probe"), &["--linger", "forever"])
            .end(format!("close:{close}\n"));
        assert_eq!(ended.code, Some(code), "{}", ended.err);
        assert!(!ended.err.contains('\u{1b}'), "{}", ended.err);
        let number = &close[..4];
        let is_told = ended
            .err
            .contains(&format!("closed by the server with {number}"));
        assert_eq!(is_told, code != 0, "{}", ended.err);
    }
}

#[test]
fn who_reads_no_more_ends_it_quietly() {
    let host = host();
    let mut running = Connect::to(&host.url("probe"), &["--close", "4004"]).start_unread();
    running.type_line("id");
    let (code, err) = running.wait();
    assert_eq!((code, &*err), (Some(0), ""));
    host.logged(&["event on-close", "code=4004", "clean=true"]);
}
