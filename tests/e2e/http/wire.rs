//! A client that sees where an answer breaks off.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::host::Host;

/// A connection.
pub(super) struct Wire {
    pub(super) stream: BufReader<TcpStream>,
}

/// What comes before a body.
pub(super) struct Head {
    pub(super) status: u16,
    /// In lower case.
    pub(super) text: String,
}

impl Head {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.text.lines().find_map(|line| line.strip_prefix(&start))
    }
}

impl Wire {
    pub(super) fn connect(host: &Host) -> Self {
        let stream = TcpStream::connect(host.authority()).unwrap();
        let patience = Some(Duration::from_secs(60));
        stream.set_read_timeout(patience).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(super) fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(text.as_ref()).unwrap();
    }

    /// As a chunk of a body.
    pub(super) fn send_chunk(&mut self, bytes: &[u8]) {
        self.send(format!("{:x}\r\n", bytes.len()));
        self.send(bytes);
        self.send("\r\n");
    }

    pub(super) fn head(&mut self) -> Head {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut text).unwrap();
            assert!(read > 0, "no head: {text}");
        }
        let status = text[9..12].parse().unwrap();
        Head {
            status,
            text: text.to_ascii_lowercase(),
        }
    }

    /// The next chunk, empty at the end; `None` where the connection ends before.
    pub(super) fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        self.stream.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; length];
        self.stream.read_exact(&mut chunk).ok()?;
        let mut end = [0; 2];
        self.stream.read_exact(&mut end).ok()?;
        (end == *b"\r\n").then_some(chunk)
    }

    /// All of a body, if it comes to its end.
    pub(super) fn body(&mut self, head: &Head) -> Option<Vec<u8>> {
        if let Some(length) = head.field("content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut body).ok()?;
            return Some(body);
        }
        let mut body = Vec::new();
        loop {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Some(body);
            }
            body.extend(chunk);
        }
    }

    /// What comes until the host hangs up.
    pub(super) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    }
}
