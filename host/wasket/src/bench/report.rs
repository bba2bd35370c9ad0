//! What was measured of an echo service, as a table for people and as JSON for programs.

use std::fmt::{self, Write};

use serde::Serialize;

use super::figures::{Latency, Server, cost_rows, count, error_rows, grouped, row};
use crate::terminal::shown;

/// What was measured. The fields are those of the JSON object; docs/benchmarking.md says what they mean.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) url: String,
    pub(super) connections: u32,
    pub(super) pipeline: u32,
    pub(super) size_bytes: u32,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) threads: usize,
    pub(super) warmup_seconds: f64,
    pub(super) seconds: f64,
    pub(super) messages: u64,
    pub(super) messages_per_second: f64,
    pub(super) megabytes_per_second_each_way: f64,
    pub(super) latency_us: Option<Latency>,
    /// Connections that failed.
    pub(super) errors: u64,
    pub(super) error_texts: Vec<String>,
    pub(super) load_cpu_cores: Option<f64>,
    pub(super) server: Option<Server>,
}

impl Report {
    fn table(&self, out: &mut impl Write) -> fmt::Result {
        let Self { seconds, .. } = self;
        writeln!(out, "{}", shown(&self.url))?;
        writeln!(
            out,
            "{} with {} in flight each, {} B {}; {}; {seconds:.2} s after a warm-up of {} s\n",
            count(self.connections, "connection"),
            count(self.pipeline, "message"),
            self.size_bytes,
            self.kind,
            count(self.threads, "load thread"),
            self.warmup_seconds,
        )?;
        let mut row = |name: &str, text: String| row(out, name, &text);
        row("messages", grouped(self.messages as f64))?;
        row(
            "throughput",
            format!("{} messages/s", grouped(self.messages_per_second)),
        )?;
        let each_way = self.megabytes_per_second_each_way;
        row("payload", format!("{each_way:.2} MB/s each way"))?;
        let latency = self.latency_us.as_ref();
        cost_rows(
            latency.ok_or("no message came back in the measured time"),
            self.load_cpu_cores.map(|cores| {
                let of = count(self.threads, "thread");
                format!("{cores:.2} cores of {of}")
            }),
            self.server.as_ref(),
            &mut row,
        )?;
        error_rows(self.errors, &self.error_texts, &mut row)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::figures::PerUnit;
    use super::super::histogram::Histogram;
    use super::*;

    fn report() -> Report {
        let mut latencies = Histogram::new();
        latencies.record(Duration::from_micros(50), 999);
        latencies.record(Duration::from_millis(12), 1);
        Report {
            url: "ws://127.0.0.1:1/echo".to_owned(),
            connections: 64,
            pipeline: 1,
            size_bytes: 16,
            kind: "binary",
            threads: 1,
            warmup_seconds: 0.5,
            seconds: 5.0,
            messages: 1_234_567,
            messages_per_second: 246_913.4,
            megabytes_per_second_each_way: 3.95,
            latency_us: Latency::of(&latencies),
            errors: 1,
            error_texts: vec!["bad \u{1b}[0m".to_owned()],
            load_cpu_cores: Some(0.987),
            server: Some(Server {
                pid: 42,
                unit: "message",
                cpu_cores: Some(0.5),
                cpu_us: PerUnit::new(1e6, 3e6, 1_234_567),
                instructions: PerUnit::new(2e9, 3e9, 1_234_567),
                instructions_missing: None,
            }),
        }
    }

    #[test]
    fn the_table_has_a_unit_behind_every_number() {
        let expected = "\
ws://127.0.0.1:1/echo
64 connections with 1 message in flight each, 16 B binary; 1 load thread; 5.00 s after a warm-up of 0.5 s

messages      1,234,567
throughput    246,913 messages/s
payload       3.95 MB/s each way
latency       p50 50.0 us  p90 50.0 us  p99 50.0 us  p99.9 50.0 us  max 12.0 ms
load CPU      0.99 cores of 1 thread
server CPU    0.50 cores, 3.24 us/message (user 0.81, kernel 2.43)
instructions  4,050/message (user 1,620, kernel 2,430)
errors        1
              bad \\u{1b}[0m
";
        let table = report().to_string();
        let rounded = table.replace("50.2 us", "50.0 us");
        assert_eq!(rounded, expected);
    }

    #[test]
    fn what_is_missing_is_said() {
        let mut report = report();
        report.latency_us = None;
        report.server = Some(Server {
            pid: 42,
            unit: "message",
            cpu_cores: None,
            cpu_us: PerUnit::new(1.0, 1.0, 0),
            instructions: None,
            instructions_missing: Some("perf is not installed".to_owned()),
        });
        let table = report.to_string();
        assert!(
            table.contains("latency       no message came back"),
            "{table}"
        );
        assert!(
            table.contains("not available here (perf is not installed)"),
            "{table}"
        );
        assert!(table.contains("server CPU    not known"), "{table}");
    }

    #[test]
    fn json_is_one_object_with_the_documented_fields() {
        let json = serde_json::to_string(&report()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let documented = include_str!("../../../../docs/benchmarking.md");
        let objects = [&value, &value["latency_us"], &value["server"]];
        for object in objects.map(|object| object.as_object().unwrap()) {
            for field in object.keys() {
                assert!(documented.contains(&format!("`{field}`")), "{field}");
            }
        }
        assert!(!json.contains('\n'));
        let user = value["server"]["instructions_per_message"]["user"].as_f64();
        assert!((user.unwrap() - 1620.0).abs() < 0.01, "{user:?}");
        assert_eq!(value["type"], "binary");
    }
}
