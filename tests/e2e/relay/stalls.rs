//! One side takes nothing: what waits is bounded, control frames go on, and nobody waits for ever.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

use super::{Upstream, end_of, relay};
use crate::host::{Client, Host};

/// More than two sockets and a queue of 64 KiB hold.
const LARGE: usize = 12 << 20;

/// What lets a large message through, and makes nobody a slow reader to whom nothing was sent yet.
const ROOMY: &str = "message_bytes_max = \"16MiB\"\noutbox_bytes_max = \"64KiB\"\nping_every = \"off\"\n\
                     slow_reader_time = \"100ms\"\nwrite_timeout = \"5m\"\nclose_timeout = \"5m\"";

fn roomy(upstream: &Upstream) -> Host {
    let url = upstream.url();
    relay(&url, &format!("connect = [\"{url}\"]\n{ROOMY}"))
}

/// A probe that may connect there.
fn probe(upstream: &Upstream, settings: &str) -> Host {
    Host::probe(&format!("connect = [\"{}\"]\n{settings}", upstream.url()))
}

/// Its session, with a connection that is open.
fn connected(host: &Host, url: &str) -> Client {
    let mut client = host.connect("probe");
    assert_eq!(client.ask(&format!("connect:{url}")), "connect=1");
    host.events_with(1, "out-open");
    client
}

/// The end of what the client sent is not lost, in whatever reads its close frame came.
#[test]
fn what_a_client_sent_before_it_closed_reaches_a_slow_upstream() {
    a_tail_arrives(|_| {});
}

/// Nor when its machine resets the connection behind its close frame, as it does where something was left unread.
#[test]
fn nor_is_it_lost_with_the_connection_of_one_that_has_closed() {
    a_tail_arrives(|client| {
        let socket = socket2::SockRef::from(client.socket.get_ref());
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        // For the host to hear of it.
        thread::sleep(Duration::from_millis(100));
    });
}

fn a_tail_arrives(leave: impl FnOnce(Client)) {
    let upstream = Upstream::bind_small();
    let host = roomy(&upstream);
    let (go_on, wait) = mpsc::channel();
    let server = upstream.serve(move |mut socket| {
        wait.recv().unwrap();
        let large = socket.read().unwrap();
        let texts: Vec<_> = (0..50).map(|_| socket.read().unwrap()).collect();
        (large.len(), texts, end_of(&mut socket))
    });
    let mut client = host.connect("relay");
    client.socket.send(Message::binary(vec![7; LARGE])).unwrap();
    for n in 0..50 {
        client.socket.write(Message::text(n.to_string())).unwrap();
    }
    client.socket.flush().unwrap();
    // Answered, so all before it was read; and its guest waits.
    client.socket.send(Message::Ping("still".into())).unwrap();
    assert_eq!(client.socket.read().unwrap(), Message::Pong("still".into()));
    let done = CloseFrame {
        code: 1000.into(),
        reason: "done".into(),
    };
    client.socket.close(Some(done.clone())).unwrap();
    assert_eq!(client.message(), Message::Close(Some(done)));
    leave(client);
    go_on.send(()).unwrap();
    let (large, texts, end) = server.join().unwrap();
    let expected: Vec<_> = (0..50).map(|n| Message::text(n.to_string())).collect();
    assert_eq!((large, texts), (LARGE, expected));
    assert_eq!(end, (1000, "done".to_owned()));
}

// hardening H24
#[test]
fn an_upstream_is_answered_while_its_messages_wait_for_the_client() {
    let upstream = Upstream::bind();
    let host = roomy(&upstream);
    let (told, closed) = mpsc::channel();
    let server = upstream.serve(move |mut socket| {
        socket.send(Message::binary(vec![7; LARGE])).unwrap();
        socket.send(Message::text("waits")).unwrap();
        socket.send(Message::Ping("there?".into())).unwrap();
        assert_eq!(socket.read().unwrap(), Message::Pong("there?".into()));
        socket.close(None).unwrap();
        let answer = end_of(&mut socket);
        told.send(()).unwrap();
        answer
    });
    let mut client = host.connect("relay");
    // Nothing was read here, and the upstream is done.
    closed.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(client.message().len(), LARGE);
    assert_eq!(client.text(), "waits");
    assert_eq!(client.closed().0, 1005);
    assert_eq!(server.join().unwrap().0, 1005);
}

