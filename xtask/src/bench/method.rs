//! How it was measured: the last section of the report.

use super::load::Times;
use super::measure::{Connections, MEASURES};
use super::report::Report;
use super::target::{Goal, Reference, TARGETS};

/// The section.
pub(super) fn text(report: &Report<'_>) -> String {
    let machine = report.machine;
    let times = match report.options.quick {
        true => Times::QUICK,
        false => Times::USUAL,
    };
    let judged = match report.is_counted() {
        true => COUNTED.to_owned(),
        false => format!("{RATIOS}\n{}", references()),
    };
    format!(
        "## How it was measured\n\n\
         ```\n{}\n```\n\n\
         `cargo xtask bench` {} the peers at the versions above, and loads them with `wasket bench`: {:.1} s each after a warm-up, one server at a time, started anew for each run, every server once a round. {} \
         The peers' servers are in `tests/load`; only P7 compresses; logs are silent.\n\n{}\n\n{judged}",
        commands(report),
        host(report),
        times.seconds(),
        machine.placement(),
        connections(machine.connections_max),
    )
}

fn host(report: &Report<'_>) -> String {
    match crate::host::is_built_here() {
        true => format!(
            "builds the host (profile `{}`) and",
            report.options.build.name()
        ),
        false => "takes the host that WASKET_BIN names, builds".to_owned(),
    }
}

fn commands(report: &Report<'_>) -> String {
    let mut lines = vec![format!("cargo xtask bench{}", report.options.line())];
    for measure in MEASURES
        .iter()
        .filter(|measure| report.options.wants(measure.row))
    {
        let count = connections_of(measure.connections, report.machine.connections_max);
        let line = format!(
            "{:<4} wasket bench ws://...{} {} --connections {count}",
            measure.row, measure.path, measure.load
        );
        lines.push(line);
    }
    lines.join("\n")
}

fn connections(most: u32) -> String {
    let wanted = MEASURES.iter().map(|measure| match measure.connections {
        Connections::Some(count) | Connections::UpTo(count) => count,
    });
    let wanted = wanted.max().unwrap_or_default();
    match wanted.min(most) {
        count if count == wanted => format!("\"At 10,000 connections\" are {count}."),
        count => format!(
            "\"At 10,000 connections\" are {count} here: `ulimit -Hn` and vm.max_map_count allow no more."
        ),
    }
}

fn connections_of(connections: Connections, most: u32) -> u32 {
    match connections {
        Connections::Some(count) => count,
        Connections::UpTo(count) => count.min(most),
    }
}

/// Every reference once, with what it is worth.
fn references() -> String {
    let mut seen: Vec<&Reference> = Vec::new();
    for target in &TARGETS {
        if let Goal::Cost { references, .. } = target.goal {
            for reference in references {
                if !seen.contains(&reference) {
                    seen.push(reference);
                }
            }
        }
    }
    let lines = seen.iter().map(|reference| {
        let Reference {
            peer,
            measure,
            thousand,
        } = reference;
        format!("- {measure}: {peer} {thousand}\n")
    });
    lines.collect()
}

const COUNTED: &str = "Costs are instructions of all threads of the server, in user mode and in the kernel, counted by `perf`.\n";

const RATIOS: &str = "This machine does not count instructions, so costs are CPU time of all threads of the server (`/proc`, in steps \
of 10 ms), and targets are judged by ratios: what a message cost, divided by what it cost a peer in the same round, times the \
peer's reference figure. \"±\" is how far the worst round was from the median. CPU time is no count of instructions - a copy and a \
system call take different times for as many - so a verdict by a few percent is none, and the other peers' opinions show how far \
such verdicts are apart. Growth (P9) is judged beside that of `minimal`, for CPU time also has what ten thousand sockets cost the \
kernel's caches.\n\n\
Reference figures, thousands of instructions, measured with counters on a two-core machine (the column \"by\" says which one judged):\n";
