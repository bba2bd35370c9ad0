//! A client of a few bytes, for tests that have thousands of them; and what a host costs.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::host::Host;

/// Held by each test that has ten thousand clients: a process may not have the descriptors of two of them.
pub(crate) fn alone() -> impl Sized {
    static MANY: Mutex<()> = Mutex::new(());
    // It guards nothing that a failed test could leave broken.
    MANY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that speaks just enough of RFC 6455. It masks with zeros.
pub(crate) struct Bare {
    pub(crate) stream: TcpStream,
}

impl Bare {
    /// Opens a session; the status when it is refused.
    pub(crate) fn open(host: &Host, service: &str) -> Result<Self, u16> {
        let url = host.url(service);
        let path = url.splitn(4, '/').nth(3).unwrap();
        let mut stream = TcpStream::connect(host.authority()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            host.authority()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            // The peer speaks first only after this client has.
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let status = String::from_utf8_lossy(&head[9..12]).parse().unwrap();
        match status {
            101 => Ok(Self { stream }),
            status => Err(status),
        }
    }

    /// Sends a short text.
    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(&frame(0x1, text.as_bytes())).unwrap();
    }

    /// The next frame from the host: its first byte and its payload.
    pub(crate) fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        assert!(head[1] < 126, "only short frames here");
        let mut payload = vec![0; head[1].into()];
        self.stream.read_exact(&mut payload).unwrap();
        (head[0], payload)
    }

    /// Sends a text that comes back.
    pub(crate) fn echo(&mut self, text: &str) {
        self.send(text);
        assert_eq!(self.receive(), (0x81, text.into()));
    }

    /// The closing handshake, to the end of the stream.
    pub(crate) fn close(mut self) {
        self.stream.write_all(&frame(0x8, &[0x03, 0xE8])).unwrap();
        assert_eq!(self.receive(), (0x88, vec![0x03, 0xE8]));
        assert_eq!(self.stream.read(&mut [0]).unwrap(), 0);
    }
}

/// A frame masked with zeros.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            frame.push(0x80 | 127);
            frame.extend(u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// What a host holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) memory_kb: u64,
    pub(crate) descriptors: usize,
    pub(crate) mappings: usize,
}

impl Held {
    pub(crate) fn by(host: &Host) -> Self {
        let folder = format!("/proc/{}", host.id());
        let status = fs::read_to_string(format!("{folder}/status")).unwrap();
        let memory = status.lines().find_map(|l| l.strip_prefix("RssAnon:"));
        let memory = memory.unwrap().trim().trim_end_matches(" kB");
        Self {
            memory_kb: memory.parse().unwrap(),
            descriptors: fs::read_dir(format!("{folder}/fd")).unwrap().count(),
            mappings: fs::read_to_string(format!("{folder}/maps"))
                .unwrap()
                .lines()
                .count(),
        }
    }
}

/// The processor's time that a host has taken, in ticks of 10 ms.
pub(crate) fn cpu_ticks(host: &Host) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", host.id())).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    // utime and stime, the 14th and 15th of proc(5).
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
