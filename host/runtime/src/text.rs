use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Text of guests and peers as it may be printed: no control characters (so no line breaks, no escape sequences
/// for a terminal), no characters that reorder a line.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// At most `bytes_max` of a text, cut at a character's edge.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max))
        .unwrap_or(text)
}

/// At most `bytes_max` of what this says. No more than that is made of it: what guests have in hand may be as large as
/// their memory.
pub(crate) fn start_of(text: fmt::Arguments<'_>, bytes_max: usize) -> String {
    struct Start {
        text: String,
        room: usize,
    }
    impl fmt::Write for Start {
        fn write_str(&mut self, more: &str) -> fmt::Result {
            let taken = cut(more, self.room);
            self.text.push_str(taken);
            self.room -= taken.len();
            match taken.len() == more.len() {
                true => Ok(()),
                false => Err(fmt::Error),
            }
        }
    }
    let mut start = Start {
        text: String::new(),
        room: bytes_max,
    };
    // That it is not whole is no failure.
    let _ = start.write_fmt(text);
    start.text
}

/// Whether a character could end a line, steer a terminal or reorder what is shown. A tab may stay.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    let reorders = matches!(
        c,
        '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let breaks = matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    c != '\t' && c.is_control() || reorders || breaks
}

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H31
    #[test]
    fn what_could_fake_a_log_line_is_escaped() {
        let cases = [
            ("plain \u{e9} \u{1f600}\t!", "plain \u{e9} \u{1f600}\t!"),
            ("a\nERROR b", "a\\nERROR b"),
            ("a\r\u{1b}[31mred\u{7f}", "a\\r\\u{1b}[31mred\\u{7f}"),
            (
                "\u{9b}31m \u{202e}txt\u{2028}",
                "\\u{9b}31m \\u{202e}txt\\u{2028}",
            ),
            ("nul\0", "nul\\u{0}"),
            ("\u{61c}\u{2066}x\u{2069}", "\\u{61c}\\u{2066}x\\u{2069}"),
        ];
        for (raw, safe) in cases {
            assert_eq!(escaped(raw), safe);
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("h\u{e9}llo", 2), "h");
        assert_eq!(cut("h\u{e9}llo", 3), "h\u{e9}");
        assert_eq!(cut("hello", 99), "hello");
    }

    // hardening H28
    #[test]
    fn no_more_of_a_text_is_made_than_is_taken() {
        struct Endless;
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("h\u{e9}")?;
                }
            }
        }
        assert_eq!(start_of(format_args!("{Endless}"), 5), "h\u{e9}h");
        assert_eq!(start_of(format_args!("{:?}", "a\n"), 9), "\"a\\n\"");
    }
}
