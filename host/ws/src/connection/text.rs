//! UTF-8 that arrives in pieces.

use crate::Violation;

/// Text under assembly. Each piece is validated once, as it arrives; at most three bytes of a character that a piece
/// ends in are held back until the rest of it comes.
#[derive(Default)]
pub(super) struct Text {
    text: String,
    held: [u8; 4],
    held_len: usize,
}

impl Text {
    pub(super) fn len(&self) -> usize {
        self.text.len() + self.held_len
    }

    /// Makes room for bytes beyond [`len`](Self::len).
    pub(super) fn reserve_exact(&mut self, additional: usize) {
        self.text
            .reserve_exact(additional.saturating_add(self.held_len));
    }

    pub(super) fn capacity(&self) -> usize {
        self.text.capacity()
    }

    /// Appends a piece; fails on the first byte that no valid text could have there.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Violation> {
        let piece = self.complete_held(piece)?;
        let (whole, tail) = piece.split_at(piece.len() - unfinished(piece));
        match simdutf8::compat::from_utf8(whole) {
            Ok(whole) => self.text.push_str(whole),
            Err(error) => return Err(self.invalid(error.valid_up_to())),
        }
        for &byte in tail {
            self.hold(byte)?;
        }
        Ok(())
    }

    /// The whole text; fails if it ends inside a character.
    pub(super) fn finish(self) -> Result<String, Violation> {
        if self.held_len > 0 {
            return Err(self.invalid(0));
        }
        Ok(self.text)
    }

    /// Gives the held character the bytes it lacks, and returns the others.
    fn complete_held<'p>(&mut self, mut piece: &'p [u8]) -> Result<&'p [u8], Violation> {
        while self.held_len > 0 {
            let Some((&byte, rest)) = piece.split_first() else {
                break;
            };
            self.hold(byte)?;
            piece = rest;
        }
        Ok(piece)
    }

    fn hold(&mut self, byte: u8) -> Result<(), Violation> {
        if let Some(slot) = self.held.get_mut(self.held_len) {
            *slot = byte;
            self.held_len += 1;
        }
        let held = self.held.get(..self.held_len).unwrap_or_default();
        match str::from_utf8(held) {
            Ok(character) => {
                self.text.push_str(character);
                self.held_len = 0;
                Ok(())
            }
            Err(error) if error.error_len().is_none() => Ok(()),
            Err(_) => Err(self.invalid(0)),
        }
    }

    fn invalid(&self, after: usize) -> Violation {
        Violation::TextNotUtf8 {
            at: self.text.len() + after,
        }
    }
}

/// How many bytes at the end belong to a character that goes on after it: 0 to 3. What else is wrong with them is
/// for others to find.
fn unfinished(piece: &[u8]) -> usize {
    for (before, &byte) in (1..4).zip(piece.iter().rev()) {
        let width = match byte {
            0x80..=0xBF => continue,
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xFF => 4,
            _ => 1,
        };
        return if width > before { before } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_pieces<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Result<String, Violation> {
        let mut text = Text::default();
        for piece in pieces {
            text.push(piece)?;
        }
        text.finish()
    }

    fn at_once(bytes: &[u8]) -> Result<String, Violation> {
        let text = str::from_utf8(bytes).map_err(|error| Violation::TextNotUtf8 {
            at: error.valid_up_to(),
        })?;
        Ok(text.to_owned())
    }

    /// Bytes that are nearly text: most of what can go wrong is in them.
    fn nearly_text() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            4 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
            1 => any::<char>().prop_map(|c| c.to_string().bytes().rev().skip(1).collect()),
            1 => prop::collection::vec(any::<u8>(), 0..3),
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_division_gives_what_std_says(bytes in nearly_text(), size in 1_usize..6) {
            prop_assert_eq!(in_pieces(bytes.chunks(size)), at_once(&bytes));
        }

        #[test]
        fn every_text_passes_in_any_division(text: String, size in 1_usize..6) {
            prop_assert_eq!(in_pieces(text.as_bytes().chunks(size)), Ok(text.clone()));
        }
    }

    #[test]
    fn fails_with_the_first_bad_byte() {
        // The last byte of each is the first that no text could have there.
        let cases: [&[u8]; 8] = [
            b"\x80",
            b"ab\xC0",
            b"\xE0\x9F",
            b"\xED\xA0",
            b"\xF0\x8F",
            b"\xF4\x90",
            b"\xF5",
            b"\xE2\x82\x41",
        ];
        for case in cases {
            let (last, before) = case.split_last().unwrap();
            let mut text = Text::default();
            assert_eq!(text.push(before), Ok(()), "{case:x?}");
            assert!(text.push(&[*last]).is_err(), "{case:x?}");
            assert!(Text::default().push(case).is_err(), "{case:x?}");
        }
    }
}
