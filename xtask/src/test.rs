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
    let with_what_they_need = |step: Step| {
        step.env("WASKET_BIN", &host)
            .env("WASKET_GUESTS", tree::guests_built())
    };
    for step in [
        Step::cargo("test --workspace --no-fail-fast"),
        guests::cargo("test --workspace --no-fail-fast"),
    ] {
        let step = with_what_they_need(step).args(&filter);
        tally.run(step.arg("--").args(&verbatim))?;
    }
    if all {
        // In the one crate that has this feature: with it wasmtime would be built anew.
        let pfx = "test --package wasket-net --features pfx --test certificates";
        tally.run(Step::cargo(pfx))?;
        // The defaults that are times, each of which is waited for, and what is done very many times. All packages, as
        // above, so that nothing is built anew.
        let slow = "test --workspace --tests --no-fail-fast -- --ignored --test-threads 8";
        tally.run(with_what_they_need(Step::cargo(slow)))?;
        foreign::run(&host, &mut tally)?;
    }
    tally.conclude()
}
