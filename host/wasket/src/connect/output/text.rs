//! Events as a person reads them.

use std::fmt::Write as _;

use wasket_client::{
    By, CertificateFault, Closed, Error, Fault, HandshakeFault, Message, ProxyFault, Response,
    TlsFault,
};
use wasket_config::show_size;
use wasket_ws::ViolationKind;

use crate::terminal::shown;

/// A message as lines of its own, for a terminal or for what reads our stdout.
pub(super) fn message(message: &Message, is_terminal: bool) -> Vec<u8> {
    let mut line = match (message, is_terminal) {
        (Message::Text(text), true) => on_terminal(text).into_bytes(),
        (Message::Text(text), false) => text.clone().into_bytes(),
        (Message::Binary(bytes), true) => hex(bytes, HEX_BYTES_SHOWN).into_bytes(),
        (Message::Binary(bytes), false) => hex(bytes, bytes.len()).into_bytes(),
    };
    line.push(b'\n');
    line
}

/// Text of the server on a terminal: its lines stay lines, and it steers nothing.
fn on_terminal(text: &str) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| shown(line.strip_suffix('\r').unwrap_or(line)))
        .collect();
    lines.join("\n")
}

fn hex(bytes: &[u8], most: usize) -> String {
    let mut text = format!("binary, {} bytes: ", bytes.len());
    for byte in bytes.iter().take(most) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > most {
        text.push_str("...");
    }
    text
}

/// What a ping or a pong carries.
pub(super) fn control(kind: &str, payload: &[u8]) -> String {
    match str::from_utf8(payload) {
        Ok("") => kind.to_owned(),
        Ok(text) if !text.contains(char::is_control) => format!("{kind}: {}", shown(text)),
        _ => format!("{kind}: {}", hex(payload, payload.len())),
    }
}

/// What was agreed on.
pub(super) fn opened(response: &Response) -> String {
    let mut line = format!("connected to {}", shown(response.url()));
    if let Some(protocol) = response.protocol() {
        let _ = write!(line, ", subprotocol {}", shown(protocol));
    }
    if response.compression().is_some() {
        line.push_str(", compressed");
    }
    line
}

/// How a connection ended, in one line, with what may help. `reconnects` is when it will be opened again anyway.
pub(super) fn closed(closed: &Closed, reconnects: bool) -> String {
    if let (Some(fault @ Fault::Gone), By::Us) = (&closed.fault, closed.by) {
        return format!("closed by us; {fault}");
    }
    let line = shown(&closed.to_string());
    match &closed.fault {
        Some(Fault::Violation(violation)) if violation.kind() == ViolationKind::Limit => {
            format!("{line} (--message-bytes-max SIZE)")
        }
        Some(Fault::Gone | Fault::Silent | Fault::Socket(_)) if !reconnects => {
            format!("{line} (--reconnect)")
        }
        None if closed.by == By::Peer => match remedy(closed.code) {
            Some(remedy) => format!("{line}; {remedy}"),
            None => line,
        },
        _ => line,
    }
}

/// What to do about a code of the server (RFC 6455 section 7.4.1, and the registry that it founds).
fn remedy(code: u16) -> Option<&'static str> {
    match code {
        1003 => Some("it takes no such messages: text of stdin, or bytes (--binary, --file)"),
        1008 => Some("does it allow what was sent, and did we read in time?"),
        1009 => Some("send smaller messages"),
        1011 => Some("the fault is the server's, and its log may say more"),
        1012..=1014 => Some("try again later (--reconnect)"),
        _ => None,
    }
}

/// Why there is no connection, in one line, with the option that may help.
pub(super) fn failed(error: &Error) -> String {
    let line = shown(&error.to_string());
    match option(error) {
        Some(option) => format!("{line} ({option})"),
        None => line,
    }
}

fn option(error: &Error) -> Option<&'static str> {
    match error {
        Error::Handshake(HandshakeFault::Rejected(rejection)) => match rejection.status.as_u16() {
            401 => Some("--user NAME"),
            403 => Some("--origin ORIGIN, --user NAME"),
            301 | 302 | 303 | 307 | 308 => Some("--location"),
            _ => None,
        },
        Error::Tls {
            fault: TlsFault::NoRoots | TlsFault::Certificate(CertificateFault::UnknownIssuer),
            ..
        } => Some("--ca FILE"),
        Error::Tls {
            fault: TlsFault::Certificate(CertificateFault::Name(_)),
            ..
        } => Some("or --server-name NAME"),
        Error::Tls {
            fault: TlsFault::Declined(_),
            ..
        } => Some("--cert FILE"),
        Error::Proxy {
            fault: ProxyFault::Credentials(_),
            ..
        } => Some("--proxy http://NAME:PASSWORD@HOST:PORT"),
        Error::Proxy {
            fault: ProxyFault::Refused(rejection),
            ..
        } if rejection.status.is_server_error() => {
            Some("or it cannot reach the server: check the URL; --proxy '' goes without one")
        }
        Error::Proxy { .. } => Some("--proxy '' goes without one"),
        _ => None,
    }
}

