//! The machine: what it is, what it allows, and where processes run on it.

use crate::step::Step;
use crate::tree;
use anyhow::{Context, Result};
use std::fs::read_to_string;

/// What there is to know about the machine.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) kernel: String,
    /// Cores that this process may use.
    pub(super) cores: Vec<usize>,
    /// How busy it was before anything was measured: processes that ran or wanted to, over the last minute.
    pub(super) load_before: f64,
    /// Connections that one process may have open, for an instance each.
    pub(super) connections_max: u32,
    pub(super) date: String,
    /// Of this project.
    pub(super) commit: String,
    pub(super) rustc: String,
    has_taskset: bool,
}

impl Machine {
    pub(super) fn look() -> Result<Self> {
        let cpu = read("/proc/cpuinfo")?;
        let status = read("/proc/self/status")?;
        let limits = read("/proc/self/limits")?;
        let maps = read("/proc/sys/vm/max_map_count")?;
        let load = read("/proc/loadavg")?;
        let first_word = |text: &str| text.split_whitespace().next().map(str::to_owned);
        Ok(Self {
            cpu: field(&cpu, "model name")
                .unwrap_or("an unnamed CPU")
                .to_owned(),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            cores: field(&status, "Cpus_allowed_list").map_or_else(Vec::new, cores),
            load_before: first_word(&load)
                .and_then(|load| load.parse().ok())
                .unwrap_or(0.0),
            connections_max: connections_max(open_files(&limits), maps.trim().parse().unwrap_or(0)),
            date: line(Step::new("date", ["-u", "+%Y-%m-%d"]))?,
            commit: line(Step::new("git", ["describe", "--always", "--dirty"]))
                .unwrap_or_else(|_| "not known".to_owned()),
            rustc: line(Step::new("rustc", ["--version"]))?,
            has_taskset: tree::program("taskset").is_some(),
        })
    }

    /// The core for the server, when there is another for the load.
    pub(super) fn server_core(&self) -> Option<usize> {
        self.pinned().map(|(server, _)| server)
    }

    /// The core for the load, when there is another for the server.
    pub(super) fn load_core(&self) -> Option<usize> {
        self.pinned().map(|(_, load)| load)
    }

    fn pinned(&self) -> Option<(usize, usize)> {
        match *self.cores.as_slice() {
            [server, load, ..] if self.has_taskset => Some((server, load)),
            _ => None,
        }
    }

    /// How processes were put on cores, for the report.
    pub(super) fn placement(&self) -> String {
        match self.pinned() {
            Some((server, load)) => {
                format!(
                    "The server ran on core {server} alone, the load on core {load} (`taskset`)."
                )
            }
            None if self.has_taskset => {
                "There is one core only, which the server and the load shared.".to_owned()
            }
            None => {
                "Nothing was pinned to cores: `taskset` (util-linux) is not installed.".to_owned()
            }
        }
    }
}

fn read(file: &str) -> Result<String> {
    read_to_string(file).with_context(|| format!("reading {file}"))
}

fn line(step: Step) -> Result<String> {
    Ok(step.output()?.trim().to_owned())
}

/// What stands behind `NAME   :` in a file of `/proc`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(field, _)| field.trim() == name)?;
    Some(value.trim())
}

/// `0-2,5` as numbers.
fn cores(list: &str) -> Vec<usize> {
    let ends = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    list.split(',').filter_map(ends).flatten().collect()
}

/// The hard limit, up to which servers and load raise theirs.
fn open_files(limits: &str) -> u32 {
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let hard = line.and_then(|line| line.split_whitespace().nth(4));
    match hard {
        Some("unlimited") => u32::MAX,
        Some(hard) => hard.parse().unwrap_or(u32::MAX),
        None => 1024,
    }
}

/// A connection takes a descriptor, and a guest's instance up to six memory mappings.
fn connections_max(open_files: u32, mappings: u32) -> u32 {
    let by_files = open_files.saturating_sub(OWN_FILES);
    let by_mappings = mappings.saturating_sub(OWN_MAPPINGS) / MAPPINGS_AN_INSTANCE;
    by_files.min(by_mappings)
}

const OWN_FILES: u32 = 256;
const OWN_MAPPINGS: u32 = 2000;
const MAPPINGS_AN_INSTANCE: u32 = 6;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::bench) fn a_machine() -> Machine {
        Machine {
            cpu: "A CPU".to_owned(),
            kernel: "6.1".to_owned(),
            cores: vec![0, 1],
            load_before: 0.05,
            connections_max: 5000,
            date: "2026-01-31".to_owned(),
            commit: "1234567".to_owned(),
            rustc: "rustc 1.95".to_owned(),
            has_taskset: true,
        }
    }

    #[test]
    fn what_proc_says_is_read() {
        let cpu = "processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nflags\t\t: fpu\n";
        assert_eq!(field(cpu, "model name"), Some("A CPU @ 2 GHz"));
        assert_eq!(field(cpu, "cache"), None);
        assert_eq!(cores("0-2,5"), [0, 1, 2, 5]);
        assert_eq!(cores("3"), [3]);
        assert_eq!(cores(""), [0_usize; 0]);
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  20000  files\n";
        assert_eq!(open_files(limits), 20_000);
        assert_eq!(open_files(&limits.replace("20000", "unlimited")), u32::MAX);
    }

    #[test]
    fn connections_are_bounded_by_files_and_mappings() {
        assert_eq!(connections_max(1024, 65_530), 768);
        assert_eq!(connections_max(u32::MAX, 65_530), 10_588);
        assert_eq!(connections_max(100, 0), 0);
    }
}
