//! The figures of this project beside those of its peers: `cargo xtask bench`.
//!
//! A shared machine runs the same program up to three times slower from one minute to the next. So every server has
//! its turn in every round, what counts is what a message costs (instructions where the machine counts them, CPU time
//! otherwise), and CPU time counts only as a ratio to a peer in the same round. See docs/benchmarking.md.

mod callgrind;
mod contestant;
mod install;
mod json;
mod load;
mod machine;
mod measure;
mod method;
mod options;
mod peer;
mod reading;
mod report;
mod results;
mod rounds;
mod sample;
mod server;
mod start;
mod table;
mod target;
mod verdict;

use crate::arguments::Arguments;
use crate::host::{self, Build};
use crate::{guests, tree};
use anyhow::{Context, Result, ensure};
use machine::Machine;
use options::Options;
use report::Report;

/// `cargo xtask bench`. Only a whole run of the `dist` binary writes BENCHMARKS.md; any other writes
/// `.cache/bench/BENCHMARKS.md`.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let options = Options::parse(arguments)?;
    ensure!(
        cfg!(target_os = "linux"),
        "the bench reads /proc and pins processes with taskset: it runs on Linux only"
    );
    guests::build()?;
    let host = host::build(options.build)?;
    let machine = Machine::look()?;
    let contestants = contestant::prepare(&options, &host, &machine)?;
    let results = rounds::run(&options, &machine, &host, &contestants)?;
    let starts = match options.wants("P10") {
        true => start::measure(&host, options.rounds())?,
        false => Vec::new(),
    };
    let counts = match options.callgrind {
        true => callgrind::count(&host, &options)?,
        false => Vec::new(),
    };
    let report = Report {
        options: &options,
        machine: &machine,
        contestants: &contestants,
        results: &results,
        starts: &starts,
        counts: &counts,
    };
    match options.json {
        true => println!("{}", json::object(&report)),
        false => println!("{}", report.markdown()),
    }
    write(&report)
}

fn write(report: &Report<'_>) -> Result<()> {
    let is_final =
        report.options.is_whole() && report.results.is_complete() && host::is_built_here();
    let folder = match is_final {
        true => tree::root().to_owned(),
        false => tree::cache("bench")?,
    };
    let file = folder.join("BENCHMARKS.md");
    std::fs::write(&file, report.markdown())
        .with_context(|| format!("writing {}", file.display()))?;
    eprintln!("written: {}", file.display());
    if !is_final {
        eprintln!(
            "BENCHMARKS.md at the root is written by a run of everything without failures: `cargo xtask bench`"
        );
    }
    Ok(())
}

/// How the host is compiled that is measured when nothing else is asked for.
const BUILD: Build = Build::Dist;
