//! What went wrong in a guest, told once to the operator.

use wasket_session::{Fault, SessionId};
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::budget::{Budget, Spent};
use crate::limits::HTTP_BYTES_MAX;
use crate::log::{TARGET, logged};
use crate::store::OutOfMemory;
use crate::text::{cut, escaped};
use crate::turns::OutOfTime;

/// How a call of a guest failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    kind: &'static str,
    reason: String,
    backtrace: String,
}

impl Failure {
    /// A call that returned an error.
    pub(crate) fn of(error: &wasmtime::Error, budget: Budget) -> Self {
        let (fault, kind) = if error.is::<OutOfTime>() {
            (Fault::Time, "time")
        } else if error.is::<OutOfMemory>() {
            (Fault::Memory, "memory")
        } else if error.is::<I32Exit>() {
            (Fault::Trap, "exit")
        } else if error.is::<Trap>() {
            (Fault::Trap, "trap")
        } else {
            // What a guest breaks of the component model's rules: text that is not UTF-8, a list out of
            // bounds, more resources than it may hold.
            (Fault::Trap, "error")
        };
        let reason = match fault {
            Fault::Time => format!("ran longer than {}", budget.time),
            _ => escaped(cut(&error.root_cause().to_string(), REASON_BYTES_MAX)).into(),
        };
        Self {
            fault,
            kind,
            reason,
            backtrace: error
                .downcast_ref::<WasmBacktrace>()
                .map(backtrace)
                .unwrap_or_default(),
        }
    }

    /// A guest that holds more of HTTP on the host's side than one may.
    pub(crate) fn of_holding() -> Self {
        Self {
            fault: Fault::Memory,
            kind: "memory",
            reason: format!(
                "holds more than {} MiB of fields, requests, answers and bodies of HTTP",
                HTTP_BYTES_MAX >> 20
            ),
            backtrace: String::new(),
        }
    }

    /// A call that was ended from outside for what it took.
    pub(crate) fn of_spent(spent: Spent, budget: Budget) -> Self {
        let (fault, kind, reason) = match spent {
            Spent::Time => (
                Fault::Time,
                "time",
                format!("ran longer than {}", budget.time),
            ),
            Spent::WallTime => (
                Fault::WallTime,
                "wall time",
                format!("took longer than {}", budget.wall_time),
            ),
        };
        Self {
            fault,
            kind,
            reason,
            backtrace: String::new(),
        }
    }

    /// Logged once, where it happened.
    pub(crate) fn log(
        &self,
        service: &str,
        session: SessionId,
        event: &'static str,
        stderr: &[Box<str>],
    ) {
        tracing::error!(
            target: TARGET,
            service,
            session = logged(session),
            event,
            kind = self.kind,
            backtrace = self.backtrace,
            stderr = stderr.join(" | "),
            "the guest failed: {}",
            self.reason
        );
    }
}

/// The guest's functions on one line, innermost first, without modules and offsets where there are names.
fn backtrace(trace: &WasmBacktrace) -> String {
    let text = trace.to_string();
    let mut out = String::new();
    let mut previous = String::new();
    let mut repeats = 0;
    let frames = text.lines().skip(1).filter_map(frame).take(FRAMES_MAX);
    for frame in frames.chain([String::new()]) {
        if frame == previous {
            repeats += 1;
            continue;
        }
        if repeats > 0 {
            out.push_str(&format!(" (and {repeats} more)"));
            repeats = 0;
        }
        if !out.is_empty() && !frame.is_empty() {
            out.push_str(if frame.starts_with("at ") { " " } else { " < " });
        }
        out.push_str(&escaped(cut(&frame, FRAME_BYTES_MAX)));
        previous = frame;
    }
    out
}

/// What a line says: `3: 0x1234 - module!function` or, below it with debug information,
/// `at file:line:column`.
fn frame(line: &str) -> Option<String> {
    let line = line.trim();
    if line.starts_with("at ") {
        return Some(line.to_owned());
    }
    let (number, rest) = line.split_once(": ")?;
    number.parse::<u32>().ok()?;
    let name = rest.split_once(" - ").map_or(rest, |(_, name)| name);
    let name = name.split_once('!').map_or(name, |(_, name)| name);
    Some(without_hashes(name))
}

/// Rust's names without the compiler's marks: `core[6d9e98711c484d2e]::panic::h13e8ee1e3e3bb1a7`.
fn without_hashes(name: &str) -> String {
    let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let name = match name.rsplit_once("::h") {
        Some((name, hash)) if is_hash(hash) => name,
        _ => name,
    };
    let mut out = String::with_capacity(name.len());
    for part in name.split_inclusive(']') {
        match part
            .strip_suffix(']')
            .and_then(|part| part.rsplit_once('['))
        {
            Some((before, hash)) if is_hash(hash) => out.push_str(before),
            _ => out.push_str(part),
        }
    }
    out
}

const REASON_BYTES_MAX: usize = 1_024;
const FRAMES_MAX: usize = 32;
const FRAME_BYTES_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_wasmtime_writes_them() {
        let cases = [
            (
                "    0: 0x1a2b - guest.wasm!chat::run::h13e8ee1e3e3bb1a7",
                Some("chat::run"),
            ),
            (
                "   12:   0x9 - <unknown>!<core[6d9e98711c484d2e]::fmt::X as std[d123b7a1a2ed1472]::Y>::f",
                Some("<core::fmt::X as std::Y>::f"),
            ),
            ("    1: m!<wasm function 7>", Some("<wasm function 7>")),
            (
                "                    at src/lib.rs:7:3",
                Some("at src/lib.rs:7:3"),
            ),
            ("    2: 0x1 - m!index[0]::h12", Some("index[0]::h12")),
            ("note: using the `X` environment variable", None),
        ];
        for (line, expected) in cases {
            assert_eq!(frame(line).as_deref(), expected, "{line}");
        }
    }
}
