//! Hostile peers against the built binary: bytes that no client library would send.

mod deflate;
mod flood;
mod frames;
mod leak;
mod log;
mod trickle;
mod waiting;

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use crate::host::Host;

/// A client of bare bytes.
struct Raw(TcpStream);

impl Raw {
    /// A bare connection.
    fn connect(host: &Host) -> Self {
        let stream = TcpStream::connect(host.authority()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// One that has opened a session at this path.
    fn open(host: &Host, path: &str) -> Self {
        let mut raw = Self::connect(host);
        raw.send(upgrade(path, "").as_bytes());
        let head = raw.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// The answer's head.
    fn head(&mut self) -> String {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && matches!(self.0.read(&mut byte), Ok(1)) {
            head.extend(byte);
        }
        String::from_utf8(head).unwrap()
    }

    /// The next frame that is no ping: its first byte and payload.
    fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        loop {
            let [first, len] = self.bytes()?;
            let len = match len {
                126 => u16::from_be_bytes(self.bytes()?).into(),
                127 => usize::try_from(u64::from_be_bytes(self.bytes()?)).unwrap(),
                len => usize::from(len),
            };
            let mut payload = vec![0; len];
            self.0.read_exact(&mut payload)?;
            if first != 0x89 {
                return Ok((first, payload));
            }
        }
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).map(|()| bytes)
    }

    /// Reads to the close frame, and gives its code. The host ends the connection behind it.
    fn closed(&mut self) -> u16 {
        loop {
            let (first, payload) = self.frame().expect("a close frame comes first");
            if first == 0x88 {
                let code = payload.get(..2).and_then(|code| code.try_into().ok());
                // It may wait for our end.
                let _ = self.0.shutdown(Shutdown::Write);
                assert!(self.frame().is_err(), "nothing follows a close frame");
                return code.map_or(1005, u16::from_be_bytes);
            }
        }
    }

    /// Leaves with a reset, whatever is still on its way.
    fn reset(self) {
        let socket = SockRef::from(&self.0);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// An opening handshake with these further header lines.
fn upgrade(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    )
}

/// A masked frame. Its key is zero, so the payload stays as it is.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

/// The header of a masked frame that declares this length.
fn header(first: u8, len: u64) -> Vec<u8> {
    let mut header = vec![first];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..126), _) => header.push(0x80 | len),
        (_, Ok(len)) => {
            header.push(0x80 | 126);
            header.extend(len.to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend(len.to_be_bytes());
        }
    }
    header.extend([0; 4]);
    header
}

/// What a process takes of memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Really.
    pub(crate) resident: usize,
    /// The most that it took since [`Memory::watch`].
    pub(crate) peak: usize,
    /// Of address space: memory that was asked for and not touched yet counts, too.
    address_space: usize,
}

impl Memory {
    /// What it takes now, from where the peak counts.
    pub(crate) fn watch(host: &Host) -> Self {
        fs::write(format!("/proc/{}/clear_refs", host.id()), "5").unwrap();
        Self::of(host)
    }

    pub(crate) fn of(host: &Host) -> Self {
        let status = fs::read_to_string(format!("/proc/{}/status", host.id())).unwrap();
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let digits = line.unwrap().trim().trim_end_matches(" kB");
            digits.parse::<usize>().unwrap() * 1024
        };
        Self {
            resident: kib("VmRSS:"),
            peak: kib("VmHWM:"),
            address_space: kib("VmSize:"),
        }
    }
}

pub(crate) fn descriptors(host: &Host) -> usize {
    fs::read_dir(format!("/proc/{}/fd", host.id())).map_or(0, Iterator::count)
}

pub(crate) const MIB: usize = 1 << 20;
/// Nothing here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);
