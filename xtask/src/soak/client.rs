//! The least of a WebSocket client: text out, messages in (RFC 6455). It trusts the host it tests to frame
//! correctly, which other tests show.

use anyhow::{Context, Result, bail, ensure};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What a read brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// A message, or a control frame that is no close.
    Frame { is_text: bool, payload: Vec<u8> },
    /// The close frame, or the end of the connection.
    End,
    /// Nothing within the time.
    Silence,
}

impl Client {
    /// Connects; `Err` with the status for any answer but 101.
    pub(crate) fn connect(authority: &str, path: &str) -> Result<std::result::Result<Self, u16>> {
        let mut stream = TcpStream::connect(authority).context("connecting")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )?;
        let mut client = Self {
            stream,
            buffer: Vec::new(),
        };
        let until = Instant::now() + PATIENCE;
        let head = loop {
            if let Some(at) = client.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break client.buffer.drain(..at + 4).collect::<Vec<u8>>();
            }
            ensure!(client.fill(until)?, "no answer to the handshake");
        };
        let head = String::from_utf8_lossy(&head);
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
        match status.context("an answer without a status")? {
            101 => Ok(Ok(client)),
            other => Ok(Err(other)),
        }
    }

    /// Sends a text message of at most 125 bytes.
    pub(crate) fn send(&mut self, text: &str) -> Result<()> {
        let length = u8::try_from(text.len()).context("a longer message than this client sends")?;
        ensure!(length <= 125, "a longer message than this client sends");
        let mut frame = vec![0x81, 0x80 | length];
        frame.extend(MASK);
        frame.extend(text.bytes().zip(MASK.iter().cycle()).map(|(b, m)| b ^ m));
        self.stream.write_all(&frame).context("sending")
    }

    /// The next frame, or what there is instead until then.
    pub(crate) fn read(&mut self, until: Instant) -> Result<Got> {
        loop {
            if let Some(frame) = self.frame()? {
                return Ok(frame);
            }
            match self.fill(until) {
                Ok(true) => {}
                Ok(false) => return Ok(Got::Silence),
                Err(_) => return Ok(Got::End),
            }
        }
    }

    /// Ends the connection without a closing handshake, as a peer that crashes does.
    pub(crate) fn cut(self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// A whole frame from the buffer.
    fn frame(&mut self) -> Result<Option<Got>> {
        let (header, length) = match self.buffer.as_slice() {
            [_, 126, a, b, ..] => (4, usize::from(u16::from_be_bytes([*a, *b]))),
            [_, 127, rest @ ..] if rest.len() >= 8 => {
                let length = rest.first_chunk().map_or(0, |b| u64::from_be_bytes(*b));
                (10, usize::try_from(length)?)
            }
            [_, length, ..] if *length < 126 => (2, usize::from(*length)),
            [_, length, ..] if *length > 127 => bail!("a masked frame of a server"),
            _ => return Ok(None),
        };
        if self.buffer.len() < header + length {
            return Ok(None);
        }
        let frame: Vec<u8> = self.buffer.drain(..header + length).collect();
        Ok(Some(match frame.first().map(|byte| byte & 0x0F) {
            Some(0x8) | None => Got::End,
            Some(opcode) => Got::Frame {
                is_text: opcode == 0x1,
                payload: frame.get(header..).unwrap_or_default().to_vec(),
            },
        }))
    }

    /// One read; false when the time is over. An error when the connection is.
    fn fill(&mut self, until: Instant) -> Result<bool> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut bytes = [0; 16 << 10];
        match self.stream.read(&mut bytes) {
            Ok(0) => bail!("the connection ended"),
            Ok(count) => {
                self.buffer
                    .extend_from_slice(bytes.get(..count).unwrap_or_default());
                Ok(true)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(false),
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(true),
            Err(e) => Err(e.into()),
        }
    }
}

/// Nothing is hidden here: any key will do.
const MASK: [u8; 4] = [1, 2, 3, 4];

const PATIENCE: Duration = Duration::from_secs(30);
