//! The same as the report, for programs.

use super::reading::Reading;
use super::report::Report;
use super::target::TARGETS;
use super::verdict::judge;
use serde_json::{Value, json};

/// One object with everything that was measured.
pub(super) fn object(report: &Report<'_>) -> Value {
    let machine = report.machine;
    json!({
        "date": machine.date,
        "machine": {
            "cpu": machine.cpu,
            "cores": machine.cores.len(),
            "kernel": machine.kernel,
            "load_before": machine.load_before,
        },
        "commit": machine.commit,
        "rounds": report.options.rounds(),
        "scale": report.results.scale().unit(),
        "peers": report.contestants.iter().map(|contestant| json!({
            "name": contestant.peer.name,
            "version": contestant.version,
            "absent": contestant.launch.as_ref().err(),
        })).collect::<Vec<_>>(),
        "targets": targets(report),
        "figures": figures(report),
        "start_ms": report.starts,
        "callgrind": report.counts.iter().map(|count| json!({
            "measure": count.measure,
            "peer": count.peer,
            "user_instructions_per_message": count.instructions_a_message,
        })).collect::<Vec<_>>(),
        "failures": report.results.failures(),
    })
}

fn targets(report: &Report<'_>) -> Vec<Value> {
    let wanted = TARGETS
        .iter()
        .filter(|target| report.options.wants(target.row));
    let told = wanted.map(|target| {
        let (opinions, reason) = match judge(target, report.results, report.starts) {
            Ok(opinions) => (opinions, None),
            Err(reason) => (Vec::new(), Some(reason)),
        };
        json!({
            "row": target.row,
            "peer": target.peer,
            "what": target.what,
            "opinions": opinions.iter().map(|opinion| json!({
                "by": opinion.by,
                "measured": opinion.measured,
                "goal": opinion.goal,
                "excess": opinion.excess(),
                "spread": opinion.spread,
                "reached": opinion.is_reached(),
            })).collect::<Vec<_>>(),
            "reason": reason,
        })
    });
    told.collect()
}

fn figures(report: &Report<'_>) -> Vec<Value> {
    let mut figures = Vec::new();
    for measure in report.options.measures() {
        for contestant in report.contestants {
            let name = contestant.peer.name;
            let rounds = |figure: fn(&Reading) -> Option<f64>| {
                report.results.rounds(measure.name, name, figure)
            };
            figures.push(json!({
                "row": measure.row,
                "measure": measure.name,
                "unit": measure.unit.name(),
                "peer": name,
                "cpu_us": rounds(Reading::cpu_us),
                "thousand_instructions": rounds(Reading::thousand_instructions),
                "per_second": rounds(Reading::per_second),
                "opened_kb": rounds(Reading::opened_kb),
                "touched_kb": rounds(Reading::touched_kb),
            }));
        }
    }
    figures
}
