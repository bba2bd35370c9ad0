//! What was measured of a service that broadcasts.

use std::fmt;

use serde::Serialize;

use super::super::figures::{Latency, Server, cost_rows, count, error_rows, grouped, rate, row};
use super::super::target::Target;
use super::super::usage::Watch;
use super::{Outcome, Plan};
use crate::terminal::shown;

/// What was measured. The fields are those of the JSON object; docs/benchmarking.md says what they mean.
#[derive(Clone, Debug, Serialize)]
pub(in crate::bench) struct Report {
    mode: &'static str,
    url: String,
    connections: u32,
    senders: u32,
    pipeline: u64,
    size_bytes: usize,
    #[serde(rename = "type")]
    kind: &'static str,
    warmup_seconds: f64,
    seconds: f64,
    pub(in crate::bench) messages: u64,
    pub(in crate::bench) deliveries: u64,
    deliveries_per_second: f64,
    latency_us: Option<Latency>,
    pub(in crate::bench) lost: u64,
    pub(in crate::bench) other_messages: u64,
    pub(in crate::bench) errors: u64,
    pub(in crate::bench) error_texts: Vec<String>,
    load_cpu_cores: Option<f64>,
    server: Option<Server>,
}

impl Report {
    pub(in crate::bench) fn new(
        target: &Target,
        plan: &Plan,
        outcome: Outcome,
        watch: Watch,
    ) -> Self {
        Self {
            mode: "broadcast",
            url: target.as_str().to_owned(),
            connections: plan.connections,
            senders: plan.senders,
            pipeline: plan.pipeline,
            size_bytes: plan.size,
            kind: if plan.is_text { "text" } else { "binary" },
            warmup_seconds: plan.warmup.as_secs_f64(),
            seconds: outcome.elapsed.as_secs_f64(),
            messages: outcome.sent,
            deliveries: outcome.deliveries,
            deliveries_per_second: rate(outcome.deliveries, outcome.elapsed),
            latency_us: Latency::of(&outcome.latencies),
            lost: outcome.lost,
            other_messages: outcome.others,
            errors: outcome.failures.count,
            error_texts: outcome.failures.texts,
            load_cpu_cores: watch.load_cpu_cores(),
            server: watch.server(outcome.deliveries, "delivery"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", shown(&self.url))?;
        writeln!(
            f,
            "{}, {} with {} in flight each, {} B {}; {:.2} s after a warm-up of {} s\n",
            count(self.connections, "connection"),
            count(self.senders, "sender"),
            count(self.pipeline, "message"),
            self.size_bytes,
            self.kind,
            self.seconds,
            self.warmup_seconds,
        )?;
        let mut row = |name: &str, text: String| row(f, name, &text);
        row("messages", grouped(self.messages as f64))?;
        row("deliveries", grouped(self.deliveries as f64))?;
        let rate = grouped(self.deliveries_per_second);
        row("throughput", format!("{rate} deliveries/s"))?;
        let latency = self.latency_us.as_ref();
        cost_rows(
            latency.ok_or("no message arrived in the measured time"),
            self.load_cpu_cores
                .map(|cores| format!("{cores:.2} cores of 1 thread")),
            self.server.as_ref(),
            &mut row,
        )?;
        row("lost", grouped(self.lost as f64))?;
        error_rows(self.errors, &self.error_texts, &mut row)
    }
}
