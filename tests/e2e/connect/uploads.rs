//! What is on its way when something else happens.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;

use super::bare::{CLOSE, UNFINISHED_BINARY, bare, frame};
use super::program::Connect;
use super::{field, host};

// parity W14, W15
#[test]
fn an_upload_that_the_server_cuts_short_has_failed() {
    for words in [&["--file", "-"][..], &["--file", "-", "--json"]] {
        let url = bare(|mut stream| {
            assert_eq!(frame(&mut stream), (UNFINISHED_BINARY, b"half\n".to_vec()));
            stream.write_all(b"\x88\x02\x03\xe9").unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let mut running = Connect::to(&url, words).start();
        running.type_line("half");
        let (code, err) = running.wait();
        assert_eq!(code, Some(7), "{err}");
        assert!(err.contains("error: the connection ended before everything was sent"));
    }
}

// parity W14
#[test]
fn files_that_were_not_begun_are_missed_too() {
    let url = bare(|mut stream| {
        stream.write_all(b"\x88\x02\x03\xe8").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let running = Connect::to(&url, &["--file", "-", "--file", "/dev/null"]).start();
    let (code, err) = running.wait();
    assert_eq!(code, Some(7), "{err}");
}

// parity W14, W15
#[test]
fn an_upload_stops_for_ctrl_c_and_closes_with_what_was_typed() {
    let (tell, told) = std::sync::mpsc::channel();
    let url = bare(move |mut stream| {
        tell.send(frame(&mut stream)).unwrap();
        tell.send(frame(&mut stream)).unwrap();
        stream.write_all(b"\x88\x02\x0f\xa6").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let mut running = Connect::to(&url, &["--file", "-", "--close", "4006"]).start();
    running.type_line("half");
    assert_eq!(told.recv().unwrap().0, UNFINISHED_BINARY);
    running.signal("-INT");
    assert_eq!(
        told.recv().unwrap(),
        (CLOSE, 4006_u16.to_be_bytes().to_vec())
    );
    running.tells("warning: - was not sent whole");
    assert_eq!(running.wait().0, Some(130));
}

#[test]
fn a_server_that_hangs_up_on_our_close_frame_is_no_failure() {
    let hangs_up = || {
        bare(|mut stream| {
            assert_eq!(frame(&mut stream).0, CLOSE);
            stream.shutdown(Shutdown::Both).unwrap();
        })
    };
    let ended = Connect::to(&hangs_up(), &["--linger", "0s"]).end("");
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
    let ended = Connect::to(&hangs_up(), &["--linger", "0s", "--json"]).end("");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let last = ended.out().lines().last().unwrap();
    assert_eq!((field(last, "clean"), field(last, "by")), ("false", "us"));
    let ended = Connect::to(&hangs_up(), &["--linger", "0s", "-v"]).end("");
    assert!(
        ended.err.contains("closed by us; the server ended"),
        "{}",
        ended.err
    );
    assert!(!ended.err.contains("--reconnect"), "{}", ended.err);
}

// parity W14
#[test]
fn a_socket_may_be_stdin() {
    let host = host();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let writing = thread::spawn(move || ours.write_all(&[7; 100_000]).unwrap());
    let words = ["--file", "-", "--exit-after", "1"];
    let ended = Connect::to(&host.url("probe"), &words).end_on(OwnedFd::from(theirs));
    writing.join().unwrap();
    assert_eq!(
        (ended.code, ended.out()),
        (Some(0), "binary=100000 bytes\n"),
        "{}",
        ended.err
    );
}

// parity W18
#[test]
fn lines_wait_for_the_next_connection() {
    const LINES: usize = 300;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        socket.read().unwrap();
        drop(socket);
        let (stream, _) = listener.accept().unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        let mut last = String::new();
        while let Ok(message) = socket.read() {
            if message.is_text() {
                last = message.into_text().unwrap().to_string();
            }
        }
        last
    });
    // More than TCP takes before the first server is gone.
    let lines: String = (1..=LINES)
        .map(|n| format!("line {n} {:65000}\n", ""))
        .collect();
    let ended = Connect::to(&url, &["--reconnect", "--linger", "0s"]).end(lines);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(
        serving
            .join()
            .unwrap()
            .starts_with(&format!("line {LINES} "))
    );
    // What TCP took before it broke is gone; of what came behind it, at most one was on its way.
    assert!(
        ended.err.matches("may be lost").count() <= 1,
        "{}",
        ended.err
    );
}
