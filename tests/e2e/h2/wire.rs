//! Bare frames of HTTP/2 (RFC 9113, section 4.1), of which no client library would send most.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::host::Host;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// A connection on which nothing but the preface was sent.
pub(super) struct Wire(TcpStream);

impl Wire {
    pub(super) fn connect(host: &Host) -> Self {
        let stream = TcpStream::connect(host.authority()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(STALL)).unwrap();
        let mut wire = Self(stream);
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        wire.send(&frame(SETTINGS, 0, 0, &[]));
        wire
    }

    /// Sends as much as is taken; whether that is all.
    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// The next frame: its kind, its stream and what is in it. `None` at the end of the connection.
    pub(super) fn read(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        match self.0.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) => {
                let late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                assert!(!late, "the host neither answers nor leaves");
                return None;
            }
        }
        let [a, b, c, kind, _, stream @ ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap()];
        self.0.read_exact(&mut payload).ok()?;
        Some((kind, u32::from_be_bytes(stream), payload))
    }

    /// Reads until the connection ends; the code of the last GOAWAY before that, if one reached us.
    pub(super) fn ended(mut self) -> Option<u32> {
        let mut code = None;
        while let Some((kind, _, payload)) = self.read() {
            if kind == GOAWAY {
                code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
            }
        }
        code
    }
}

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length.to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The fields of a GET, without anything that HPACK would remember (RFC 7541, section 6.2.2).
pub(super) fn get(path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86];
    block.extend(literal(0x04, path));
    block.extend(literal(0x01, "localhost"));
    block
}

/// Those of an opening handshake.
pub(super) fn opening(path: &str) -> Vec<u8> {
    let mut block = vec![0x86];
    block.extend(literal(0x02, "CONNECT"));
    block.extend(literal(0x04, path));
    block.extend(literal(0x01, "localhost"));
    block.extend(named(":protocol", "websocket"));
    block.extend(named("sec-websocket-version", "13"));
    block
}

fn literal(index: u8, value: &str) -> Vec<u8> {
    let mut field = vec![index];
    field.extend(text(value));
    field
}

fn named(name: &str, value: &str) -> Vec<u8> {
    [&[0], &*text(name), &*text(value)].concat()
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.len()).unwrap()];
    assert!(text.len() < 127, "of one byte's length");
    bytes.extend(text.as_bytes());
    bytes
}

/// Nothing here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// Who reads nothing for so long does not mean to.
const STALL: Duration = Duration::from_millis(500);
