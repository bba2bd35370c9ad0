//! What the client takes of memory: a process of its own, for it looks at the whole of it.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

use std::fs;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wasket_client::{Compression, Connect, Event, Limits};
use wasket_ws::deflate::{Deflater, Parameters};
use wasket_ws::frame::{self, FirstByte};
use wasket_ws::handshake::accept_key;
use wasket_ws::{CloseCode, CloseFrame, Connection, Opcode, Role, Timing};

// One after the other: each looks at the whole process.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// By how much the process has grown at most since `since`, in bytes.
struct Growth {
    from: u64,
}

impl Growth {
    fn since_now() -> Self {
        // Forgets the peak so far (proc(5)).
        fs::write("/proc/self/clear_refs", "5").unwrap();
        Self {
            from: status("VmRSS:"),
        }
    }

    fn now(&self) -> u64 {
        status("VmRSS:").saturating_sub(self.from)
    }

    fn peak(&self) -> u64 {
        status("VmHWM:").saturating_sub(self.from)
    }
}

/// A line of the process's status, in bytes.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    line.trim()
        .strip_suffix(" kB")
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

/// Accepts a connection.
async fn accept(listener: &TcpListener, more: &str) -> TcpStream {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let key = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
    let answer = format!(
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n{more}\r\n",
        accept_key(key.unwrap().1)
    );
    socket.write_all(answer.as_bytes()).await.unwrap();
    socket
}

// parity W14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: 5 s"]
async fn a_file_of_a_gibibyte_takes_no_memory() {
    const FILE_BYTES: u64 = 1 << 30;
    let _alone = ONE_AT_A_TIME.lock().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(FILE_BYTES).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut socket = accept(&listener, "").await;
        let mut buffer = vec![0; 64 << 10];
        let mut total = 0_u64;
        while let Ok(read @ 1..) = socket.read(&mut buffer).await {
            total += u64::try_from(read).unwrap();
        }
        total
    });
    let (sender, receiver) = Connect::to(&url).unwrap().open().await.unwrap().split();
    let growth = Growth::since_now();
    sender.file(file.path()).await.unwrap();
    let peak = growth.peak();
    drop((sender, receiver));
    assert!(server.await.unwrap() > FILE_BYTES);
    assert!(peak < 16 << 20, "grew by {peak} bytes");
}

// hardening H1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_inflates_to_a_gibibyte_takes_the_limit_and_little_more() {
    const LIMIT: usize = 1 << 20;
    let _alone = ONE_AT_A_TIME.lock().await;
    let mut deflater = Deflater::new(Parameters::default().profile(Role::Server, 9).unwrap());
    let zeros = vec![0; LIMIT];
    let mut bytes = Vec::new();
    // A thousand messages that may be, each a thousandth of what it becomes.
    for _ in 0..1000 {
        let mut deflated = Vec::new();
        deflater.deflate(&zeros, &mut deflated).unwrap();
        frame::encode_first(
            &mut bytes,
            FirstByte::deflated(Opcode::Binary),
            &deflated,
            None,
        );
    }
    let mut server = Connection::new(
        Role::Server,
        wasket_ws::Limits::default(),
        Timing::default(),
        Instant::now(),
    );
    server.close(
        Instant::now(),
        &CloseFrame::from(CloseCode::NORMAL),
        &mut bytes,
    );
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let writing = tokio::spawn(async move {
        let more = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        let mut socket = accept(&listener, more).await;
        socket.write_all(&bytes).await.unwrap();
    });
    let limits = Limits {
        message_bytes_max: LIMIT,
        ..Limits::default()
    };
    let connect = Connect::to(&url).unwrap().limits(limits);
    let connect = connect.compression(Compression::default()).unwrap();
    let growth = Growth::since_now();
    let connection = connect.open().await.unwrap();
    let (_sender, mut receiver) = connection.split();
    let mut messages = 0;
    while let Some(event) = receiver.next().await {
        match event {
            Event::Message(message) => messages += usize::from(message.as_bytes().len() == LIMIT),
            Event::Close(closed) => assert_eq!(closed.code, 1000),
            _ => {}
        }
    }
    let peak = growth.peak();
    writing.await.unwrap();
    assert_eq!(messages, 1000);
    assert!(peak < (LIMIT + (16 << 20)) as u64, "grew by {peak} bytes");
}

// hardening H23
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_waits_takes_little() {
    const CONNECTIONS: u64 = 500;
    let _alone = ONE_AT_A_TIME.lock().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut sockets = Vec::new();
        let mut message = Vec::new();
        frame::encode(&mut message, Opcode::Binary, &[7; MESSAGE_BYTES], None);
        let mut taken = vec![0; MESSAGE_BYTES];
        loop {
            let mut socket = accept(&listener, "").await;
            socket.write_all(&message).await.unwrap();
            socket.read_exact(&mut taken).await.unwrap();
            sockets.push(socket);
        }
    });
    let connect = Connect::to(&url).unwrap();
    let mut connections = Vec::new();
    let growth = Growth::since_now();
    for _ in 0..CONNECTIONS {
        let mut connection = connect.open().await.unwrap();
        // What a message takes on its way in and out is not kept.
        let sender = connection.sender();
        sender.binary(vec![7; MESSAGE_BYTES]).await.unwrap();
        assert!(matches!(connection.next().await, Some(Event::Message(_))));
        connections.push(connection);
    }
    let each = growth.now() / CONNECTIONS;
    serving.abort();
    assert!(each < 40 << 10, "a connection takes {each} bytes");
}

const MESSAGE_BYTES: usize = 60_000;
