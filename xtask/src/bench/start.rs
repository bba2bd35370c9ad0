//! How soon a host listens, with a component that is in its cache.

use super::install;
use super::server::Launch;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Milliseconds from before the process exists to the line that says where it listens, once for each start.
///
/// The host is not pinned to a core: an operator's is not.
pub(super) fn measure(host: &Path, rounds: usize) -> Result<Vec<f64>> {
    let launch = Launch {
        program: host.to_owned(),
        arguments: ["serve", "guest.toml"].map(Into::into).into(),
        folder: crate::tree::root().join("tests/load"),
        log: install::log("start")?,
    };
    let mut times = Vec::new();
    // The first start compiles what is not in the cache, and does not count.
    for number in 0..=rounds * STARTS_A_ROUND {
        let mut command = Command::new(&launch.program);
        command.args(&launch.arguments);
        let began_at = Instant::now();
        let server = launch.start_as(command, START_TIME_MAX);
        let time = began_at.elapsed();
        drop(server.context("starting the host")?);
        if number > 0 {
            times.push(time.as_secs_f64() * 1000.0);
        }
    }
    Ok(times)
}

const STARTS_A_ROUND: usize = 4;
const START_TIME_MAX: Duration = Duration::from_secs(120);
