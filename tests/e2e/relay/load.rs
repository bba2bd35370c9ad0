//! Much in both directions, while either side stalls.

use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use super::{Upstream, relay};
use crate::host::Host;

const MESSAGES: usize = 10_000;

/// Small queues, and no pings that a second half would have to answer.
fn small(upstream: &Upstream) -> Host {
    let url = upstream.url();
    let settings = format!(
        "connect = [\"{url}\"]\noutbox_bytes_max = \"64KiB\"\nping_every = \"off\"\n\
                 slow_reader_time = \"5m\"\nwrite_timeout = \"5m\""
    );
    relay(&url, &settings)
}

/// Of every size up to 4 KiB, text and binary, and each knows its place.
fn message(n: usize) -> Message {
    let text = format!("{n}:{}", "x".repeat(n * 37 % 4096));
    match n % 2 {
        0 => Message::text(text),
        _ => Message::binary(text.into_bytes()),
    }
}

/// A second half of a socket, which only writes.
fn writer(socket: &WebSocket<TcpStream>, role: Role) -> WebSocket<TcpStream> {
    let stream = socket.get_ref().try_clone().unwrap();
    WebSocket::from_raw_socket(stream, role, None)
}

fn send_all(mut socket: WebSocket<TcpStream>, stalls_at: usize) {
    for n in 0..MESSAGES {
        if n % 2_500 == stalls_at {
            thread::sleep(STALL);
        }
        socket.send(message(n)).unwrap();
    }
}

fn receive_all(socket: &mut WebSocket<TcpStream>, stalls_at: usize) {
    for n in 0..MESSAGES {
        if n % 2_500 == stalls_at {
            thread::sleep(STALL);
        }
        assert_eq!(socket.read().unwrap(), message(n));
    }
}

fn joined<T>(server: JoinHandle<T>, host: &Host) -> T {
    let tell = |_| panic!("the server failed:\n{}", host.log().join("\n"));
    server.join().unwrap_or_else(tell)
}

// Nothing is lost, nothing changes its place.
#[test]
fn ten_thousand_messages_go_each_way_while_either_side_stalls() {
    let upstream = Upstream::bind();
    let host = small(&upstream);
    let server = upstream.serve(|mut socket| {
        let writer = writer(&socket, Role::Server);
        let sending = thread::spawn(move || send_all(writer, 700));
        receive_all(&mut socket, 300);
        sending.join().unwrap();
        super::end_of(&mut socket)
    });
    let mut client = host.connect("relay");
    let writer = writer(&client.socket, Role::Client);
    let sending = thread::spawn(move || send_all(writer, 1_100));
    receive_all(&mut client.socket, 1_500);
    sending.join().unwrap();
    assert_eq!(client.close(1000, "done"), (1000, "done".to_owned()));
    assert_eq!(joined(server, &host), (1000, "done".to_owned()));
}

// The close frame is read while what came before it still waits for the upstream: all of it arrives before the end does.
#[test]
fn what_a_client_sent_before_it_closed_is_passed_on_however_slowly_it_is_taken() {
    let upstream = Upstream::bind();
    let host = small(&upstream);
    let server = upstream.serve(|mut socket| {
        for n in 0..MESSAGES {
            if n % 64 == 0 {
                thread::sleep(PAUSE);
            }
            assert_eq!(socket.read().unwrap(), message(n));
        }
        super::end_of(&mut socket)
    });
    let client = host.connect("relay");
    send_all(writer(&client.socket, Role::Client), MESSAGES);
    assert_eq!(client.close(1000, "done"), (1000, "done".to_owned()));
    assert_eq!(joined(server, &host), (1000, "done".to_owned()));
}

// What waits for one side never waits for the other: else neither would ever read.
#[test]
fn a_client_may_send_everything_before_it_reads_anything() {
    let upstream = Upstream::bind();
    let host = small(&upstream);
    let server = upstream.serve(|mut socket| {
        let writer = writer(&socket, Role::Server);
        let sending = thread::spawn(move || send_all(writer, MESSAGES));
        receive_all(&mut socket, MESSAGES);
        sending.join().unwrap();
    });
    let mut client = host.connect("relay");
    send_all(writer(&client.socket, Role::Client), MESSAGES);
    receive_all(&mut client.socket, MESSAGES);
    joined(server, &host);
}

/// Long enough that every queue between the two is full.
const STALL: Duration = Duration::from_millis(300);
/// Keeps a reader slower than its writer.
const PAUSE: Duration = Duration::from_millis(5);
