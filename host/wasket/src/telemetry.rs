//! The log: to the standard error, as text for people or JSON for programs.
//!
//! What peers and guests say is part of it, so nothing in a field can end a line, start another, steer a terminal or
//! reorder what it shows: both formats are escaped here, whoever wrote the text.

mod levels;

use crate::cli::LogOptions;
use crate::exit::Usage;
use crate::terminal;
pub(crate) use levels::Levels;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use tracing::field::Field;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::format::{self, Writer};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use wasket_config::plan::{Log, LogFormat};
use wasket_runtime::is_unsafe;

/// Starts the log.
pub(crate) fn start(options: &LogOptions, log: &Log) -> Result<Levels, Usage> {
    let (levels, filter) = Levels::new(options, log)?;
    let registry = tracing_subscriber::registry().with(filter);
    match options.log_format.map_or(log.format, LogFormat::from) {
        LogFormat::Json => {
            let lines = layer().json().flatten_event(true);
            registry
                .with(lines.with_writer(|| JsonLines(io::stderr())))
                .init();
        }
        LogFormat::Text => {
            let fields = format::debug_fn(write_field).delimited(" ");
            let lines = layer().fmt_fields(fields);
            let coloured = terminal::coloured(&io::stderr());
            registry
                .with(lines.with_writer(io::stderr).with_ansi(coloured))
                .init();
        }
    }
    Ok(levels)
}

fn write_field(out: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let mut out = Escaped(out);
    match field.name() {
        "message" => write!(out, "{value:?}"),
        name => write!(out, "{name}={value:?}"),
    }
}

/// Escapes what [`is_unsafe`]. Lines after the first are indented instead, so that a backtrace stays readable and
/// yet none of them looks like an event.
struct Escaped<'w, 'f>(&'w mut Writer<'f>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '\n' => self.0.write_str("\n    | "),
            c if is_unsafe(c) => write!(self.0, "{}", c.escape_default()),
            c => self.0.write_char(c),
        })
    }
}

/// Escapes in JSON what JSON leaves as it is: beyond ASCII's control characters there are more that steer a terminal
/// or reorder a line. They only ever stand in strings.
struct JsonLines<W>(W);

impl<W: Write> Write for JsonLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match str::from_utf8(bytes) {
            Ok(text) if text.contains(breaks_json_line) => {
                self.0.write_all(json_escaped(text).as_bytes())?;
            }
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The line's own end is none of the text's.
fn breaks_json_line(c: char) -> bool {
    c != '\n' && is_unsafe(c)
}

fn json_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if breaks_json_line(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // A string takes everything.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H31
    #[test]
    fn nothing_in_a_field_looks_like_an_event_or_steers_a_terminal() {
        let cases = [
            ("plain \u{e9}\t!", "plain \u{e9}\t!"),
            ("a\n2026-01-01 ERROR b", "a\n    | 2026-01-01 ERROR b"),
            ("\u{1b}[2J\r\u{9b}31m\0", "\\u{1b}[2J\\r\\u{9b}31m\\u{0}"),
            ("\u{202e}moc\u{2066}", "\\u{202e}moc\\u{2066}"),
        ];
        for (raw, safe) in cases {
            let mut out = String::new();
            write!(Escaped(&mut Writer::new(&mut out)), "{raw}").unwrap();
            assert_eq!(out, safe);
        }
    }
    // hardening H31
    #[test]
    fn json_escapes_more_than_it_has_to() {
        let line = "{\"message\":\"caf\u{e9} \u{1f600} \u{9b}31m\u{7f}\u{202e}x\u{2028}\"}\n";
        let mut out = Vec::new();
        JsonLines(&mut out).write_all(line.as_bytes()).unwrap();
        let expected = "{\"message\":\"caf\u{e9} \u{1f600} \\u009b31m\\u007f\\u202ex\\u2028\"}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
