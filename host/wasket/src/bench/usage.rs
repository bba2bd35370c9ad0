//! What the load generator and the server use while the load is measured.

use std::time::{Duration, Instant};

use super::figures::{PerUnit, Server};
use super::instructions::Counter;
use super::load::Observer;
use super::process::CpuTime;
use crate::exit::Usage;

/// What is watched besides the messages.
pub(super) struct Watch {
    began_at: Option<Instant>,
    lasted: Duration,
    load: Process,
    server: Option<(Process, Result<Counter, String>)>,
}

impl Watch {
    /// Prepares to watch the load generator, and the server if its process is known.
    pub(super) fn new(server_pid: Option<u32>) -> Result<Self, Usage> {
        if let Some(pid) = server_pid
            && let Err(error) = CpuTime::of(pid)
        {
            return Err(Usage(format!(
                "--server-pid {pid}: the process cannot be watched: /proc/{pid}/stat: {error}"
            )));
        }
        Ok(Self {
            began_at: None,
            lasted: Duration::ZERO,
            load: Process::new(std::process::id()),
            server: server_pid.map(|pid| (Process::new(pid), Counter::attach(pid))),
        })
    }

    /// Processors that the load generator kept busy.
    pub(super) fn load_cpu_cores(&self) -> Option<f64> {
        self.load.cores(self.lasted)
    }

    /// Processors that the server kept busy, if its process is watched.
    pub(super) fn server_cpu_cores(&self) -> Option<f64> {
        let (process, _) = self.server.as_ref()?;
        process.cores(self.lasted)
    }

    /// What the server used, over this many units of work.
    pub(super) fn server(self, units: u64, unit: &'static str) -> Option<Server> {
        let (process, counter) = self.server?;
        let used = process.used;
        let counted = counter.and_then(Counter::finish);
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        Some(Server {
            pid: process.pid,
            unit,
            cpu_cores: process.cores(self.lasted),
            cpu_us: used.and_then(|used| PerUnit::new(us(used.user), us(used.system), units)),
            instructions: counted.as_ref().ok().and_then(|counted| {
                PerUnit::new(counted.user as f64, counted.kernel as f64, units)
            }),
            instructions_missing: counted.err(),
        })
    }
}

impl Observer for Watch {
    fn begin(&mut self) {
        if let Some((server, counter)) = &mut self.server {
            if let Ok(counter) = counter {
                counter.begin();
            }
            server.begin();
        }
        self.load.begin();
        self.began_at = Some(Instant::now());
    }

    fn end(&mut self) {
        self.lasted = self.began_at.map_or(Duration::ZERO, |at| at.elapsed());
        self.load.end();
        if let Some((server, counter)) = &mut self.server {
            server.end();
            if let Ok(counter) = counter {
                counter.end();
            }
        }
    }
}

/// A process, and the CPU time that it used in the measured time.
struct Process {
    pid: u32,
    before: Option<CpuTime>,
    /// `None` where it is not known, or the process has ended.
    used: Option<CpuTime>,
}

impl Process {
    fn new(pid: u32) -> Self {
        Self {
            pid,
            before: None,
            used: None,
        }
    }

    fn begin(&mut self) {
        self.before = CpuTime::of(self.pid).ok();
    }

    fn end(&mut self) {
        let after = CpuTime::of(self.pid).ok();
        self.used = after.zip(self.before).map(|(after, before)| after - before);
    }

    fn cores(&self, time: Duration) -> Option<f64> {
        let used = self.used?;
        let share = (used.user + used.system).as_secs_f64() / time.as_secs_f64();
        share.is_finite().then_some(share)
    }
}
