//! What is written: messages and JSON events to stdout, everything else to stderr, and none of it over the line that is
//! being typed.

mod json;
mod text;

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use wasket_client::{Closed, Error, Message, Response};

use super::editor::{ERASE, Editor, Typed, columns};
use super::end::End;
use super::input::Upload;
use super::options::Options;
use crate::terminal::{coloured, obeys, shown};

/// Stdout and stderr. Methods fail when stdout does; a stderr that fails is nobody's loss.
pub(super) struct Output {
    is_json: bool,
    /// What is received goes out as it is.
    is_raw: bool,
    is_verbose: bool,
    out_is_terminal: bool,
    err_is_terminal: bool,
    keeps_history: bool,
    reconnects: bool,
    editor: Option<Editor>,
    has_bar: bool,
}

impl Output {
    pub(super) fn new(options: &Options) -> Self {
        let out_is_terminal = io::stdout().is_terminal();
        Self {
            is_json: options.json,
            // What a terminal would do with it nobody knows.
            is_raw: options.binary && !out_is_terminal,
            is_verbose: options.verbose,
            out_is_terminal,
            err_is_terminal: io::stderr().is_terminal(),
            keeps_history: !options.no_history,
            reconnects: options.reconnect,
            editor: None,
            has_bar: false,
        }
    }

    /// Begins to take lines from the terminal.
    pub(super) fn edit(&mut self) -> io::Result<()> {
        if self.editor.is_none() {
            let editor = Editor::start(coloured(&io::stdout()), self.keeps_history)?;
            self.editor = Some(editor);
        }
        self.redraw()
    }

    /// Whether there is a line that is being typed.
    pub(super) fn is_editing(&self) -> bool {
        self.editor.is_some()
    }

    /// Takes what the terminal sent for keys.
    pub(super) fn typed(&mut self, bytes: &[u8]) -> io::Result<Vec<Typed>> {
        let Some(editor) = &mut self.editor else {
            return Ok(Vec::new());
        };
        let mut shown = String::new();
        let typed = editor.take(bytes, &mut shown);
        to_stdout(shown.as_bytes())?;
        Ok(typed)
    }

