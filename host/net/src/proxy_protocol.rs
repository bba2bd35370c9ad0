//! The head that a proxy puts before what it passes on: the PROXY protocol, versions 1 and 2, as HAProxy specifies
//! it (<https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>). `parse` is pure; `read` takes the head from a
//! socket and not a byte more.

mod checksum;
mod text;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// What a proxy says of the connection behind its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Who connected to it.
    Address(SocketAddr),
    /// The proxy itself (`LOCAL`).
    Own,
    /// Somebody else, and the proxy cannot say who (`UNKNOWN`, a Unix socket).
    Unknown,
}

/// How far a head has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is whole, and this long.
    Whole(Source, usize),
    /// It goes on.
    Unfinished,
}

/// What came first is no such head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no head of the PROXY protocol: {0}")]
pub struct HeadError(pub(crate) &'static str);

/// The longest head that is read: that of version 2 may carry far more than anybody sends, such as certificates.
pub const HEAD_BYTES_MAX: usize = 4096;

/// Reads a head from the first bytes of a connection.
///
/// # Errors
/// As soon as it cannot become one, or not one within [`HEAD_BYTES_MAX`].
pub fn parse(bytes: &[u8]) -> Result<Progress, HeadError> {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(one, other)| one == other);
    if begins(text::START) {
        text::parse(bytes)
    } else if begins(SIGNATURE) {
        binary(bytes)
    } else {
        Err(HeadError("it begins otherwise"))
    }
}

/// Version 2 (section 2.2).
fn binary(bytes: &[u8]) -> Result<Progress, HeadError> {
    let Some((start, _)) = bytes.split_first_chunk::<START_BYTES>() else {
        return Ok(Progress::Unfinished);
    };
    let [.., command, family, high, low] = *start;
    if command >> 4 != 2 {
        return Err(HeadError("a version other than 1 and 2"));
    }
    let length = START_BYTES + usize::from(u16::from_be_bytes([high, low]));
    if length > HEAD_BYTES_MAX {
        return Err(HeadError("longer than 4 KiB"));
    }
    let Some(head) = bytes.get(..length) else {
        return Ok(Progress::Unfinished);
    };
    let body = head.get(START_BYTES..).unwrap_or_default();
    let source = match command & 0xf {
        LOCAL => {
            // The receiver discards what follows, whatever it says.
            return Ok(Progress::Whole(Source::Own, length));
        }
        PROXY => addresses(family, body)?,
        _ => return Err(HeadError("a command other than LOCAL and PROXY")),
    };
    let extras = body.get(source.1..).unwrap_or_default();
    checksum::check(head, extras)?;
    Ok(Progress::Whole(source.0, length))
}

/// The source, and how many bytes the block of addresses takes.
fn addresses(family: u8, body: &[u8]) -> Result<(Source, usize), HeadError> {
    let short = HeadError("too short for its addresses");
    match family {
        TCP_OVER_IPV4 => {
            let (block, _) = body.split_first_chunk::<12>().ok_or(short)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *block;
            let ip = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
            Ok((source(ip, [high, low]), block.len()))
        }
        TCP_OVER_IPV6 => {
            let (block, _) = body.split_first_chunk::<36>().ok_or(short)?;
            let (ip, rest) = block.split_first_chunk::<16>().ok_or(short)?;
            let [.., high, low, _, _] = *rest else {
                return Err(short);
            };
            let ip = IpAddr::V6(Ipv6Addr::from(*ip)).to_canonical();
            Ok((source(ip, [high, low]), block.len()))
        }
        STREAM_OVER_UNIX if body.len() < UNIX_BYTES => Err(short),
        STREAM_OVER_UNIX => Ok((Source::Unknown, UNIX_BYTES)),
        // Nothing is said of what an unknown family's addresses look like, nor of where they end.
        UNSPECIFIED => Ok((Source::Unknown, body.len())),
        _ => Err(HeadError("not a TCP connection")),
    }
}

fn source(ip: IpAddr, port: [u8; 2]) -> Source {
    Source::Address(SocketAddr::new(ip, u16::from_be_bytes(port)))
}

/// Takes a head from a socket; what is behind it stays there.
pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<Source> {
    let mut head = Vec::new();
    loop {
        let known = head.len();
        head.resize(known + READ_BYTES, 0);
        let seen = stream
            .peek(head.get_mut(known..).unwrap_or_default())
            .await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.truncate(known + seen);
        let progress = parse(&head).map_err(io::Error::other)?;
        if let Progress::Whole(_, length) = progress {
            head.truncate(length);
        }
        stream
            .read_exact(head.get_mut(known..).unwrap_or_default())
            .await?;
        if let Progress::Whole(source, _) = progress {
            return Ok(source);
        }
    }
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const START_BYTES: usize = 16;
const LOCAL: u8 = 0;
const PROXY: u8 = 1;
const UNSPECIFIED: u8 = 0x00;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;
const STREAM_OVER_UNIX: u8 = 0x31;
const UNIX_BYTES: usize = 216;
const READ_BYTES: usize = 256;

#[cfg(test)]
mod tests;
