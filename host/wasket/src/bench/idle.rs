//! `--mode idle`: connections that are open and do nothing, and what they cost the server in memory.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::figures::{count, error_rows, grouped, row};
use super::load::Observer;
use super::payload::Payload;
use super::pool::Pool;
use super::target::Target;
use super::usage::Watch;
use super::{connect, process};
use crate::terminal::shown;

/// What to hold, and for how long.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) connections: u32,
    /// Sent once on every connection, if it is to be.
    pub(super) touch: Option<Payload>,
    pub(super) time: Duration,
    pub(super) server_pid: Option<u32>,
}

/// What was measured. The fields are those of the JSON object; docs/benchmarking.md says what they mean.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    mode: &'static str,
    pub(super) url: String,
    pub(super) connections: u32,
    pub(super) touched: bool,
    pub(super) seconds: f64,
    /// Connections that answered a ping at the end.
    pub(super) alive: u64,
    pub(super) errors: u64,
    pub(super) error_texts: Vec<String>,
    pub(super) server_pid: Option<u32>,
    pub(super) server_cpu_cores: Option<f64>,
    pub(super) memory_kb: Option<Memory>,
    pub(super) kb_per_connection: Option<PerConnection>,
}

/// The server's resident anonymous memory, in KB of 1024 bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Memory {
    before: u64,
    opened: u64,
    /// `None` if nothing was sent.
    touched: Option<u64>,
    at_end: u64,
}

/// How much more it is than before, for each connection.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct PerConnection {
    opened: f64,
    touched: Option<f64>,
    at_end: f64,
}

impl Memory {
    fn per_connection(&self, connections: u32) -> PerConnection {
        let each = |kb: u64| (kb as f64 - self.before as f64) / f64::from(connections.max(1));
        PerConnection {
            opened: each(self.opened),
            touched: self.touched.map(each),
            at_end: each(self.at_end),
        }
    }
}

/// Opens the connections, holds them, and looks at the end which of them are alive.
pub(super) fn run(target: &Target, rest: &Rest, mut watch: Watch) -> anyhow::Result<Report> {
    let addresses = connect::resolve(target)?;
    let memory = || rest.server_pid.and_then(|pid| process::memory_kb(pid).ok());
    let ignore = &mut |_: usize, _: &wasket_ws::Message<'_>, _: Instant| Ok(());
    let mut pool = Pool::new()?;
    let before = memory();
    pool.open(target, &addresses, rest.connections, 0)?;
    let opened = memory();
    let mut touched = None;
    if let Some(payload) = &rest.touch {
        for (index, number) in (0..rest.connections).enumerate() {
            pool.send(index, payload.is_text, payload.of(number.into()));
            pool.turn(Duration::ZERO, ignore)?;
        }
        pool.ping_all(ignore)?;
        touched = memory();
    }
    let began_at = Instant::now();
    watch.begin();
    pool.turn_until(began_at + rest.time, ignore)?;
    watch.end();
    let seconds = began_at.elapsed().as_secs_f64();
    pool.ping_all(ignore)?;
    let at_end = memory();
    let alive = pool.open_count();
    pool.close()?;
    let memory_kb = before.zip(opened).zip(at_end);
    let memory_kb = memory_kb.map(|((before, opened), at_end)| Memory {
        before,
        opened,
        touched,
        at_end,
    });
    Ok(Report {
        mode: "idle",
        url: target.as_str().to_owned(),
        connections: rest.connections,
        touched: rest.touch.is_some(),
        seconds,
        alive,
        errors: pool.failures.count,
        error_texts: pool.failures.texts,
        server_pid: rest.server_pid,
        server_cpu_cores: watch.server_cpu_cores(),
        memory_kb,
        kb_per_connection: memory_kb.map(|memory| memory.per_connection(rest.connections)),
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", shown(&self.url))?;
        let touched = match self.touched {
            true => ", one message each",
            false => "",
        };
        let connections = count(self.connections, "connection");
        writeln!(f, "{connections}{touched}, held {:.2} s\n", self.seconds)?;
        let mut row = |name: &str, text: String| row(f, name, &text);
        row(
            "alive",
            format!("{} at the end", grouped(self.alive as f64)),
        )?;
        if let (Some(memory), Some(each)) = (&self.memory_kb, &self.kb_per_connection) {
            let kb =
                |kb: u64, each: f64| format!("{} KB, {each:.2} KB/connection", grouped(kb as f64));
            row(
                "memory",
                format!("{} KB before", grouped(memory.before as f64)),
            )?;
            row("  opened", kb(memory.opened, each.opened))?;
            if let (Some(memory), Some(each)) = (memory.touched, each.touched) {
                row("  touched", kb(memory, each))?;
            }
            row("  at the end", kb(memory.at_end, each.at_end))?;
        } else if self.server_pid.is_some() {
            row(
                "memory",
                "not known here, or the process has ended".to_owned(),
            )?;
        }
        if let Some(cores) = self.server_cpu_cores {
            row("server CPU", format!("{cores:.3} cores while it was held"))?;
        }
        error_rows(self.errors, &self.error_texts, &mut row)
    }
}