/// What a server said beside its status, as far as the error's own line leaves it out.
pub(super) fn body(error: &Error) -> Option<String> {
    let rejection = error.rejection()?;
    let body = String::from_utf8_lossy(&rejection.body);
    let body = body.trim();
    let said = error.to_string();
    if body.is_empty() || said.contains(&body.escape_debug().to_string()) {
        return None;
    }
    let cut = if rejection.is_cut { "\n..." } else { "" };
    Some(on_terminal(body) + cut)
}

/// How far a file is, in so many columns.
pub(super) fn progress(name: &str, sent: u64, of: Option<u64>, columns: usize) -> String {
    let name: String = shown(name).chars().take(NAME_CHARS_MAX).collect();
    let sent_size = size(sent);
    let Some(of) = of.filter(|of| *of > 0) else {
        return format!("{name} {sent_size}");
    };
    // A file that grows is not sent beyond what it was.
    let percent = sent
        .saturating_mul(100)
        .checked_div(of)
        .unwrap_or(100)
        .min(100);
    let figures = format!("{percent:3} % {sent_size} of {}", size(of));
    let room = columns
        .saturating_sub(name.chars().count() + figures.len() + 5)
        .min(BAR_COLUMNS_MAX);
    if room < 5 {
        return format!("{name} {figures}");
    }
    let full = usize::try_from(percent).unwrap_or(100) * room / 100;
    format!(
        "{name} [{}{}] {figures}",
        "#".repeat(full),
        ".".repeat(room - full)
    )
}

/// In whole numbers of the largest unit that leaves two digits at least.
fn size(bytes: u64) -> String {
    let unit = [30, 20, 10]
        .into_iter()
        .find(|shift| bytes >> shift >= 10)
        .unwrap_or(0);
    show_size(bytes >> unit << unit)
}

/// More of a binary message a terminal does not show.
const HEX_BYTES_SHOWN: usize = 64;

const NAME_CHARS_MAX: usize = 30;

const BAR_COLUMNS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message_is: &Message, is_terminal: bool) -> String {
        String::from_utf8(message(message_is, is_terminal)).unwrap()
    }

    // parity W13, hardening H31
    #[test]
    fn a_terminal_is_not_steered_and_a_pipe_gets_all() {
        let nasty = Message::Text("a\u{1b}[31m\tb\r\nc\u{9b}\u{202e}".to_owned());
        assert_eq!(text(&nasty, true), "a\\u{1b}[31m\tb\nc\\u{9b}\\u{202e}\n");
        assert_eq!(text(&nasty, false), "a\u{1b}[31m\tb\r\nc\u{9b}\u{202e}\n");
    }

    // parity W13
    #[test]
    fn bytes_are_hex_and_long_ones_short_on_a_terminal() {
        let short = Message::Binary(vec![0, 0xAB, 255].into());
        for is_terminal in [false, true] {
            assert_eq!(text(&short, is_terminal), "binary, 3 bytes: 00abff\n");
        }
        let long = Message::Binary(vec![7; 65].into());
        let start = format!("binary, 65 bytes: {}", "07".repeat(64));
        assert_eq!(text(&long, true), format!("{start}...\n"));
        assert_eq!(text(&long, false), format!("{start}07\n"));
        assert_eq!(control("ping", b""), "ping");
        assert_eq!(control("ping", b"abc"), "ping: abc");
        assert_eq!(control("pong", b"\x1b[m"), "pong: binary, 3 bytes: 1b5b6d");
    }

    #[test]
    fn a_bar_is_as_long_as_there_is_room() {
        for (sent, of, columns, line) in [
            (0, Some(100), 24, "a.bin   0 % 0B of 100B"),
            (0, Some(100), 34, "a.bin [........]   0 % 0B of 100B"),
            (50, Some(100), 34, "a.bin [###....]  50 % 50B of 100B"),
            (100, Some(100), 37, "a.bin [#########] 100 % 100B of 100B"),
            (200, Some(100), 20, "a.bin 100 % 200B of 100B"),
            (7 << 20, None, 80, "a.bin 7MiB"),
            (7_500_000, None, 80, "a.bin 7324KiB"),
        ] {
            assert_eq!(progress("a.bin", sent, of, columns), line, "{columns}");
        }
        let wide = progress("a.bin", 1 << 30, Some(2 << 30), 200);
        let bar = format!("[{}{}]", "#".repeat(20), ".".repeat(20));
        assert_eq!(wide, format!("a.bin {bar}  50 % 1GiB of 2GiB"));
    }
}
