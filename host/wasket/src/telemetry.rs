//! The log: to the standard error, as text for people or JSON for programs.
//!
//! What peers and guests say is part of it, so nothing in a field can end a line, start another or steer a
//! terminal: text is escaped here, whoever wrote it; JSON escapes by itself.

use crate::cli::LogOptions;
use crate::exit::Usage;
use crate::terminal;
use std::fmt::{self, Write as _};
use std::io;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::format::{self, Writer};
use wasket_config::plan::{Log, LogFormat};

/// Starts the log. What was typed goes before the environment (`RUST_LOG`), and that before the configuration.
pub(crate) fn start(options: &LogOptions, log: &Log) -> Result<(), Usage> {
    let environment = std::env::var("RUST_LOG")
        .ok()
        .filter(|levels| !levels.is_empty());
    let levels = match (&options.log_level, &environment) {
        (Some(typed), _) => typed.as_str(),
        (None, Some(environment)) => environment,
        (None, None) => log.level.as_str(),
    };
    let filter = EnvFilter::try_new(levels)
        .map_err(|error| Usage(format!("\"{levels}\" is not a log level: {error}")))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match options.log_format.map_or(log.format, LogFormat::from) {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder
            .with_ansi(terminal::coloured(&io::stderr()))
            .fmt_fields(format::debug_fn(write_field).delimited(" "))
            .init(),
    }
    Ok(())
}

fn write_field(out: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let mut out = Escaped(out);
    match field.name() {
        "message" => write!(out, "{value:?}"),
        name => write!(out, "{name}={value:?}"),
    }
}

/// Escapes control characters. Lines after the first are indented instead, so that a backtrace stays readable and
/// yet none of them looks like an event.
struct Escaped<'w, 'f>(&'w mut Writer<'f>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '\n' => self.0.write_str("\n    | "),
            '\t' => self.0.write_char(c),
            c if c.is_control() => write!(self.0, "{}", c.escape_default()),
            c => self.0.write_char(c),
        })
    }
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
        ];
        for (raw, safe) in cases {
            let mut out = String::new();
            write!(Escaped(&mut Writer::new(&mut out)), "{raw}").unwrap();
            assert_eq!(out, safe);
        }
    }
}