// hardening H24: what nobody hears waits at who sends it.
#[test]
fn a_flood_from_upstream_is_held_back_and_whole() {
    const MESSAGES: usize = 640;
    let upstream = Upstream::bind();
    let host = roomy(&upstream);
    let (told, held_back) = mpsc::channel();
    let server = upstream.serve(move |mut socket| {
        // A write that makes no progress fails, and goes on later.
        let soon = Some(Duration::from_millis(200));
        socket.get_ref().set_write_timeout(soon).unwrap();
        let mut waits = 0;
        for n in 0..MESSAGES {
            let message = Message::binary(vec![u8::try_from(n % 251).unwrap(); 128 << 10]);
            let mut sent = socket.send(message);
            while would_block(&sent) {
                if waits == 0 {
                    told.send(n).unwrap();
                }
                waits += 1;
                sent = socket.flush();
            }
            sent.unwrap();
        }
        end_of(&mut socket)
    });
    let mut client = host.connect("relay");
    let sent = held_back.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(sent < MESSAGES / 2, "{sent} of {MESSAGES}");
    for n in 0..MESSAGES {
        let message = client.message().into_data();
        let expected = u8::try_from(n % 251).unwrap();
        assert_eq!(message.len(), 128 << 10);
        assert!(message.iter().all(|byte| *byte == expected), "{n}");
    }
    assert_eq!(client.close(1000, "").0, 1000);
    server.join().unwrap();
}

fn would_block(sent: &tungstenite::Result<()>) -> bool {
    matches!(sent, Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock)
}

// hardening H14
#[test]
fn an_upstream_that_takes_nothing_is_given_up() {
    let upstream = Upstream::bind_small();
    let url = upstream.url();
    let settings = "message_bytes_max = \"16MiB\"\nwrite_timeout = \"1s\"\nping_every = \"off\"";
    let host = probe(&upstream, settings);
    let (ended, wait) = mpsc::channel::<()>();
    let server = upstream.serve(move |mut socket| {
        // It is alive: it talks, and does not listen.
        while wait.try_recv().is_err() {
            if socket.send(Message::text("talk")).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
    });
    let mut client = connected(&host, &url);
    let sent = client.ask(&format!("out-send-binary:1:{LARGE}"));
    assert_eq!(sent, "out-send-binary=accepted");
    let events = host.events_with(1, "out-close");
    let end = events.iter().find(|event| event.starts_with("out-close"));
    assert!(
        end.unwrap().starts_with("out-close out=1 code=1006"),
        "{end:?}"
    );
    host.logged(&["WARN", "took nothing"]);
    drop(ended);
    server.join().unwrap();
    assert_eq!(client.ask("out-state:1"), "out-state=closed");
}

// hardening H14
#[test]
fn closing_has_an_end_whether_or_not_the_upstream_reads() {
    let upstream = Upstream::bind_small();
    let url = upstream.url();
    let settings = "message_bytes_max = \"16MiB\"\nclose_timeout = \"1s\"\nping_every = \"off\"";
    let host = probe(&upstream, settings);
    let (tell, wait) = mpsc::channel::<()>();
    let server = upstream.serve(move |mut socket| {
        wait.recv().unwrap();
        // Heard also while the session's own messages wait for room.
        let command = Message::text("!out-close:1:1000:bye");
        socket.send(command).unwrap();
        let _ = wait.recv();
    });
    let mut client = connected(&host, &url);
    let sent = client.ask(&format!("out-send-binary:1:{LARGE}"));
    assert_eq!(sent, "out-send-binary=accepted");
    tell.send(()).unwrap();
    assert_eq!(client.text(), "out-close=accepted");
    assert_eq!(client.ask("out-state:1"), "out-state=closing");
    let events = host.events_with(1, "out-close");
    let end = events.iter().find(|event| event.starts_with("out-close"));
    assert!(
        end.unwrap()
            .starts_with("out-close out=1 code=1006 by=guest"),
        "{end:?}"
    );
    drop(tell);
    server.join().unwrap();
}

// It waits for room, and what arrived, the end at last, waits for it.
#[test]
fn a_guest_that_waits_in_send_hears_that_its_upstream_is_gone() {
    let upstream = Upstream::bind_small();
    let url = upstream.url();
    let host = probe(
        &upstream,
        "message_bytes_max = \"16MiB\"\nwrite_timeout = \"5m\"",
    );
    let (ended, wait) = mpsc::channel::<()>();
    let server = upstream.serve(move |mut socket| {
        let command = format!("!out-send-binary:1:{LARGE}");
        for _ in 0..2 {
            socket.send(Message::text(command.clone())).unwrap();
        }
        for n in 0..200 {
            socket.send(Message::text(n.to_string())).unwrap();
        }
        wait.recv().unwrap();
        // With much unread, so it is a reset.
        drop(socket);
    });
    let mut client = connected(&host, &url);
    assert_eq!(client.text(), "out-send-binary=accepted");
    host.events_with(2, "out-message");
    ended.send(()).unwrap();
    server.join().unwrap();
    assert_eq!(client.text(), "out-send-binary=not-open");
    let events = host.events_with(1, "out-close");
    let heard = events
        .iter()
        .filter(|event| event.starts_with("out-message"));
    assert!(heard.count() >= 2 + 64);
}
