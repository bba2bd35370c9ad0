//! Whole runs, against a small echo server on threads.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use clap::Parser;
use wasket_ws::handshake::examine;
use wasket_ws::{
    CloseCode, CloseFrame, Connection, Event, Limits, Message, Opcode, Role, Timing, frame,
};

use super::report::Report;
use super::{Options, measure, run};

mod modes;

/// What the server does with a message, whose number in its connection it is told.
type Answer = dyn Fn(u64, &Message<'_>, &mut Vec<u8>) + Send + Sync;

/// Serves until the test process ends; a thread a connection.
fn serve(answer: impl Fn(u64, &Message<'_>, &mut Vec<u8>) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer: Arc<Answer> = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            thread::spawn(move || serve_one(stream, &*answer));
        }
    });
    address
}

fn serve_one(mut stream: TcpStream, answer: &Answer) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.extend(byte);
    }
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(&head).unwrap();
    let headers = request.headers.iter().map(|h| (h.name, h.value));
    let offer = examine("GET", 1, headers).unwrap();
    if request.path != Some("/echo") {
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\nno service here\n");
        return;
    }
    let accept = offer.accept.unwrap();
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    );
    let _ = stream.write_all(head.as_bytes());
    let now = Instant::now();
    let mut connection = Connection::new(Role::Server, Limits::default(), Timing::default(), now);
    let mut input = vec![0; 65_536];
    let mut number = 0;
    while let Ok(count @ 1..) = stream.read(&mut input) {
        let mut events = Vec::new();
        connection
            .receive(now, &mut input[..count], &mut events)
            .unwrap();
        let mut out = Vec::new();
        connection.write_owed(&mut out);
        let mut is_over = false;
        for event in &events {
            match event {
                Event::Message(message) => {
                    number += 1;
                    answer(number, message, &mut out);
                }
                Event::Close(_) => {
                    is_over = true;
                    connection.close(now, &CloseFrame::default(), &mut out);
                }
                _ => {}
            }
        }
        if stream.write_all(&out).is_err() || is_over {
            return;
        }
    }
}

fn echo(_: u64, message: &Message<'_>, out: &mut Vec<u8>) {
    let opcode = match message.is_text() {
        true => Opcode::Text,
        false => Opcode::Binary,
    };
    frame::encode(out, opcode, message.as_bytes(), None);
}

#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    options: Options,
}

fn options(url: &str, typed: &str) -> Options {
    let typed = ["bench", url].into_iter().chain(typed.split_whitespace());
    Typed::try_parse_from(typed).unwrap().options
}

fn bench(address: SocketAddr, typed: &str) -> Report {
    measure(&options(&format!("ws://{address}/echo"), typed)).unwrap()
}

#[test]
fn every_kind_of_load_is_echoed() {
    let address = serve(echo);
    for (typed, messages) in [
        (
            "--connections 3 --pipeline 4 --messages 1000 --threads 2 --warmup 50ms",
            1000,
        ),
        ("--connections 8 --messages 5 --warmup 10ms", 5),
        (
            "--connections 1 --pipeline 16 --messages 33 --size 0 --warmup 0s",
            33,
        ),
        (
            "--connections 2 --pipeline 3 --messages 30 --size 300000 --warmup 0s",
            30,
        ),
        (
            "--connections 2 --pipeline 7 --messages 100 --size 125 --text --warmup 0s",
            100,
        ),
    ] {
        let report = bench(address, typed);
        assert_eq!(report.errors, 0, "{typed}: {:?}", report.error_texts);
        assert_eq!(report.messages, messages, "{typed}");
        assert!(
            report.latency_us.is_some() && report.messages_per_second > 0.0,
            "{typed}"
        );
    }
}

#[test]
fn a_time_is_measured_as_long_as_it_was_asked_for() {
    let report = bench(
        serve(echo),
        "--connections 4 --duration 200ms --warmup 50ms",
    );
    assert_eq!(report.errors, 0, "{:?}", report.error_texts);
    assert!(report.messages > 0);
    assert!((report.seconds - 0.2).abs() < 1e-6, "{}", report.seconds);
}

