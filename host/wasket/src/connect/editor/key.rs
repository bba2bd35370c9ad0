//! The keys of a terminal, from the bytes that it sends for them (ECMA-48, and what xterm made of it).

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Character(char),
    Enter,
    /// ctrl-d: the end of the input, or what deletes under the cursor.
    EndOfInput,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    /// The entry of the history before this one.
    Older,
    Newer,
    /// ctrl-k: deletes from here to the end.
    CutRight,
    /// ctrl-u: deletes from the beginning to here.
    CutLeft,
    /// ctrl-w: deletes the word before the cursor.
    CutWord,
    /// ctrl-l: clears the screen.
    Clear,
    /// What follows is pasted, up to its end.
    PasteBegins,
    PasteEnds,
}

/// Finds keys in bytes, which may come in any pieces.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The beginning of a key.
    pending: Vec<u8>,
}

impl Decoder {
    /// The key that this byte completes. Keys that mean nothing here are passed over.
    pub(super) fn take(&mut self, byte: u8) -> Option<Key> {
        self.pending.push(byte);
        let key = match decode(&self.pending) {
            Decoded::Incomplete => return None,
            Decoded::Key(key) => Some(key),
            Decoded::Nothing => None,
        };
        self.pending.clear();
        key
    }
}

enum Decoded {
    Incomplete,
    Key(Key),
    Nothing,
}

fn decode(bytes: &[u8]) -> Decoded {
    match bytes {
        [ESCAPE] | [ESCAPE, b'[' | b'O'] => Decoded::Incomplete,
        [ESCAPE, b'O', last] => arrow(*last),
        [ESCAPE, b'[', parameters @ .., last] => match last {
            0x40..=0x7E => sequence(parameters, *last),
            _ if parameters.len() < PARAMETER_BYTES_MAX => Decoded::Incomplete,
            _ => Decoded::Nothing,
        },
        [ESCAPE, b'b'] => Decoded::Key(Key::WordLeft),
        [ESCAPE, b'f'] => Decoded::Key(Key::WordRight),
        [ESCAPE, 0x7F] => Decoded::Key(Key::CutWord),
        [ESCAPE, ..] => Decoded::Nothing,
        [byte @ (0x00..0x20 | 0x7F)] => control(*byte),
        text => match str::from_utf8(text) {
            Ok(text) => match text.chars().next() {
                Some(c) if !c.is_control() => Decoded::Key(Key::Character(c)),
                _ => Decoded::Nothing,
            },
            Err(error) if error.error_len().is_none() => Decoded::Incomplete,
            Err(_) => Decoded::Nothing,
        },
    }
}

fn control(byte: u8) -> Decoded {
    Decoded::Key(match byte {
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Character('\t'),
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x04 => Key::EndOfInput,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7F => Key::Backspace,
        0x0B => Key::CutRight,
        0x0C => Key::Clear,
        0x0E => Key::Newer,
        0x10 => Key::Older,
        0x15 => Key::CutLeft,
        0x17 => Key::CutWord,
        _ => return Decoded::Nothing,
    })
}

/// `ESC [ parameters last`. With a modifier (`1;5`), arrows go by words.
fn sequence(parameters: &[u8], last: u8) -> Decoded {
    match (parameters, last) {
        (b"1;3" | b"1;5", b'C') => Decoded::Key(Key::WordRight),
        (b"1;3" | b"1;5", b'D') => Decoded::Key(Key::WordLeft),
        (b"1" | b"7", b'~') => Decoded::Key(Key::Home),
        (b"4" | b"8", b'~') => Decoded::Key(Key::End),
        (b"3", b'~') => Decoded::Key(Key::Delete),
        (b"200", b'~') => Decoded::Key(Key::PasteBegins),
        (b"201", b'~') => Decoded::Key(Key::PasteEnds),
        (b"" | b"1", _) => arrow(last),
        _ => Decoded::Nothing,
    }
}

fn arrow(last: u8) -> Decoded {
    Decoded::Key(match last {
        b'A' => Key::Older,
        b'B' => Key::Newer,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        _ => return Decoded::Nothing,
    })
}

const ESCAPE: u8 = 0x1B;

/// Longer than any key is.
const PARAMETER_BYTES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        bytes
            .iter()
            .filter_map(|byte| decoder.take(*byte))
            .collect()
    }

    #[test]
    fn bytes_are_keys() {
        use Key::{
            Backspace, Character, CutWord, Delete, End, Enter, Home, Left, Older, WordLeft,
            WordRight,
        };
        for (bytes, expected) in [
            (&b"a\t"[..], &[Character('a'), Character('\t')][..]),
            (
                "\u{e9}\u{1f600}".as_bytes(),
                &[Character('\u{e9}'), Character('\u{1f600}')],
            ),
            (b"\r\n", &[Enter, Enter]),
            (b"\x1b[A\x1bOA\x10", &[Older, Older, Older]),
            (b"\x1b[D\x02", &[Left, Left]),
            (b"\x1b[1;5D\x1b[1;5C", &[WordLeft, WordRight]),
            (b"\x1bb\x1bf\x1b\x7f", &[WordLeft, WordRight, CutWord]),
            (
                b"\x1b[H\x1b[1~\x1b[F\x1b[4~\x1b[3~",
                &[Home, Home, End, End, Delete],
            ),
            (b"\x7f\x08", &[Backspace, Backspace]),
        ] {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn what_means_nothing_leaves_nothing_behind() {
        for bytes in [
            &b"\x1b[15~"[..],
            b"\x1b[202~",
            b"\x1bx",
            b"\xff",
            b"\xc3\x28",
            b"\x00",
            b"\x1b[;;;;;;;;;;;;;;;;;;;;m",
            "\u{9b}".as_bytes(),
        ] {
            let found = keys(&[bytes, b"a"].concat());
            assert_eq!(found.last(), Some(&Key::Character('a')), "{bytes:?}");
            assert!(
                found.iter().all(|key| matches!(key, Key::Character(_))),
                "{bytes:?}: {found:?}"
            );
        }
    }
}
