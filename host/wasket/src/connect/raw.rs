//! The terminal's modes: keys as they are pressed, and back to lines.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// While it lives, a terminal gives keys as they are pressed and shows none of them by itself.
///
/// Who ends the process without dropping it calls [`restore`] before.
pub(super) struct Raw(());

/// What ctrl-c is while keys are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CtrlC {
    /// A key like others: where nobody handles the signal, it would leave the terminal as it is.
    Key,
    /// The signal that it always is.
    Signal,
}

impl Raw {
    /// # Errors
    /// When it is no terminal.
    pub(super) fn enter(terminal: &impl AsFd, ctrl_c: CtrlC) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut modes = before.clone();
        modes
            .local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
        if ctrl_c == CtrlC::Key {
            modes.local_modes.remove(LocalModes::ISIG);
        }
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        let file = File::from(terminal.as_fd().try_clone_to_owned()?);
        let mut changed = CHANGED.lock().unwrap_or_else(PoisonError::into_inner);
        tcsetattr(terminal, OptionalActions::Now, &modes)?;
        *changed = Some((file, before, ctrl_c));
        // Whoever ends the process does not wait for what is written.
        drop(changed);
        if ctrl_c == CtrlC::Signal {
            // A terminal that does not know it gives pastes as keys.
            let _ = rustix::io::write(terminal, PASTES_MARKED);
        }
        Ok(Self(()))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was found.
pub(super) fn restore() {
    let mut changed = CHANGED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((terminal, before, ctrl_c)) = changed.take() {
        // A terminal that is gone needs nothing. The modes come first: one whose output is stopped takes them at once.
        let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
        if ctrl_c == CtrlC::Signal {
            let _ = rustix::io::write(&terminal, PASTES_UNMARKED);
        }
    }
}

/// The terminal that is not as it was found, and how it was.
static CHANGED: Mutex<Option<(File, Termios, CtrlC)>> = Mutex::new(None);

/// Whether what is pasted comes between marks (xterm's bracketed paste).
const PASTES_MARKED: &[u8] = b"\x1b[?2004h";
const PASTES_UNMARKED: &[u8] = b"\x1b[?2004l";
