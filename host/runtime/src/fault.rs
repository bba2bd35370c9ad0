//! What went wrong in a guest, told once to the operator.

use wasket_session::{Fault, SessionId};
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::budget::{OutOfTime, OutOfWallTime};
use crate::log::TARGET;
use crate::store::OutOfMemory;
use crate::text::{cut, escaped};

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
    pub(crate) fn of(error: &wasmtime::Error) -> Self {
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
        Self {
            fault,
            kind,
            reason: escaped(cut(&error.root_cause().to_string(), REASON_BYTES_MAX)).into(),
            backtrace: error
                .downcast_ref::<WasmBacktrace>()
                .map(backtrace)
                .unwrap_or_default(),
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
            session = session.get(),
            event,
            kind = self.kind,
            backtrace = self.backtrace,
            stderr = stderr.join(" | "),
            "the guest failed: {}",
            self.reason
        );
    }
}

impl From<OutOfWallTime> for Failure {
    fn from(error: OutOfWallTime) -> Self {
        Self {
            fault: Fault::WallTime,
            kind: "wall time",
            reason: error.to_string(),
            backtrace: String::new(),
        }
    }
}

/// The guest's functions on one line, innermost first, without modules and offsets where there are names.
fn backtrace(trace: &WasmBacktrace) -> String {
    let text = trace.to_string();
    let frames = text.lines().skip(1).map(str::trim).filter_map(|line| {
        // `3: 0x1234 - module!function` and, below it with debug information, `at file:line:column`.
        if line.starts_with("at ") {
            return Some(line);
        }
        let (number, rest) = line.split_once(": ")?;
        number.trim().parse::<u32>().ok()?;
        let name = rest.split_once(" - ").map_or(rest, |(_, name)| name);
        Some(name.split_once('!').map_or(name, |(_, name)| name))
    });
    let mut out = String::new();
    for frame in frames.take(FRAMES_MAX) {
        if !out.is_empty() {
            out.push_str(if frame.starts_with("at ") { " " } else { " < " });
        }
        out.push_str(&escaped(cut(frame, FRAME_BYTES_MAX)));
    }
    out
}

const REASON_BYTES_MAX: usize = 1_024;
const FRAMES_MAX: usize = 32;
const FRAME_BYTES_MAX: usize = 200;
