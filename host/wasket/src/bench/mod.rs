//! `wasket bench`: puts load on a WebSocket service that echoes, and tells how it did.
//!
//! A closed loop: each client sends a round of messages in one write, waits for all their echoes, checks them, and
//! sends the next round. Connections are opened before and closed after the time that is measured.
//!
//! No tasks and no runtime: a thread owns its clients and its sockets, and everything that is not one client's alone
//! exists once a thread. What the load costs is taken from the machine that the server runs on.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, value_parser};
use wasket_config::parse_time;

mod client;
mod connect;
mod failure;
mod histogram;
mod instructions;
mod load;
mod payload;
mod process;
mod report;
mod target;
#[cfg(test)]
mod tests;
mod usage;

use crate::exit::{FAILURE, Usage};
use crate::terminal;
use load::{Extent, Outcome, Workload};
use payload::Payload;
use report::{Latency, Report};
use target::Target;
use usage::Watch;

/// `wasket bench`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The service: ws://HOST:PORT/PATH. It has to send every message back and to say nothing else
    #[arg(value_name = "URL")]
    url: Target,
    /// Connections, all open during the whole run
    #[arg(long, value_name = "N", default_value = "64", value_parser = value_parser!(u32).range(1..=60_000))]
    connections: u32,
    /// Messages that a connection sends in one write before it waits for their echoes
    #[arg(long, value_name = "N", default_value = "1", value_parser = value_parser!(u32).range(1..=65_536))]
    pipeline: u32,
    /// Bytes in a message
    #[arg(long, value_name = "BYTES", default_value = "16", value_parser = value_parser!(u32).range(..=SIZE_BYTES_MAX))]
    size: u32,
    /// Send text (ASCII) instead of binary messages
    #[arg(long)]
    text: bool,
    /// How long to measure: 500ms, 5s, 1m
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_time)]
    duration: Duration,
    /// Measure this many messages, over all connections, instead of a time
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = value_parser!(u64).range(1..))]
    messages: Option<u64>,
    /// How long to load the service before anything is measured
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_time)]
    warmup: Duration,
    /// Threads that make the load [default: half of the processors]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// The server's process: also tell its CPU time and, where perf can count them, its instructions per message
    #[arg(long, value_name = "PID", value_parser = value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    server_pid: Option<u32>,
    /// Answer with one JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// Measures, and prints the report. The code is 1 if an echo was wrong or a connection was lost.
///
/// # Errors
/// When nothing could be measured: no connection, a refused handshake, no such process.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let report = measure(options)?;
    match options.json {
        true => terminal::line(&report.json()?),
        false => terminal::line(report.to_string().trim_end()),
    }
    match report.errors {
        0 => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::from(FAILURE)),
    }
}

fn measure(options: &Options) -> anyhow::Result<Report> {
    let workload = workload(options)?;
    let mut watch = Watch::new(options.server_pid)?;
    let addresses = connect::resolve(&options.url)?;
    let mut connections = Vec::new();
    for number in 1..=options.connections {
        let opened = connect::open(&options.url, &addresses)
            .with_context(|| format!("connection {number} of {}", options.connections))?;
        connections.push(opened);
    }
    let threads = threads(options);
    let outcome = load::run(&workload, connections, threads, &mut watch)?;
    Ok(report(options, threads, &outcome, watch))
}

fn workload(options: &Options) -> Result<Workload, Usage> {
    let round_bytes = u64::from(options.pipeline) * u64::from(options.size);
    if round_bytes > ROUND_BYTES_MAX {
        return Err(Usage(format!(
            "--pipeline times --size is {round_bytes} bytes a connection; it may be {ROUND_BYTES_MAX} (1 GiB)"
        )));
    }
    if options.duration.is_zero() {
        return Err(Usage("--duration 0s measures nothing".to_owned()));
    }
    if options.duration.max(options.warmup) > TIME_MAX {
        return Err(Usage("--duration and --warmup may be 24h each".to_owned()));
    }
    let size = usize::try_from(options.size).map_err(|error| Usage(error.to_string()))?;
    Ok(Workload {
        payload: Payload::new(size, options.text, &mut rand::rng()),
        pipeline: options.pipeline.into(),
        warmup: options.warmup,
        extent: match options.messages {
            Some(messages) => Extent::Messages(messages),
            None => Extent::Time(options.duration),
        },
    })
}

/// A server on the same machine is left the other half.
fn threads(options: &Options) -> usize {
    let half = || std::thread::available_parallelism().map_or(1, |count| count.get().div_ceil(2));
    let threads = options.threads.map_or_else(half, usize::from);
    threads.min(usize::try_from(options.connections).unwrap_or(threads))
}

fn report(options: &Options, threads: usize, outcome: &Outcome, watch: Watch) -> Report {
    let messages = outcome.tally.messages;
    let seconds = outcome.elapsed.as_secs_f64();
    let rate = match seconds > 0.0 {
        true => messages as f64 / seconds,
        false => 0.0,
    };
    Report {
        url: options.url.as_str().to_owned(),
        connections: options.connections,
        pipeline: options.pipeline,
        size_bytes: options.size,
        kind: if options.text { "text" } else { "binary" },
        threads,
        warmup_seconds: options.warmup.as_secs_f64(),
        seconds,
        messages,
        messages_per_second: rate,
        megabytes_per_second_each_way: rate * f64::from(options.size) / 1e6,
        latency_us: Latency::of(&outcome.tally.latencies),
        errors: outcome.tally.failed,
        error_texts: outcome.tally.failures.clone(),
        load_cpu_cores: watch.load_cpu_cores(),
        server: watch.server(messages),
    }
}

const SIZE_BYTES_MAX: i64 = 256 << 20;
const ROUND_BYTES_MAX: u64 = 1 << 30;
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