#[test]
fn what_is_not_the_echo_is_an_error_that_says_what_came() {
    let echo_but = |wrong: fn(u64, &Message<'_>, &mut Vec<u8>)| serve(wrong);
    let cases = [
        (
            echo_but(|number, message, out| {
                let mut bytes = message.as_bytes().to_vec();
                bytes[9] ^= u8::from(number == 7);
                frame::encode(out, Opcode::Binary, &bytes, None);
            }),
            "message 7 came back wrong: sent 16 bytes of binary, received 16 bytes of binary, \
             different from byte 9 on",
        ),
        (
            echo_but(|_, _, out| frame::encode(out, Opcode::Text, b"Welcome!", None)),
            "message 1 came back wrong: sent 16 bytes of binary, received 8 bytes of text",
        ),
        (
            echo_but(|number, message, out| {
                echo(number, message, out);
                echo(number, message, out);
            }),
            "a message came that nothing was sent for: 16 bytes of binary",
        ),
        (
            echo_but(|number, message, out| match number {
                3 => {
                    let mut payload = Vec::new();
                    CloseFrame::truncated(CloseCode::INTERNAL_ERROR, "oh\n")
                        .write_payload(&mut payload);
                    frame::encode(out, Opcode::Close, &payload, None);
                }
                _ => echo(number, message, out),
            }),
            "the server closed the connection with 1011: oh\\n",
        ),
        (
            echo_but(|_, message, out| {
                frame::encode(out, Opcode::Binary, message.as_bytes(), Some([1, 2, 3, 4]));
            }),
            "the server broke the protocol: a server's frame is masked",
        ),
    ];
    for (address, said) in cases {
        let report = bench(address, "--connections 2 --messages 100 --warmup 0s");
        assert_eq!(report.errors, 2, "{said}");
        let [text] = &report.error_texts[..] else {
            panic!("{said}: {:?}", report.error_texts)
        };
        assert!(text.starts_with(said), "{text}");
    }
}

#[test]
fn what_cannot_begin_fails_with_the_reason() {
    let address = serve(echo);
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let own = std::process::id();
    for (url, typed, said) in [
        (
            format!("ws://{address}/other"),
            "",
            "connection 1 of 64: the handshake was refused: ",
        ),
        (format!("ws://{address}/other"), "", "status 404, not 101"),
        (
            format!("ws://{closed}/echo"),
            "",
            "connecting to 127.0.0.1:",
        ),
        (
            format!("ws://{address}/echo"),
            "--server-pid 2147483647",
            "cannot be watched",
        ),
        (
            format!("ws://{address}/echo"),
            "--compress",
            "the server does not compress",
        ),
        (
            format!("ws://{address}/echo"),
            "--mode idle --compress",
            "--compress has no meaning",
        ),
        (
            format!("ws://{address}/echo"),
            "--mode churn --pipeline 2",
            "--pipeline has no meaning with --mode churn",
        ),
        (format!("ws://{address}/echo"), "--touch", "--mode echo"),
        (
            format!("ws://{address}/echo"),
            "--mode idle --messages 3",
            "--messages has no meaning",
        ),
        (
            format!("ws://{address}/echo"),
            "--mode broadcast --senders 65",
            "--senders 65 of 64",
        ),
        (
            format!("ws://{address}/echo"),
            "--mode churn --connections 1025",
            "may be 1024",
        ),
        (
            format!("ws://{address}/other"),
            "--mode churn",
            "the first cycle: the handshake was refused",
        ),
        (
            format!("ws://{closed}/echo"),
            "--mode idle",
            "connection 1 of 64: connecting to",
        ),
        (
            format!("ws://{address}/echo"),
            "--duration 0s",
            "measures nothing",
        ),
        (format!("ws://{address}/echo"), "--warmup 25h", "24h each"),
        (
            format!("ws://{address}/echo"),
            "--pipeline 65536 --size 20000",
            "(1 GiB)",
        ),
    ] {
        let error = run(&options(&url, typed)).expect_err(said);
        assert!(format!("{error:#}").contains(said), "{error:#}");
    }
    let typed = format!("--messages 10 --warmup 0s --server-pid {own}");
    let server = bench(address, &typed).server.unwrap();
    assert_eq!(server.pid, own);
    // Whether this machine can count or not, it says one of the two.
    assert_ne!(
        server.instructions.is_some(),
        server.instructions_missing.is_some()
    );
}

#[test]
fn what_is_typed_wrong_is_refused() {
    for typed in [
        "",
        "wss://localhost/",
        "ws://a --connections 0",
        "ws://a --pipeline 0",
        "ws://a --size -1",
        "ws://a --size 268435457",
        "ws://a --duration 5",
        "ws://a --duration 5s --messages 5",
        "ws://a --messages 0",
        "ws://a --threads 0",
        "ws://a --server-pid 0",
        "ws://a --mode flood",
        "ws://a --mode broadcast --senders 0",
    ] {
        let typed = ["bench"].into_iter().chain(typed.split_whitespace());
        assert_eq!(
            Typed::try_parse_from(typed)
                .expect_err("it was taken")
                .exit_code(),
            2
        );
    }
}
