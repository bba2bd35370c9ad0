//! User instructions a message, counted by valgrind: they repeat exactly where the machine has no counters.

use super::install;
use super::measure::Unit;
use super::options::Options;
use super::server::{Launch, Server};
use crate::step::Step;
use crate::tree;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What was counted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Count {
    /// The name of the measure.
    pub(super) measure: &'static str,
    /// The name of the peer: `native` or `guest`.
    pub(super) peer: &'static str,
    /// In user mode; valgrind does not see the kernel.
    pub(super) instructions_a_message: f64,
}

/// Counts the echoes of the host. Two runs of different length, so that what is paid once falls out.
pub(super) fn count(host: &Path, options: &Options) -> Result<Vec<Count>> {
    ensure!(
        tree::program("valgrind").is_some(),
        "--callgrind needs valgrind: `apt install valgrind` on Debian"
    );
    // Under valgrind the processor has other features, and so the components are compiled anew, once.
    start(&launch(host)?)?.stop(STOP_TIME_MAX)?;
    let mut counts = Vec::new();
    for measure in options
        .measures()
        .filter(|measure| measure.unit == Unit::Message)
    {
        if measure.row == "P9" {
            continue;
        }
        for peer in ["native", "guest"] {
            let total = |messages| total(host, peer, measure.load, messages);
            let messages = match measure.row {
                "P4" | "P7" => MESSAGES_DEAR,
                _ => MESSAGES_SMALL,
            };
            let (few, many) = (total(messages)?, total(messages * TIMES)?);
            let instructions_a_message = a_message(few, many, messages);
            eprintln!(
                "callgrind  {:<24} {peer:<16} {instructions_a_message:.0}",
                measure.name
            );
            counts.push(Count {
                measure: measure.name,
                peer,
                instructions_a_message,
            });
        }
    }
    Ok(counts)
}

/// All instructions of a host that echoes this many messages.
fn total(host: &Path, path: &str, load: &str, messages: u32) -> Result<u64> {
    let launch = launch(host)?;
    let server = start(&launch)?;
    Step::new(host, ["bench", &server.url(&format!("/{path}"))])
        .args(load.split_whitespace())
        .args(["--connections", "16", "--warmup", "0s", "--threads", "1"])
        .args(["--messages", &messages.to_string()])
        .output()
        .context("loading the host under valgrind")?;
    server.stop(STOP_TIME_MAX)?;
    let said = std::fs::read_to_string(&launch.log)
        .with_context(|| format!("reading {}", launch.log.display()))?;
    collected(&said).with_context(|| format!("valgrind counted nothing{}", launch.last_words()))
}

fn launch(host: &Path) -> Result<Launch> {
    Ok(Launch {
        program: host.to_owned(),
        arguments: ["serve", "callgrind.toml"].map(Into::into).into(),
        folder: tree::root().join("tests/load"),
        log: install::log("callgrind")?,
    })
}

fn start(launch: &Launch) -> Result<Server> {
    let mut command = Command::new("valgrind");
    let out = install::folder("log")?.join("callgrind.out");
    command
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(&launch.program)
        .args(&launch.arguments);
    launch.start_as(command, START_TIME_MAX)
}

/// The number in callgrind's line `==PID== Collected : 123`.
fn collected(said: &str) -> Option<u64> {
    let mut lines = said
        .lines()
        .filter_map(|line| line.split_once("Collected :"));
    lines.next()?.1.trim().parse().ok()
}

/// From the instructions of a run of this many messages, and of one of [`TIMES`] as many.
fn a_message(few: u64, many: u64, messages: u32) -> f64 {
    (many as f64 - few as f64) / f64::from(messages * (TIMES - 1))
}

/// In the shorter run. Valgrind is fifty times slower than the processor.
const MESSAGES_SMALL: u32 = 4000;
/// The same for messages of 64 KiB, and for compressed ones.
const MESSAGES_DEAR: u32 = 300;
/// How much longer the longer run is.
const TIMES: u32 = 4;
const START_TIME_MAX: Duration = Duration::from_secs(300);
const STOP_TIME_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_paid_once_falls_out() {
        assert_eq!(a_message(50_004_000, 50_016_000, 4000), 1.0);
    }

    #[test]
    fn the_count_is_found_in_what_valgrind_says() {
        let said =
            "==7== Events    : Ir\n==7== Collected : 1234\n==7==\n==7== I   refs:      1,234\n";
        assert_eq!(collected(said), Some(1234));
        assert_eq!(collected("==7== Fatal error"), None);
    }
}
