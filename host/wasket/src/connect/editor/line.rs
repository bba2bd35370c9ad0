//! The line that is being typed.

use std::ops::Range;

use unicode_width::UnicodeWidthChar as _;

/// Text, and where the cursor is in it: always between characters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    text: String,
    cursor: usize,
    /// Something was added that did not fit.
    is_cut: bool,
    /// The last thing was the first half of a `\r\n`.
    is_after_cr: bool,
}

impl Line {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Puts another text in its place, with the cursor behind it.
    pub(super) fn set(&mut self, text: String) {
        self.cursor = text.len();
        self.text = text;
        self.is_cut = false;
    }

    /// The text, unless something of it did not fit; an empty line is left.
    pub(super) fn take(&mut self) -> Option<String> {
        let Self { text, is_cut, .. } = std::mem::take(self);
        (!is_cut).then_some(text)
    }

    pub(super) fn insert(&mut self, c: char) {
        self.is_after_cr = false;
        self.is_cut |= self.text.len() + c.len_utf8() > BYTES_MAX;
        if !self.is_cut {
            self.text.insert(self.cursor, c);
            self.cursor += c.len_utf8();
        }
    }

    /// The end of a line within a paste: terminals send `\r`, `\n` or both for it.
    pub(super) fn paste_line_end(&mut self, byte: u8) {
        if byte != b'\n' || !self.is_after_cr {
            self.insert('\n');
        }
        self.is_after_cr = byte == b'\r';
    }

    pub(super) fn left(&mut self) {
        self.cursor = self.before();
    }

    pub(super) fn right(&mut self) {
        self.cursor = self.behind();
    }

    pub(super) fn word_left(&mut self) {
        self.cursor = self.word_start();
    }

    pub(super) fn word_right(&mut self) {
        let rest = &self.text[self.cursor..];
        let spaces = rest.len() - rest.trim_start().len();
        let word = rest[spaces..].find(char::is_whitespace);
        self.cursor += word.map_or(rest.len(), |word| spaces + word);
    }

    pub(super) fn home(&mut self) {
        self.cursor = 0;
    }

    pub(super) fn end(&mut self) {
        self.cursor = self.text.len();
    }

    /// Deletes the character before the cursor.
    pub(super) fn backspace(&mut self) {
        self.cut(self.before()..self.cursor);
    }

    /// Deletes the character under the cursor.
    pub(super) fn delete(&mut self) {
        self.cut(self.cursor..self.behind());
    }

    pub(super) fn cut_left(&mut self) {
        self.cut(0..self.cursor);
    }

    pub(super) fn cut_right(&mut self) {
        self.cut(self.cursor..self.text.len());
    }

    pub(super) fn cut_word(&mut self) {
        self.cut(self.word_start()..self.cursor);
    }

    /// What of it is shown in so many columns, and in which of them the cursor is. A long line is shown around the cursor.
    pub(super) fn view(&self, columns: usize) -> (String, usize) {
        let to_cursor = &self.text[..self.cursor];
        let mut room = columns.saturating_sub(1);
        let mut start = self.cursor;
        for (at, c) in to_cursor.char_indices().rev() {
            let Some(left) = room.checked_sub(width(c)) else {
                break;
            };
            (room, start) = (left, at);
        }
        let cursor = self.text[start..self.cursor].chars().map(width).sum();
        let mut left = columns.saturating_sub(cursor);
        let mut end = self.cursor;
        for c in self.text[self.cursor..].chars() {
            let Some(rest) = left.checked_sub(width(c)) else {
                break;
            };
            left = rest;
            end += c.len_utf8();
        }
        let shown = self.text[start..end].replace('\t', " ");
        (shown.replace('\n', LINE_END_SHOWN), cursor)
    }

    /// Where the character before the cursor begins, with the marks that belong to it.
    fn before(&self) -> usize {
        let mut characters = self.text[..self.cursor].char_indices().rev();
        characters
            .find(|(_, c)| width(*c) > 0)
            .map_or(0, |(at, _)| at)
    }

    /// Where the character under the cursor ends, with the marks that belong to it.
    fn behind(&self) -> usize {
        let mut characters = self.text[self.cursor..].char_indices().skip(1);
        characters
            .find(|(_, c)| width(*c) > 0)
            .map_or(self.text.len(), |(at, _)| self.cursor + at)
    }

    fn word_start(&self) -> usize {
        let words = self.text[..self.cursor].trim_end();
        let space = words.char_indices().rev().find(|(_, c)| c.is_whitespace());
        space.map_or(0, |(at, c)| at + c.len_utf8())
    }

    fn cut(&mut self, range: Range<usize>) {
        self.cursor = range.start;
        self.text.replace_range(range, "");
        // Who throws all of it away begins anew.
        self.is_cut &= !self.text.is_empty();
    }
}

