//! What the program writes to its standard output (answers) and standard error (what went wrong). The log is not
//! written here.
//!
//! A reader who has left is no reason to fail: what cannot be written is dropped.

use std::env;
use std::io::{self, IsTerminal, Write};

use wasket_config::Problems;

/// A line of an answer.
pub(crate) fn line(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// What went wrong. What others wrote, such as the names in a component, may be part of it.
pub(crate) fn error(text: &str) {
    let lines: Vec<String> = text.lines().map(shown).collect();
    let _ = writeln!(io::stderr().lock(), "error: {}", lines.join("\n"));
}

/// The mistakes of a configuration.
pub(crate) fn problems(problems: &Problems) {
    let mut out = io::stderr().lock();
    let _ = if coloured(&io::stderr()) {
        writeln!(out, "{}", problems.coloured())
    } else {
        writeln!(out, "{problems}")
    };
}

/// Whether a stream shows colours: it is a terminal that can, and nobody asked for none (<https://no-color.org>).
pub(crate) fn coloured(stream: &impl IsTerminal) -> bool {
    let is_plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && obeys() && !is_plain
}

/// Whether the terminal, if there is one, does what control sequences say.
pub(crate) fn obeys() -> bool {
    env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Text of others, safe to print on a line of ours.
pub(crate) fn shown(text: &str) -> String {
    wasket_runtime::escaped(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H31
    #[test]
    fn text_of_others_stays_on_its_line() {
        assert_eq!(shown("caf\u{e9} \u{1f600}"), "caf\u{e9} \u{1f600}");
        assert_eq!(
            shown("a\nb\r\u{1b}[31m\u{9b}\0"),
            "a\\nb\\r\\u{1b}[31m\\u{9b}\\u{0}"
        );
        assert_eq!(shown("\u{202e}moc.elpmaxe"), "\\u{202e}moc.elpmaxe");
    }
}
