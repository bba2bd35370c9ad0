//! `wasket explain`: what a setting means, from the one table of them.

use crate::cli::Explain;
use crate::exit::Usage;
use crate::terminal;
use std::process::ExitCode;

/// Tells of one setting, or lists all.
pub(crate) fn run(options: &Explain) -> anyhow::Result<ExitCode> {
    let text = if options.key.is_empty() {
        wasket_config::keys()
    } else {
        wasket_config::explain(&options.key.join(" ")).map_err(Usage)?
    };
    text.lines().for_each(terminal::line);
    Ok(ExitCode::SUCCESS)
}
