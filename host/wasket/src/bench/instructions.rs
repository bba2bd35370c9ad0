//! Instructions that a process executes, counted by the `perf` tool where the machine lets it.
//!
//! The counters belong to the kernel's `perf_event_open`, which needs unsafe code; the tool does without.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// Instructions counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instructions {
    pub(super) user: u64,
    pub(super) kernel: u64,
}

/// A `perf stat` that is attached to a process and counts between [`begin`](Self::begin) and [`end`](Self::end).
pub(super) struct Counter {
    perf: Child,
    commands: Option<ChildStdin>,
    answers: Receiver<()>,
}

impl Counter {
    /// Attaches to all threads of a process. Otherwise the reason why nothing can be counted here.
    pub(super) fn attach(pid: u32) -> Result<Self, String> {
        probe()?;
        let mut perf = Command::new("perf")
            .args(STAT)
            // Disabled at first; commands come in by descriptor 0, and are confirmed on descriptor 1.
            .args(["-D", "-1", "--control", "fd:0,1", "-p", &pid.to_string()])
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| missing(&error))?;
        let commands = perf.stdin.take();
        let (sender, answers) = mpsc::channel();
        if let Some(stdout) = perf.stdout.take() {
            // Ends when perf does.
            std::thread::spawn(move || {
                for _ in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                    let _ = sender.send(());
                }
            });
        }
        let mut counter = Self {
            perf,
            commands,
            answers,
        };
        // It is ready when it answers.
        match counter.command("disable") {
            Some(()) => Ok(counter),
            None => Err(counter.refusal()),
        }
    }

    pub(super) fn begin(&mut self) {
        let _ = self.command("enable");
    }

    pub(super) fn end(&mut self) {
        let _ = self.command("disable");
    }

    /// What was counted.
    pub(super) fn finish(mut self) -> Result<Instructions, String> {
        let said = self.interrupt();
        parse(&said)
    }

    /// Has a command carried out; `None` if it was not, in good time.
    fn command(&mut self, command: &str) -> Option<()> {
        writeln!(self.commands.as_mut()?, "{command}").ok()?;
        self.answers.recv_timeout(ANSWER_WITHIN).ok()
    }

    fn refusal(&mut self) -> String {
        first_line(&self.interrupt()).unwrap_or_else(|| "perf did not answer".to_owned())
    }

    /// Ends perf; returns what it wrote.
    fn interrupt(&mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.perf);
        // Until it was waited for, the id is its own.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        let mut said = Vec::new();
        if let Some(mut stderr) = self.perf.stderr.take() {
            let _ = stderr.read_to_end(&mut said);
        }
        let _ = self.perf.wait();
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        let _ = self.perf.kill();
        let _ = self.perf.wait();
    }
}

/// Whether perf is there and this machine has the counters.
fn probe() -> Result<(), String> {
    let probed = Command::new("perf")
        .args(STAT)
        .args(["--", "true"])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| missing(&error))?;
    parse(&String::from_utf8_lossy(&probed.stderr)).map(|_| ())
}

fn missing(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "perf is not installed".to_owned(),
        _ => format!("perf cannot be started: {error}"),
    }
}

/// Reads perf's fields: the value, its unit, the event.
fn parse(said: &str) -> Result<Instructions, String> {
    let count = |event: &str| {
        let mut lines = said.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let value = lines.find_map(|fields| match *fields {
            [value, _, name, ..] if name == event => Some(value.to_owned()),
            _ => None,
        });
        match value.as_deref() {
            Some("<not supported>") => Err("this machine has no instruction counters".to_owned()),
            Some(value) => value.parse().map_err(|_| format!("perf says {value}")),
            None => Err(first_line(said).unwrap_or_else(|| "perf has counted nothing".to_owned())),
        }
    };
    Ok(Instructions {
        user: count(USER)?,
        kernel: count(KERNEL)?,
    })
}

/// The line of perf's complaint that says something.
fn first_line(said: &str) -> Option<String> {
    let mut lines = said.lines().map(str::trim);
    let says_why =
        |line: &&str| !(line.is_empty() || line.ends_with(':') || line.starts_with("Events "));
    let line = lines.find(says_why)?;
    Some(format!("perf says: {}", crate::terminal::shown(line)))
}

const STAT: [&str; 5] = ["stat", "-x", ",", "-e", "instructions:u,instructions:k"];
const USER: &str = "instructions:u";
const KERNEL: &str = "instructions:k";
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_refusals_are_told_apart() {
        let counted = "1200,,instructions:u,5000,100.00,,\n3400,,instructions:k,5000,100.00,,\n";
        let expected = Instructions {
            user: 1200,
            kernel: 3400,
        };
        assert_eq!(parse(counted), Ok(expected));
        for (said, reason) in [
            (
                "<not supported>,,instructions:u,0,100.00,,\n",
                "this machine has no instruction counters",
            ),
            (
                "<not counted>,,instructions:u,0,0.00,,\n",
                "perf says <not counted>",
            ),
            (
                "Events disabled\nError:\nAccess to performance monitoring is limited.\n",
                "perf says: Access to performance monitoring is limited.",
            ),
            ("", "perf has counted nothing"),
        ] {
            assert_eq!(parse(said), Err(reason.to_owned()), "{said}");
        }
    }
}
