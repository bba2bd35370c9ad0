//! A password that was not typed with the command, where others could see it.

use std::env::{self, VarError};
use std::fs::File;
use std::io::{Read as _, Write as _};

use anyhow::Context as _;

use super::options::Options;
use super::raw::{CtrlC, Raw};
use crate::exit::{Interrupted, Usage};

/// The password of this user: the variable's, else what is typed on the terminal.
///
/// # Errors
/// [`Usage`] when there is neither, [`Interrupted`] when the person has changed their mind.
pub(super) fn of(name: &str) -> anyhow::Result<String> {
    match env::var(VARIABLE) {
        Ok(password) => Ok(password),
        Err(VarError::NotUnicode(_)) => {
            Err(Usage(format!("the variable {VARIABLE} is not UTF-8")).into())
        }
        Err(VarError::NotPresent) => asked(name),
    }
}

/// Whether [`of`] will ask on the terminal.
pub(super) fn is_asked_for(options: &Options) -> bool {
    let user = options.user.as_ref();
    user.is_some_and(|user| !user.contains(':')) && env::var_os(VARIABLE).is_none()
}

fn asked(name: &str) -> anyhow::Result<String> {
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    let Ok(mut terminal) = terminal else {
        let what = format!(
            "there is no terminal to ask for the password of {name}: set the variable {VARIABLE}"
        );
        return Err(Usage(what).into());
    };
    let _raw = Raw::enter(&terminal, CtrlC::Key).context("asking for the password")?;
    write!(terminal, "Password of {}: ", crate::terminal::shown(name))
        .context("asking for the password")?;
    let typed = line(&mut terminal);
    // The line end was not echoed either.
    let _ = terminal.write_all(b"\r\n");
    typed
}

/// Takes one line, byte by byte: nothing of it is on the screen.
fn line(terminal: &mut File) -> anyhow::Result<String> {
    let mut typed = Vec::new();
    loop {
        let mut byte = [0];
        let count = terminal
            .read(&mut byte)
            .context("asking for the password")?;
        match byte {
            [CTRL_C] => return Err(Interrupted.into()),
            [CTRL_D] if typed.is_empty() => return Err(Interrupted.into()),
            [b'\r' | b'\n'] => break,
            [BACKSPACE | CTRL_H] => remove_last(&mut typed),
            [CTRL_U] => typed.clear(),
            _ if count == 0 => break,
            [byte] if byte >= b' ' && typed.len() < BYTES_MAX => typed.push(byte),
            _ => {}
        }
    }
    String::from_utf8(typed).map_err(|_| Usage("the password is not UTF-8".to_owned()).into())
}

/// Takes back a character, which may be several bytes.
fn remove_last(typed: &mut Vec<u8>) {
    while typed.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {}
}

/// Where scripts put the password.
const VARIABLE: &str = "WASKET_PASSWORD";

/// More than this nobody types.
const BYTES_MAX: usize = 4096;

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const CTRL_H: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const BACKSPACE: u8 = 0x7F;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_taken_back_whole() {
        let mut typed = "a\u{e9}\u{20ac}".as_bytes().to_vec();
        for left in ["a\u{e9}", "a", "", ""] {
            remove_last(&mut typed);
            assert_eq!(typed, left.as_bytes());
        }
    }
}
