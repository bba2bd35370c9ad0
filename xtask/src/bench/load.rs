//! One run of `wasket bench` against a server.

use super::machine::Machine;
use super::measure::{Connections, Measure, Unit};
use super::reading::Reading;
use super::server::{Server, on_core, wait};
use anyhow::{Context, Result, ensure};
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// How long a run warms up and measures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    warmup_ms: u32,
    measured_ms: u32,
}

impl Times {
    pub(super) const USUAL: Self = Self {
        warmup_ms: 300,
        measured_ms: 1000,
    };
    pub(super) const QUICK: Self = Self {
        warmup_ms: 100,
        measured_ms: 400,
    };

    /// The measured time in seconds.
    pub(super) fn seconds(self) -> f64 {
        f64::from(self.measured_ms) / 1000.0
    }
}

/// Has the load generator measure a server.
pub(super) fn run(
    host: &Path,
    machine: &Machine,
    measure: &Measure,
    times: Times,
    server: &Server,
) -> Result<Reading> {
    let mut command = on_core(machine.load_core());
    command
        .arg(host)
        .arg("bench")
        .arg(server.url(measure.path))
        .args(measure.load.split_whitespace())
        .args(["--connections", &connections(measure, machine).to_string()])
        .args(["--duration", &format!("{}ms", times.measured_ms)])
        .args(["--server-pid", &server.pid().to_string(), "--json"]);
    if measure.unit != Unit::Memory {
        command.args(["--warmup", &format!("{}ms", times.warmup_ms)]);
    }
    if measure.unit == Unit::Message {
        // One core makes the load.
        command.args(["--threads", "1"]);
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting the load")?;
    let said = child.stdout.take().map(read_all);
    let complained = child.stderr.take().map(read_all);
    if !wait(&mut child, RUN_TIME_MAX)? {
        child.kill().context("ending the load")?;
        child.wait().context("waiting for the load")?;
        anyhow::bail!("the load did not end within {} s", RUN_TIME_MAX.as_secs());
    }
    let text = |thread: Option<std::thread::JoinHandle<String>>| {
        thread
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    };
    let (said, complained) = (text(said), text(complained));
    ensure!(!said.trim().is_empty(), "{}", complained.trim());
    Reading::parse(&said, measure.unit)
}

/// How many connections a measure has on this machine.
pub(super) fn connections(measure: &Measure, machine: &Machine) -> u32 {
    match measure.connections {
        Connections::Some(count) => count,
        Connections::UpTo(count) => count.min(machine.connections_max),
    }
}

fn read_all(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

const RUN_TIME_MAX: Duration = Duration::from_secs(120);
