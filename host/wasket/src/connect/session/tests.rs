//! What a session makes of connections that end.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use clap::Parser;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use wasket_client::{Backoff, Connect, Reconnect};
use wasket_ws::handshake::accept_key;

use super::{End, Options, Output, Session, Stop};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// Accepts a handshake, closes with 1001 at once, and then reads to the end.
fn leaving() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let mut headers = head.lines().filter_map(|line| line.split_once(": "));
        let key = headers.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
        let accept = accept_key(key.unwrap().1);
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        let mut answer = answer.into_bytes();
        answer.extend(b"\x88\x02\x03\xe9");
        socket.write_all(&answer).unwrap();
        let _ = std::io::copy(&mut socket, &mut std::io::sink());
    });
    url
}

/// How a session ends that sends a file of so many bytes, and for which the first failure is the last.
fn ended(len: u64) -> End {
    let file = std::env::temp_dir().join(format!("wasket-session-{}-{len}", std::process::id()));
    File::create(&file).unwrap().set_len(len).unwrap();
    let url = leaving();
    let words = [
        "connect",
        &url,
        "--reconnect",
        "--linger",
        "forever",
        "--file",
    ];
    let words = words.into_iter().map(OsStr::new).chain([file.as_os_str()]);
    let options = Line::try_parse_from(words).unwrap().options;
    let backoff = Backoff {
        failures_max: 0,
        ..Backoff::default()
    };
    let link = Reconnect::new(Connect::to(&url).unwrap(), backoff);
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(async {
        let output = Output::new(&options);
        let stop = Stop::new(false).unwrap();
        let steps = mpsc::channel(1).1;
        let session = Session::new(&options, link, steps, output, stop, false);
        session.unwrap().run().await
    });
    fs::remove_file(file).unwrap();
    ended
}

// parity W15 W18
#[test]
fn the_last_connection_says_what_was_not_sent() {
    // Nobody sends so much before the close frame is read that has come with the handshake.
    assert_eq!(ended(1 << 30), End::Lost);
}
