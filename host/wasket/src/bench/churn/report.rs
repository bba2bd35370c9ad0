//! What was measured of connections that come and go.

use std::fmt;

use serde::Serialize;

use super::super::figures::{Latency, Server, cost_rows, count, error_rows, grouped, rate, row};
use super::super::load::Workload;
use super::super::target::Target;
use super::super::usage::Watch;
use super::{Errors, Outcome};
use crate::terminal::shown;

/// What was measured. The fields are those of the JSON object; docs/benchmarking.md says what they mean.
#[derive(Clone, Debug, Serialize)]
pub(in crate::bench) struct Report {
    mode: &'static str,
    url: String,
    connections: u32,
    size_bytes: usize,
    #[serde(rename = "type")]
    kind: &'static str,
    warmup_seconds: f64,
    seconds: f64,
    pub(in crate::bench) cycles: u64,
    cycles_per_second: f64,
    latency_us: Option<Latency>,
    pub(in crate::bench) errors: u64,
    pub(in crate::bench) errors_by_kind: Errors,
    pub(in crate::bench) error_texts: Vec<String>,
    load_cpu_cores: Option<f64>,
    server: Option<Server>,
}

impl Report {
    pub(in crate::bench) fn new(
        target: &Target,
        workload: &Workload,
        connections: u32,
        outcome: Outcome,
        watch: Watch,
    ) -> Self {
        let Outcome {
            tally,
            errors,
            elapsed,
        } = outcome;
        Self {
            mode: "churn",
            url: target.as_str().to_owned(),
            connections,
            size_bytes: workload.payload.size(),
            kind: if workload.payload.is_text {
                "text"
            } else {
                "binary"
            },
            warmup_seconds: workload.warmup.as_secs_f64(),
            seconds: elapsed.as_secs_f64(),
            cycles: tally.messages,
            cycles_per_second: rate(tally.messages, elapsed),
            latency_us: Latency::of(&tally.latencies),
            errors: tally.failures.count,
            errors_by_kind: errors,
            error_texts: tally.failures.texts,
            load_cpu_cores: watch.load_cpu_cores(),
            server: watch.server(tally.messages, "cycle"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", shown(&self.url))?;
        writeln!(
            f,
            "{} at a time, {} B {}; {:.2} s after a warm-up of {} s\n",
            count(self.connections, "connection"),
            self.size_bytes,
            self.kind,
            self.seconds,
            self.warmup_seconds,
        )?;
        let mut row = |name: &str, text: String| row(f, name, &text);
        row("cycles", grouped(self.cycles as f64))?;
        let rate = grouped(self.cycles_per_second);
        row("throughput", format!("{rate} cycles/s"))?;
        let latency = self.latency_us.as_ref();
        cost_rows(
            latency.ok_or("no cycle ended in the measured time"),
            self.load_cpu_cores.map(|cores| format!("{cores:.2} cores")),
            self.server.as_ref(),
            &mut row,
        )?;
        if self.errors > 0 {
            let Errors {
                connect,
                handshake,
                echo,
                close,
            } = self.errors_by_kind;
            row(
                "failed at",
                format!("connect {connect}  handshake {handshake}  echo {echo}  close {close}"),
            )?;
        }
        error_rows(self.errors, &self.error_texts, &mut row)
    }
}
