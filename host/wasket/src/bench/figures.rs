//! Figures that the reports of all modes have, and how a table shows them.

use std::fmt::{self, Write};
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::histogram::Histogram;
use crate::terminal::shown;

/// Percentiles of what one unit of work took, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
}

impl Latency {
    pub(super) fn of(latencies: &Histogram) -> Option<Self> {
        let us = |time: Duration| time.as_nanos() as f64 / 1000.0;
        Some(Self {
            p50: us(latencies.quantile(500)?),
            p90: us(latencies.quantile(900)?),
            p99: us(latencies.quantile(990)?),
            p99_9: us(latencies.quantile(999)?),
            max: us(latencies.max()?),
        })
    }
}

/// What the server used, in all and for each unit of its work.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) pid: u32,
    /// What the work is counted in: messages, deliveries, cycles. Part of the names in the JSON.
    pub(super) unit: &'static str,
    pub(super) cpu_cores: Option<f64>,
    pub(super) cpu_us: Option<PerUnit>,
    pub(super) instructions: Option<PerUnit>,
    /// Why there are none.
    pub(super) instructions_missing: Option<String>,
}

impl Serialize for Server {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let unit = self.unit;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("pid", &self.pid)?;
        object.serialize_entry("cpu_cores", &self.cpu_cores)?;
        object.serialize_entry(&format!("cpu_us_per_{unit}"), &self.cpu_us)?;
        object.serialize_entry(&format!("instructions_per_{unit}"), &self.instructions)?;
        object.serialize_entry("instructions_missing", &self.instructions_missing)?;
        object.end()
    }
}

/// Something that was used in user mode and in the kernel, divided by the units of work.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct PerUnit {
    total: f64,
    user: f64,
    kernel: f64,
}

impl PerUnit {
    /// `None` if there was no work.
    pub(super) fn new(user: f64, kernel: f64, units: u64) -> Option<Self> {
        let each = |used: f64| used / units as f64;
        (units > 0).then(|| Self {
            total: each(user + kernel),
            user: each(user),
            kernel: each(kernel),
        })
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            p50,
            p90,
            p99,
            p99_9,
            max,
        } = self;
        let time = |us: &f64| match *us {
            us if us < 10_000.0 => format!("{us:.1} us"),
            us => format!("{:.1} ms", us / 1000.0),
        };
        for (name, us) in [("p50", p50), ("p90", p90), ("p99", p99), ("p99.9", p99_9)] {
            write!(f, "{name} {}  ", time(us))?;
        }
        write!(f, "max {}", time(max))
    }
}

impl Server {
    pub(super) fn rows(&self, row: &mut Row<'_>) -> fmt::Result {
        let unit = self.unit;
        let cores = match self.cpu_cores {
            Some(cores) => format!("{cores:.2} cores"),
            None => "not known (the process has ended)".to_owned(),
        };
        match &self.cpu_us {
            Some(cpu) => row(
                "server CPU",
                format!(
                    "{cores}, {:.2} us/{unit} (user {:.2}, kernel {:.2})",
                    cpu.total, cpu.user, cpu.kernel
                ),
            )?,
            None => row("server CPU", cores)?,
        }
        match (&self.instructions, &self.instructions_missing) {
            (Some(count), _) => row(
                "instructions",
                format!(
                    "{}/{unit} (user {}, kernel {})",
                    grouped(count.total),
                    grouped(count.user),
                    grouped(count.kernel)
                ),
            ),
            (None, Some(reason)) => row(
                "instructions",
                format!("not available here ({})", shown(reason)),
            ),
            (None, None) => Ok(()),
        }
    }
}

/// A number and what it counts.
pub(super) fn count(number: impl TryInto<u64>, what: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {what}"),
        number => format!("{} {what}s", grouped(number as f64)),
    }
}

/// A number without decimals, its digits in groups of three.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a line of a table.
pub(super) type Row<'a> = dyn FnMut(&str, String) -> fmt::Result + 'a;

/// A line of a table: its name, and what there is to say.
pub(super) fn row(out: &mut impl Write, name: &str, text: &str) -> fmt::Result {
    writeln!(out, "{name:<14}{text}")
}

/// What it took: the time to answer, or why there is none, and the work of both sides.
pub(super) fn cost_rows(
    latency: Result<&Latency, &str>,
    load_cpu: Option<String>,
    server: Option<&Server>,
    row: &mut Row<'_>,
) -> fmt::Result {
    row(
        "latency",
        latency.map_or_else(str::to_owned, Latency::to_string),
    )?;
    if let Some(cores) = load_cpu {
        row("load CPU", cores)?;
    }
    server.map_or(Ok(()), |server| server.rows(row))
}

/// The last lines of every table.
pub(super) fn error_rows(errors: u64, texts: &[String], row: &mut Row<'_>) -> fmt::Result {
    row("errors", grouped(errors as f64))?;
    texts.iter().try_for_each(|text| row("", shown(text)))
}

/// Work by the second; none in no time.
pub(super) fn rate(units: u64, time: Duration) -> f64 {
    match time.is_zero() {
        true => 0.0,
        false => units as f64 / time.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        for (number, text) in [
            (0.0, "0"),
            (999.4, "999"),
            (1000.0, "1,000"),
            (1e6, "1,000,000"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
