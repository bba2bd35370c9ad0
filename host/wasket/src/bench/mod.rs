//! `wasket bench`: puts load on a WebSocket service, and tells how it did.
//!
//! What the load is depends on the mode: echoes (here), messages to everyone ([`broadcast`]), connections that come
//! and go ([`churn`]) or that only stay ([`idle`]).
//!
//! Echoes are a closed loop: each client sends a round of messages in one write, waits for all their echoes, checks them, and
//! sends the next round. Connections are opened before and closed after the time that is measured.
//!
//! No tasks and no runtime: a thread owns its clients and its sockets, and everything that is not one client's alone
//! exists once a thread. What the load costs is taken from the machine that the server runs on.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum, value_parser};
use serde::Serialize;
use wasket_config::parse_time;

mod broadcast;
mod churn;
mod client;
mod connect;
mod failure;
mod figures;
mod histogram;
mod idle;
mod instructions;
mod link;
mod load;
mod marker;
mod payload;
mod pool;
mod process;
mod report;
mod target;
#[cfg(test)]
mod tests;
mod usage;

use crate::exit::{FAILURE, Usage};
use crate::{descriptor, terminal};
use figures::{Latency, rate};
use load::{Extent, Outcome, Workload};
use payload::Payload;
use report::Report;
use target::Target;
use usage::Watch;

/// `wasket bench`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The service: ws://HOST:PORT/PATH. What it has to do depends on the mode
    #[arg(value_name = "URL")]
    url: Target,
    /// What to measure
    #[arg(long, value_name = "MODE", value_enum, default_value_t = Mode::Echo)]
    mode: Mode,
    /// Connections, all open during the whole run (churn: open at a time, at most 1024)
    #[arg(long, value_name = "N", default_value = "64", value_parser = value_parser!(u32).range(1..=60_000))]
    connections: u32,
    /// Messages that a connection sends before it waits for their echoes (broadcast: for their deliveries)
    #[arg(long, value_name = "N", default_value = "1", value_parser = value_parser!(u32).range(1..=65_536))]
    pipeline: u32,
    /// Broadcast: how many of the connections send
    #[arg(long, value_name = "N", default_value = "1", value_parser = value_parser!(u32).range(1..=1024))]
    senders: u32,
    /// Idle: send one message on each connection when all are open
    #[arg(long)]
    touch: bool,
    /// Bytes in a message (broadcast: at least 51, for the mark by which it is known)
    #[arg(long, value_name = "BYTES", default_value = "16", value_parser = value_parser!(u32).range(..=SIZE_BYTES_MAX))]
    size: u32,
    /// Send text (ASCII) instead of binary messages
    #[arg(long)]
    text: bool,
    /// Echo: compress (permessage-deflate, level 1), and send text that looks like JSON
    #[arg(long, conflicts_with = "text")]
    compress: bool,
    /// How long to measure (idle: to hold the connections): 500ms, 5s, 1m
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_time)]
    duration: Duration,
    /// Measure this many messages (churn: cycles), over all connections, instead of a time
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = value_parser!(u64).range(1..))]
    messages: Option<u64>,
    /// How long to load the service before anything is measured
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_time)]
    warmup: Duration,
    /// Threads that make the load of echoes [default: half of the processors]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// The server's process: also tell its CPU time and, where perf can count them, its instructions per message
    /// (delivery, cycle); idle: its memory
    #[arg(long, value_name = "PID", value_parser = value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    server_pid: Option<u32>,
    /// Answer with one JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Messages that the service sends back, and nothing else
    Echo,
    /// Messages that the service sends to all connections, the sender's included
    Broadcast,
    /// Connections that open, have one message echoed, and close
    Churn,
    /// Connections that stay open and do nothing
    Idle,
}

/// Measures, and prints the report. The code is 1 if a message was wrong or lost, or a connection failed.
///
/// # Errors
/// When nothing could be measured: no connection, a refused handshake, no such process.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    check(options)?;
    // Without more, the first connection that finds none left says so.
    let _ = descriptor::raise();
    match options.mode {
        Mode::Echo => {
            let report = measure(options)?;
            tell(&report, report.errors, options)
        }
        Mode::Broadcast => {
            let report = measure_broadcast(options)?;
            tell(&report, report.errors + report.lost, options)
        }
        Mode::Churn => {
            let report = measure_churn(options)?;
            tell(&report, report.errors, options)
        }
        Mode::Idle => {
            let report = measure_idle(options)?;
            tell(&report, report.errors, options)
        }
    }
}

fn tell<R: Serialize + Display>(
    report: &R,
    errors: u64,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    match options.json {
        true => terminal::line(&serde_json::to_string(report)?),
        false => terminal::line(report.to_string().trim_end()),
    }
    match errors {
        0 => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::from(FAILURE)),
    }
}

