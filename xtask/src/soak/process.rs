//! What a process holds, as Linux tells it.

use anyhow::{Context, Result};
use std::fmt;
use std::fs;

/// Memory, threads, descriptors and mappings of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) resident_bytes: u64,
    pub(crate) threads: u64,
    pub(crate) descriptors: u64,
    pub(crate) mappings: u64,
}

impl Usage {
    pub(crate) fn of(process: u32) -> Result<Self> {
        let folder = format!("/proc/{process}");
        let status = fs::read_to_string(format!("{folder}/status"))
            .context("reading /proc: the soak needs Linux")?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
                .with_context(|| format!("no {name} in {folder}/status"))
        };
        Ok(Self {
            resident_bytes: field("VmRSS:")? << 10,
            threads: field("Threads:")?,
            descriptors: fs::read_dir(format!("{folder}/fd"))?.count() as u64,
            mappings: fs::read_to_string(format!("{folder}/maps"))?
                .lines()
                .count() as u64,
        })
    }

    /// Whether nothing is left of what came after the other measurement, but memory within the margin.
    pub(crate) fn has_shrunk_to(&self, before: &Self) -> bool {
        self.resident_bytes <= before.resident_bytes + RESIDENT_MARGIN_BYTES
            && self.threads <= before.threads
            && self.descriptors <= before.descriptors
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} MiB resident, {} threads, {} descriptors, {} mappings",
            self.resident_bytes as f64 / f64::from(1 << 20),
            self.threads,
            self.descriptors,
            self.mappings
        )
    }
}

/// What allocators keep for next time: the pool's warm slots and the heap's free pages.
pub(crate) const RESIDENT_MARGIN_BYTES: u64 = 64 << 20;
