//! The tests.

use crate::arguments::Arguments;
use crate::host::{self, Build};
use crate::step::{Step, Tally};
use crate::{foreign, guests, tree};
use anyhow::Result;

/// `cargo xtask test`. Tests find the host in `WASKET_BIN` and the built components in the folder
/// `WASKET_GUESTS`.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let all = arguments.flag("--all");
    let filter = arguments.next();
    let verbatim = arguments.verbatim();
    arguments.finish()?;

    guests::build()?;
    let host = host::build(Build::Everyday)?;
    let mut tally = Tally::default();
    for step in [
        Step::cargo("test --workspace --no-fail-fast"),
        guests::cargo("test --workspace --no-fail-fast"),
    ] {
        let step = step
            .env("WASKET_BIN", &host)
            .env("WASKET_GUESTS", tree::guests_built());
        tally.run(step.args(&filter).arg("--").args(&verbatim))?;
    }
    if all {
        foreign::run(&host, &mut tally)?;
    }
    tally.conclude()
}