/// Refuses what has no meaning in the mode, so that nobody believes to have measured it.
fn check(options: &Options) -> Result<(), Usage> {
    let mode = options.mode;
    let fits = |modes: &[Mode]| modes.contains(&mode);
    for (option, is_given, is_right) in [
        ("--senders", options.senders != 1, fits(&[Mode::Broadcast])),
        ("--touch", options.touch, fits(&[Mode::Idle])),
        ("--compress", options.compress, fits(&[Mode::Echo])),
        ("--threads", options.threads.is_some(), fits(&[Mode::Echo])),
        (
            "--pipeline",
            options.pipeline != 1,
            fits(&[Mode::Echo, Mode::Broadcast]),
        ),
        (
            "--messages",
            options.messages.is_some(),
            !fits(&[Mode::Idle]),
        ),
    ] {
        if is_given && !is_right {
            let name = mode.to_possible_value();
            let name = name.as_ref().map_or("this", |value| value.get_name());
            return Err(Usage(format!("{option} has no meaning with --mode {name}")));
        }
    }
    if options.senders > options.connections {
        return Err(Usage(format!(
            "--senders {} of {} connections: the senders are connections, too",
            options.senders, options.connections
        )));
    }
    if mode == Mode::Churn && options.connections > CHURN_CONNECTIONS_MAX {
        return Err(Usage(format!(
            "--mode churn takes a thread a connection: --connections may be {CHURN_CONNECTIONS_MAX}"
        )));
    }
    Ok(())
}

fn measure(options: &Options) -> anyhow::Result<Report> {
    let workload = workload(options)?;
    let mut watch = Watch::new(options.server_pid)?;
    let addresses = connect::resolve(&options.url)?;
    let mut connections = Vec::new();
    for number in 1..=options.connections {
        let opened = connect::open(&options.url, &addresses, options.compress)
            .with_context(|| format!("connection {number} of {}", options.connections))?;
        connections.push(opened);
    }
    let threads = threads(options);
    let outcome = load::run(&workload, connections, threads, &mut watch)?;
    Ok(report(options, threads, &outcome, watch))
}

fn measure_broadcast(options: &Options) -> anyhow::Result<broadcast::Report> {
    let workload = workload(options)?;
    let plan = broadcast::Plan {
        connections: options.connections,
        senders: options.senders,
        pipeline: workload.pipeline,
        size: workload.payload.size().max(marker::MARK_BYTES),
        is_text: workload.payload.is_text,
        warmup: workload.warmup,
        extent: workload.extent,
    };
    let mut watch = Watch::new(options.server_pid)?;
    let outcome = broadcast::run(&options.url, &plan, &mut watch)?;
    Ok(broadcast::Report::new(&options.url, &plan, outcome, watch))
}

fn measure_churn(options: &Options) -> anyhow::Result<churn::Report> {
    let workload = workload(options)?;
    let mut watch = Watch::new(options.server_pid)?;
    let (url, connections) = (&options.url, options.connections);
    let outcome = churn::run(url, &workload, connections, &mut watch)?;
    let report = churn::Report::new(url, &workload, connections, outcome, watch);
    Ok(report)
}

fn measure_idle(options: &Options) -> anyhow::Result<idle::Report> {
    let workload = workload(options)?;
    let rest = idle::Rest {
        connections: options.connections,
        touch: options.touch.then_some(workload.payload),
        time: options.duration,
        server_pid: options.server_pid,
    };
    idle::run(&options.url, &rest, Watch::new(options.server_pid)?)
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
        payload: match options.compress {
            true => Payload::json(size, &mut rand::rng()),
            false => Payload::new(size, options.text, &mut rand::rng()),
        },
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
    let rate = rate(messages, outcome.elapsed);
    Report {
        url: options.url.as_str().to_owned(),
        connections: options.connections,
        pipeline: options.pipeline,
        size_bytes: options.size,
        kind: match (options.compress, options.text) {
            (true, _) => "compressed",
            (_, true) => "text",
            _ => "binary",
        },
        threads,
        warmup_seconds: options.warmup.as_secs_f64(),
        seconds,
        messages,
        messages_per_second: rate,
        megabytes_per_second_each_way: rate * f64::from(options.size) / 1e6,
        latency_us: Latency::of(&outcome.tally.latencies),
        errors: outcome.tally.failures.count,
        error_texts: outcome.tally.failures.texts.clone(),
        load_cpu_cores: watch.load_cpu_cores(),
        server: watch.server(messages, "message"),
    }
}

const SIZE_BYTES_MAX: i64 = 256 << 20;
const ROUND_BYTES_MAX: u64 = 1 << 30;
const CHURN_CONNECTIONS_MAX: u32 = 1024;
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
