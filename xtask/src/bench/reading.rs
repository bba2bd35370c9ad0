//! What one run of `wasket bench` said: docs/benchmarking.md has its fields.

use super::measure::Unit;
use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What one run gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// What a message, a delivery or a cycle cost the server.
    Cost {
        cpu_us: f64,
        /// `None` where the machine does not count them.
        instructions: Option<f64>,
        per_second: f64,
    },
    /// KB of the server's memory for each connection.
    Memory { opened: f64, touched: f64 },
}

impl Reading {
    /// Reads the JSON of a run. A run with errors has no figures.
    pub(super) fn parse(said: &str, unit: Unit) -> Result<Self> {
        let report: Value = serde_json::from_str(said).context("reading the load's report")?;
        let failed = number(&report["errors"])? + number(&report["lost"]).unwrap_or(0.0);
        if failed > 0.0 {
            let texts = report["error_texts"].as_array();
            let first = texts.and_then(|texts| texts.first()?.as_str());
            bail!("{failed} errors: {}", first.unwrap_or("messages were lost"));
        }
        if unit == Unit::Memory {
            let each = &report["kb_per_connection"];
            return Ok(Self::Memory {
                opened: number(&each["opened"])?,
                touched: number(&each["touched"])?,
            });
        }
        let unit_name = unit.name();
        let server = &report["server"];
        let per_second = match unit {
            Unit::Delivery => "deliveries_per_second",
            Unit::Cycle => "cycles_per_second",
            Unit::Message | Unit::Memory => "messages_per_second",
        };
        Ok(Self::Cost {
            cpu_us: number(&server[format!("cpu_us_per_{unit_name}")]["total"])
                .context("the server's CPU time; it may have ended")?,
            instructions: server[format!("instructions_per_{unit_name}")]["total"].as_f64(),
            per_second: number(&report[per_second])?,
        })
    }

    pub(super) fn cpu_us(&self) -> Option<f64> {
        match self {
            Self::Cost { cpu_us, .. } => Some(*cpu_us),
            Self::Memory { .. } => None,
        }
    }

    /// Thousands of instructions.
    pub(super) fn thousand_instructions(&self) -> Option<f64> {
        match self {
            Self::Cost { instructions, .. } => instructions.map(|count| count / 1000.0),
            Self::Memory { .. } => None,
        }
    }

    pub(super) fn per_second(&self) -> Option<f64> {
        match self {
            Self::Cost { per_second, .. } => Some(*per_second),
            Self::Memory { .. } => None,
        }
    }

    pub(super) fn opened_kb(&self) -> Option<f64> {
        match self {
            Self::Memory { opened, .. } => Some(*opened),
            Self::Cost { .. } => None,
        }
    }

    pub(super) fn touched_kb(&self) -> Option<f64> {
        match self {
            Self::Memory { touched, .. } => Some(*touched),
            Self::Cost { .. } => None,
        }
    }
}

fn number(value: &Value) -> Result<f64> {
    value
        .as_f64()
        .with_context(|| format!("the load's report has {value} where a number was expected"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_read_with_and_without_instructions() {
        let said = r#"{"errors":0,"cycles_per_second":50.5,"server":{"cpu_us_per_cycle":{"total":90.5},
            "instructions_per_cycle":null}}"#;
        let expected = Reading::Cost {
            cpu_us: 90.5,
            instructions: None,
            per_second: 50.5,
        };
        assert_eq!(Reading::parse(said, Unit::Cycle).unwrap(), expected);
        let counted = said.replace("null", r#"{"total":95000.0}"#);
        let counted = Reading::parse(&counted, Unit::Cycle).unwrap();
        assert_eq!(counted.thousand_instructions(), Some(95.0));
        assert_eq!(counted.opened_kb(), None);
    }

    #[test]
    fn memory_is_read() {
        let said = r#"{"errors":0,"kb_per_connection":{"opened":1.5,"touched":2.5,"at_end":3.0}}"#;
        let memory = Reading::parse(said, Unit::Memory).unwrap();
        assert_eq!(
            (memory.opened_kb(), memory.touched_kb()),
            (Some(1.5), Some(2.5))
        );
        assert_eq!(memory.cpu_us(), None);
    }

    #[test]
    fn a_run_with_errors_has_no_figures() {
        for (said, why) in [
            (
                r#"{"errors":2,"error_texts":["it was wrong"]}"#,
                "2 errors: it was wrong",
            ),
            (
                r#"{"errors":0,"lost":3,"error_texts":[]}"#,
                "messages were lost",
            ),
            (
                r#"{"errors":0,"server":null,"messages_per_second":1}"#,
                "CPU time",
            ),
            ("{}", "null where a number"),
            ("no", "report"),
        ] {
            let error = Reading::parse(said, Unit::Message).unwrap_err();
            assert!(format!("{error:#}").contains(why), "{said}: {error:#}");
        }
    }
}