    /// The program is to be stopped: gives the terminal back for so long.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        self.end_progress();
        match &mut self.editor {
            Some(editor) => {
                to_stdout(editor.erase().as_bytes())?;
                editor.suspend();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The program was stopped and goes on.
    pub(super) fn resumed(&mut self) -> io::Result<()> {
        if let Some(editor) = &mut self.editor {
            editor.resume()?;
        }
        self.redraw()
    }

    pub(super) fn opened(&mut self, response: &Response) -> io::Result<()> {
        if self.is_json {
            return self.event(&json::opened(response));
        }
        if self.is_talkative() {
            self.note(&text::opened(response));
        }
        Ok(())
    }

    pub(super) fn message(&mut self, message: &Message) -> io::Result<()> {
        if self.is_json {
            return self.event(&json::message(message));
        }
        if self.is_raw {
            return self.out(message.as_bytes());
        }
        let mut line = text::message(message, self.out_is_terminal);
        if self.editor.is_some() {
            let mark = if coloured(&io::stdout()) {
                MARK_COLOURED
            } else {
                MARK
            };
            line.splice(0..0, mark.bytes());
        }
        self.out(&line)
    }

    /// A ping or a pong.
    pub(super) fn control(&mut self, event: &'static str, payload: &[u8]) -> io::Result<()> {
        if self.is_json {
            return self.event(&json::control(event, payload));
        }
        self.note(&text::control(event, payload));
        Ok(())
    }

    pub(super) fn closed(&mut self, closed: &Closed) -> io::Result<()> {
        let line = text::closed(closed, self.reconnects);
        match End::from(closed) {
            End::Clean if !self.is_talkative() => {}
            End::Clean => self.note(&line),
            _ => self.error(&line),
        }
        match self.is_json {
            true => self.event(&json::closed(closed)),
            false => Ok(()),
        }
    }

    pub(super) fn failed(&mut self, error: &Error) -> io::Result<()> {
        self.error(&text::failed(error));
        if let Some(body) = text::body(error) {
            self.err(&body);
        }
        match self.is_json {
            true => self.event(&json::failed(error)),
            false => Ok(()),
        }
    }

    /// Something of ours failed.
    pub(super) fn mishap(&mut self, what: &str) -> io::Result<()> {
        self.error(&shown(what));
        match self.is_json {
            true => self.event(&json::mishap(what)),
            false => Ok(()),
        }
    }

    pub(super) fn waiting(&mut self, time: Duration) -> io::Result<()> {
        if self.is_json {
            return self.event(&json::waiting(time));
        }
        let seconds = time.as_secs_f32();
        self.note(&format!("connecting again in {seconds:.1} s"));
        Ok(())
    }

    /// A line of no weight.
    pub(super) fn note(&mut self, line: &str) {
        match coloured(&io::stderr()) {
            true => self.err(&format!("\x1b[2m{line}\x1b[0m")),
            false => self.err(line),
        }
    }

    /// A line for who wants to know how it comes about.
    pub(super) fn step(&mut self, line: &str) {
        if self.is_verbose {
            self.note(line);
        }
    }

    pub(super) fn warning(&mut self, line: &str) {
        self.err(&format!("warning: {line}"));
    }

    /// How far a file is, where somebody sees it.
    pub(super) fn progress(&mut self, upload: &Upload) {
        if !(self.err_is_terminal && obeys()) {
            return;
        }
        let columns = columns(&io::stderr());
        let bar = text::progress(&upload.name, upload.sent(), upload.bytes(), columns);
        to_stderr(format!("{ERASE}{bar}").as_bytes());
        self.has_bar = true;
    }

    /// The file is sent, or will not be.
    pub(super) fn end_progress(&mut self) {
        if std::mem::take(&mut self.has_bar) {
            to_stderr(ERASE.as_bytes());
        }
    }

    /// Gives the terminal back.
    pub(super) fn end(&mut self) {
        self.end_progress();
        if let Some(editor) = self.editor.take() {
            // Whoever looked at it has left.
            let _ = to_stdout(editor.erase().as_bytes());
        }
    }

    /// Whether what goes well is told, too.
    fn is_talkative(&self) -> bool {
        self.is_verbose || self.editor.is_some() || self.out_is_terminal && self.err_is_terminal
    }

    fn error(&mut self, line: &str) {
        match coloured(&io::stderr()) {
            true => self.err(&format!("\x1b[31merror:\x1b[0m {line}")),
            false => self.err(&format!("error: {line}")),
        }
    }

    fn event(&mut self, line: &str) -> io::Result<()> {
        self.out(format!("{line}\n").as_bytes())
    }

    fn out(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.end_progress();
        let Some(editor) = &self.editor else {
            return to_stdout(bytes);
        };
        let mut all = editor.erase().as_bytes().to_vec();
        all.extend_from_slice(bytes);
        all.extend_from_slice(editor.draw().as_bytes());
        to_stdout(&all)
    }

    fn err(&mut self, line: &str) {
        self.end_progress();
        if let Some(editor) = &self.editor {
            let _ = to_stdout(editor.erase().as_bytes());
        }
        to_stderr(format!("{line}\n").as_bytes());
        // What fails here fails with the next message, too.
        let _ = self.redraw();
    }

    /// Shows the line that is being typed, if there is one.
    pub(super) fn redraw(&self) -> io::Result<()> {
        match &self.editor {
            Some(editor) => to_stdout(editor.draw().as_bytes()),
            None => Ok(()),
        }
    }
}

fn to_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

fn to_stderr(bytes: &[u8]) {
    let _ = io::stderr().lock().write_all(bytes);
}

/// Before a message, where lines that were typed are beside it.
const MARK: &str = "< ";
const MARK_COLOURED: &str = "\x1b[36m<\x1b[0m ";
