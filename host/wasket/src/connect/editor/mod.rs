//! A line that is typed on a terminal, below what else is written there.
//!
//! It does no waiting: keys go in, lines come out, and [`erase`](Editor::erase) and [`draw`](Editor::draw) say what to
//! write around other text. So it goes with the loop of a session, which writes what the server sends above it. What is
//! typed is one row, which scrolls. What is pasted is one edit, and its line ends become part of the message: half of a
//! document is never sent. Deliberately absent: completion, search, lines of several rows.

mod history;
mod key;
mod line;

use std::io;
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

use self::history::History;
use self::key::{Decoder, Key};
pub(super) use self::line::BYTES_MAX as TYPED_BYTES_MAX;
use self::line::Line;
use super::raw::{CtrlC, Raw};

/// The line, its history, and the terminal's keys.
pub(super) struct Editor {
    decoder: Decoder,
    line: Line,
    history: History,
    prompt: &'static str,
    /// While it runs; for a moment not when it takes the terminal again.
    raw: Option<Raw>,
    is_pasting: bool,
}

/// What typing led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Line(String),
    /// ctrl-d on an empty line.
    End,
    /// A line that did not fit, and is not kept.
    TooLong,
}

impl Editor {
    /// Takes the terminal: stdin and stdout are one.
    ///
    /// # Errors
    /// When they are not.
    pub(super) fn start(is_coloured: bool, keeps_history: bool) -> io::Result<Self> {
        Ok(Self {
            decoder: Decoder::default(),
            line: Line::default(),
            history: match keeps_history {
                true => History::of_this_person(),
                false => History::default(),
            },
            prompt: if is_coloured { PROMPT_COLOURED } else { PROMPT },
            raw: Some(Raw::enter(&io::stdin(), CtrlC::Signal)?),
            is_pasting: false,
        })
    }

    /// Takes what the terminal sent. `shown` is what to write for it: finished lines stay on the screen.
    pub(super) fn take(&mut self, bytes: &[u8], shown: &mut String) -> Vec<Typed> {
        let mut typed = Vec::new();
        for byte in bytes {
            match self.decoder.take(*byte) {
                Some(Key::PasteBegins) => self.is_pasting = true,
                Some(Key::PasteEnds) => self.is_pasting = false,
                Some(Key::Enter) if self.is_pasting => self.line.paste_line_end(*byte),
                Some(Key::Character(c)) => self.line.insert(c),
                // A paste edits nothing but what it adds.
                Some(_) if self.is_pasting => {}
                Some(Key::Enter) => {
                    self.line.end();
                    shown.push_str(&self.draw());
                    shown.push('\n');
                    typed.push(self.finished());
                }
                Some(Key::EndOfInput) if self.line.text().is_empty() => typed.push(Typed::End),
                Some(Key::Clear) => shown.push_str(CLEAR),
                Some(key) => self.edit(key),
                None => {}
            }
        }
        shown.push_str(&self.draw());
        typed
    }

    fn finished(&mut self) -> Typed {
        match self.line.take() {
            Some(line) => {
                self.history.add(&line);
                Typed::Line(line)
            }
            None => Typed::TooLong,
        }
    }

    fn edit(&mut self, key: Key) {
        let line = &mut self.line;
        match key {
            Key::Backspace => line.backspace(),
            Key::Delete | Key::EndOfInput => line.delete(),
            Key::Left => line.left(),
            Key::Right => line.right(),
            Key::WordLeft => line.word_left(),
            Key::WordRight => line.word_right(),
            Key::Home => line.home(),
            Key::End => line.end(),
            Key::CutLeft => line.cut_left(),
            Key::CutRight => line.cut_right(),
            Key::CutWord => line.cut_word(),
            Key::Older => {
                if let Some(older) = self.history.older(self.line.text()) {
                    self.line.set(older);
                }
            }
            Key::Newer => {
                if let Some(newer) = self.history.newer() {
                    self.line.set(newer);
                }
            }
            Key::Enter | Key::Clear | Key::Character(_) | Key::PasteBegins | Key::PasteEnds => {}
        }
    }

    /// Takes the line from the screen, so that something else can be written.
    pub(super) fn erase(&self) -> &'static str {
        ERASE
    }

    /// Shows the line, in place of what is on the cursor's row.
    pub(super) fn draw(&self) -> String {
        let columns = columns(&io::stdout());
        let (shown, cursor) = self.line.view(columns.saturating_sub(PROMPT.len()));
        let cursor = PROMPT.len() + cursor;
        format!("{ERASE}{}{shown}\r\x1b[{cursor}C", self.prompt)
    }

    /// Gives the terminal back until [`resume`](Self::resume).
    pub(super) fn suspend(&mut self) {
        self.raw = None;
    }

    /// The terminal was taken from us and given back: takes it again, as it is found now if it was given back before.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        self.raw = None;
        self.raw = Some(Raw::enter(&io::stdin(), CtrlC::Signal)?);
        Ok(())
    }
}

/// How wide a terminal is.
pub(super) fn columns(terminal: &impl AsFd) -> usize {
    match tcgetwinsize(terminal).map(|size| usize::from(size.ws_col)) {
        Ok(0) | Err(_) => COLUMNS,
        Ok(columns) => columns,
    }
}

const PROMPT: &str = "> ";
const PROMPT_COLOURED: &str = "\x1b[32m>\x1b[0m ";

/// To the beginning of the row, and nothing in it.
pub(super) const ERASE: &str = "\r\x1b[K";

/// Nothing on the screen, and to its upper left.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Where the terminal does not say how wide it is.
const COLUMNS: usize = 80;
