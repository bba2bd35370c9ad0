//! How the program ends, and what it says then.

use crate::signal::Ending;
use crate::terminal;
use std::process::ExitCode;
use wasket_config::Problems;

/// Something failed while it ran.
pub(crate) const FAILURE: u8 = 1;

/// The command line or the configuration is wrong: nothing was started.
pub(crate) const USAGE: u8 = 2;

/// What was typed cannot be done. The text says what to type instead.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A person has changed their mind.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Tells the person what went wrong; the answer is the code to end with.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(problems) = error.downcast_ref::<Problems>() {
        terminal::problems(problems);
        return ExitCode::from(USAGE);
    }
    if error.is::<Interrupted>() {
        let code = Ending::Interrupt.exit_code();
        return ExitCode::from(u8::try_from(code).unwrap_or(FAILURE));
    }
    terminal::error(&format!("{error:#}"));
    match error.downcast_ref::<Usage>() {
        Some(_) => ExitCode::from(USAGE),
        None => ExitCode::from(FAILURE),
    }
}