/// In columns. A tab is shown as a space, a line end as a sign.
fn width(c: char) -> usize {
    match c {
        '\t' | '\n' => 1,
        c => c.width().unwrap_or(0),
    }
}

/// More than this nobody types: files have an option of their own.
pub(in super::super) const BYTES_MAX: usize = 1 << 20;

const LINE_END_SHOWN: &str = "\u{21b5}";

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, cursor: usize) -> Line {
        Line {
            text: text.to_owned(),
            cursor,
            ..Line::default()
        }
    }

    #[test]
    fn characters_go_in_and_out_where_the_cursor_is() {
        let mut typed = Line::default();
        "h\u{e9}llo w\u{f6}rld"
            .chars()
            .for_each(|c| typed.insert(c));
        typed.word_left();
        typed.backspace();
        typed.left();
        typed.left();
        typed.left();
        typed.delete();
        assert_eq!(typed.text(), "h\u{e9}low\u{f6}rld");
        typed.insert('x');
        assert_eq!(typed.text(), "h\u{e9}xlow\u{f6}rld");
        typed.home();
        typed.backspace();
        typed.delete();
        typed.end();
        typed.delete();
        typed.backspace();
        assert_eq!(typed.text(), "\u{e9}xlow\u{f6}rl");
        assert_eq!(typed.take().unwrap(), "\u{e9}xlow\u{f6}rl");
        assert_eq!(typed, Line::default());
    }

    #[test]
    fn a_paste_keeps_its_line_ends() {
        let mut typed = Line::default();
        for byte in *b"{\r\n\r\n}\n" {
            match byte {
                b'\r' | b'\n' => typed.paste_line_end(byte),
                byte => typed.insert(char::from(byte)),
            }
        }
        assert_eq!(typed.view(10), ("{\u{21b5}\u{21b5}}\u{21b5}".to_owned(), 5));
        assert_eq!(typed.take().unwrap(), "{\n\n}\n");
    }

    #[test]
    fn what_does_not_fit_is_not_cut() {
        let mut typed = line(&"x".repeat(BYTES_MAX - 1), 0);
        typed.insert('a');
        assert_eq!(typed.text().len(), BYTES_MAX);
        typed.insert('b');
        typed.insert('c');
        assert_eq!(typed.take(), None);
        assert_eq!(typed.take().unwrap(), "");
        // What was too long and is thrown away, or gives way to another, is in nobody's way.
        for begin_anew in [Line::cut_left, |line: &mut Line| line.set(String::new())] {
            let mut typed = line(&"x".repeat(BYTES_MAX), BYTES_MAX);
            typed.insert('a');
            begin_anew(&mut typed);
            typed.insert('b');
            assert_eq!(typed.take().unwrap(), "b");
        }
    }

    #[test]
    fn words_end_at_spaces() {
        let mut typed = line("one two  three", 14);
        typed.word_left();
        assert_eq!(typed.cursor, 9);
        typed.word_left();
        assert_eq!(typed.cursor, 4);
        typed.word_right();
        assert_eq!(typed.cursor, 7);
        typed.word_right();
        assert_eq!(typed.cursor, 14);
        typed.word_right();
        assert_eq!(typed.cursor, 14);
        typed.cut_word();
        assert_eq!(typed, line("one two  ", 9));
        typed.cut_word();
        assert_eq!(typed, line("one ", 4));
        typed.home();
        typed.cut_word();
        typed.cut_left();
        assert_eq!(typed, line("one ", 0));
        typed.right();
        typed.cut_right();
        assert_eq!(typed, line("o", 1));
    }

    #[test]
    fn marks_belong_to_their_character() {
        // An e with an accent of its own.
        let mut typed = line("ae\u{301}b", 4);
        typed.left();
        assert_eq!(typed.cursor, 1);
        typed.right();
        assert_eq!(typed.cursor, 4);
        typed.backspace();
        assert_eq!(typed, line("ab", 1));
    }

    #[test]
    fn a_long_line_is_shown_around_the_cursor() {
        for (cursor, columns, shown, column) in [
            (0, 4, "abcd", 0),
            (3, 4, "abcd", 3),
            (4, 4, "bcde", 3),
            (10, 4, "hij", 3),
            (10, 20, "abcdefghij", 10),
            (5, 1, "f", 0),
            (5, 0, "", 0),
        ] {
            let view = line("abcdefghij", cursor).view(columns);
            assert_eq!(view, (shown.to_owned(), column), "{cursor} {columns}");
        }
        // Characters of two columns are shown whole or not at all.
        let wide = "\u{4e2d}\u{6587}\u{5b57}";
        assert_eq!(line(wide, 9).view(4), ("\u{5b57}".to_owned(), 2));
        assert_eq!(line(wide, 0).view(3), ("\u{4e2d}".to_owned(), 0));
        assert_eq!(line("a\tb", 3).view(10), ("a b".to_owned(), 3));
    }
}
