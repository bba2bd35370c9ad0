//! Version 1 (section 2.1): one line for people.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{HeadError, Progress, Source};

pub(super) const START: &[u8; 6] = b"PROXY ";

/// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n`, at most 107 bytes with its end.
pub(super) fn parse(bytes: &[u8]) -> Result<Progress, HeadError> {
    let within = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = within.iter().position(|byte| *byte == b'\n') else {
        return if within.len() < LINE_BYTES_MAX {
            Ok(Progress::Unfinished)
        } else {
            Err(HeadError("a line longer than 107 bytes"))
        };
    };
    let line = within.get(START.len()..end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").ok_or(WRONG)?;
    let line = str::from_utf8(line).map_err(|_| WRONG)?;
    Ok(Progress::Whole(source(line)?, end + 1))
}

fn source(line: &str) -> Result<Source, HeadError> {
    let mut words = line.split(' ');
    let address = match words.next() {
        // Whatever follows is to be passed over.
        Some("UNKNOWN") => return Ok(Source::Unknown),
        Some("TCP4") => |word: &str| word.parse().ok().map(|ip: Ipv4Addr| IpAddr::V4(ip)),
        Some("TCP6") => |word: &str| {
            let ip: Ipv6Addr = word.parse().ok()?;
            Some(IpAddr::V6(ip).to_canonical())
        },
        _ => return Err(HeadError("a protocol other than TCP4, TCP6 and UNKNOWN")),
    };
    let mut next = || words.next().ok_or(WRONG);
    let (from, to) = (next()?, next()?);
    let (from_port, to_port) = (next()?, next()?);
    let ip = address(from).ok_or(WRONG)?;
    address(to).ok_or(WRONG)?;
    let port = port(from_port)?;
    self::port(to_port)?;
    match words.next() {
        None => Ok(Source::Address(SocketAddr::new(ip, port))),
        Some(_) => Err(WRONG),
    }
}

/// Decimal, without a sign or zeroes before it.
fn port(text: &str) -> Result<u16, HeadError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit())
        && !(text.len() > 1 && text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten().ok_or(WRONG)
}

const LINE_BYTES_MAX: usize = 107;
const WRONG: HeadError = HeadError("a line that version 1 has not");
