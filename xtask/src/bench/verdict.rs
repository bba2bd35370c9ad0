//! Reached or missed, and by how much.

use super::measure::{P8, P9_FEW, P9_MANY};
use super::reading::Reading;
use super::results::{Results, Scale};
use super::sample::{self, Sample};
use super::target::{Goal, Reference, Target};
use std::fmt;

/// What was measured of a target, by one way to know it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Opinion {
    /// By what it is known: counted instructions, or a peer.
    pub(super) by: &'static str,
    /// In the unit of the target.
    pub(super) measured: f64,
    pub(super) goal: f64,
    /// How far a round was off, as a part of the measured value.
    pub(super) spread: f64,
}

/// What there is to say of a target. The first opinion is the verdict.
pub(super) type Judgement = Result<Vec<Opinion>, String>;

impl Opinion {
    fn new(by: &'static str, goal: f64, sample: &Sample) -> Self {
        Self {
            by,
            measured: sample.median(),
            goal,
            spread: sample.spread(),
        }
    }

    pub(super) fn is_reached(&self) -> bool {
        self.measured <= self.goal
    }

    /// How much more than the goal it is, as a part of the goal; less than 0 if it is reached.
    pub(super) fn excess(&self) -> f64 {
        self.measured / self.goal - 1.0
    }

    /// Whether a round like the worst might say otherwise.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.excess().abs() < self.spread
    }
}

impl fmt::Display for Opinion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_reached() {
            "reached"
        } else {
            "missed"
        };
        write!(f, "{word} by {:.0} %", self.excess().abs() * 100.0)?;
        match self.is_in_doubt() {
            true => f.write_str(", within the spread"),
            false => Ok(()),
        }
    }
}

/// Judges a target by what was measured.
pub(super) fn judge(target: &Target, results: &Results, starts: &[f64]) -> Judgement {
    let memory = |figure: fn(&Reading) -> Option<f64>| results.sample(P8, target.peer, figure);
    let plain = |by, goal, sample: Option<Sample>| match sample {
        Some(sample) => Ok(vec![Opinion::new(by, goal, &sample)]),
        None => Err("not measured".to_owned()),
    };
    match target.goal {
        Goal::Cost {
            measure,
            thousand,
            references,
        } => cost(results, (measure, target.peer), thousand, references),
        Goal::Opened(kb) => plain("memory", kb, memory(Reading::opened_kb)),
        Goal::Touched(kb) => plain("memory", kb, memory(Reading::touched_kb)),
        Goal::Growth(most) => growth(results, target.peer, most),
        Goal::Start(ms) => plain("the clock", ms, Sample::of(starts.iter().copied())),
        Goal::Nothing(reason) => Err(format!("not measured: {reason}")),
    }
}

fn cost(
    results: &Results,
    own: (&str, &str),
    thousand: f64,
    references: &[Reference],
) -> Judgement {
    let counted = results.cost(own.0, own.1).ok_or("not measured")?;
    if results.scale() == Scale::Instructions {
        return Ok(vec![Opinion::new("counted", thousand, &counted)]);
    }
    let opinions: Vec<_> = references
        .iter()
        .filter_map(|reference| by_reference(results, own, thousand, reference))
        .collect();
    match opinions.is_empty() {
        true => {
            let names: Vec<_> = references.iter().map(|reference| reference.peer).collect();
            Err(format!(
                "not judged: none of {} was measured",
                names.join(", ")
            ))
        }
        false => Ok(opinions),
    }
}

/// What more connections cost. CPU time also has what they cost in caches, for the kernel's part of any server: that falls
/// out beside the floor.
fn growth(results: &Results, peer: &'static str, most: f64) -> Judgement {
    let of = |peer| results.ratios((P9_MANY, peer), (P9_FEW, peer));
    let own = Sample::of(of(peer).into_iter().flatten()).ok_or("not measured")?;
    let itself = Opinion::new("itself", most, &own);
    let beside = sample::ratio(&of(peer), &of(FLOOR));
    match beside.filter(|_| results.scale() == Scale::CpuTime) {
        Some(beside) => Ok(vec![Opinion::new(FLOOR, most, &beside), itself]),
        None => Ok(vec![itself]),
    }
}

/// The ratio to the peer, times what the peer costs where instructions are counted.
fn by_reference(
    results: &Results,
    own: (&str, &str),
    thousand: f64,
    reference: &Reference,
) -> Option<Opinion> {
    let ratio = results.ratio(own, (reference.measure, reference.peer))?;
    Some(Opinion {
        by: reference.peer,
        measured: ratio.median() * reference.thousand,
        goal: thousand,
        spread: ratio.spread(),
    })
}

const FLOOR: &str = "minimal";

#[cfg(test)]
mod tests {
    use super::super::measure::{Measure, P1, P2, P4_BINARY, P4_TEXT};
    use super::super::peer::Peer;
    use super::super::results::tests::{cost as reading, of_costs};
    use super::super::target::TARGETS;
    use super::*;

    fn target(row: &str, peer: &str, what: &str) -> &'static Target {
        let mut targets = TARGETS.iter();
        let found =
            targets.find(|target| target.row == row && target.peer == peer && target.what == what);
        found.unwrap()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn without_counters_a_target_is_a_ratio_to_a_peer() {
        // The second round was twice as slow for both.
        let results = of_costs(&[
            (P1, "native", &[3.4, 6.8]),
            (P1, "fastwebsockets", &[4.0, 8.0]),
        ]);
        let opinions = judge(target("P1", "native", "16 B, 1 in flight"), &results, &[]).unwrap();
        let [opinion] = opinions.as_slice() else {
            panic!("{opinions:?}")
        };
        assert_eq!(opinion.by, "fastwebsockets");
        assert!(close(opinion.measured, 13.6 * 0.85) && close(opinion.spread, 0.0));
        assert_eq!(opinion.to_string(), "reached by 17 %");
    }

    #[test]
    fn text_is_judged_by_a_binary_echo() {
        let results = of_costs(&[
            (P4_TEXT, "guest", &[92.0]),
            (P4_BINARY, "fastwebsockets", &[26.0]),
        ]);
        let opinions = judge(target("P4", "guest", "64 KiB text"), &results, &[]).unwrap();
        assert!(close(opinions[0].measured, 184.0));
        assert_eq!(opinions[0].to_string(), "missed by 100 %");
    }

    #[test]
    fn with_counters_nobody_else_is_asked() {
        let mut results = Results::default();
        let (measure, peer) = (Measure::named(P2).unwrap(), Peer::named("native").unwrap());
        for count in [1100.0, 1280.0] {
            results.add(measure, peer, Ok(reading(1.0, Some(count))));
        }
        let opinions = judge(target("P2", "native", "16 B, 16 in flight"), &results, &[]).unwrap();
        assert_eq!((opinions.len(), opinions[0].by), (1, "counted"));
        assert!(close(opinions[0].measured, 1.19) && opinions[0].is_reached());
        assert_eq!(opinions[0].to_string(), "reached by 1 %, within the spread");
    }

    #[test]
    fn what_cannot_be_judged_says_why() {
        let results = of_costs(&[(P1, "native", &[3.4])]);
        for (target, said) in [
            (
                target("P1", "native", "16 B, 1 in flight"),
                "none of fastwebsockets, minimal",
            ),
            (target("P1", "guest", "16 B, 1 in flight"), "not measured"),
            (
                target("P5", "native", "broadcast, a delivery"),
                "no native service",
            ),
            (
                target("P10", "guest", "start, compiled before"),
                "not measured",
            ),
            (target("P9", "native", "growth"), "not measured"),
        ] {
            let error = judge(target, &results, &[]).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn growth_is_judged_beside_the_floor() {
        let results = of_costs(&[
            (P9_MANY, "guest", &[12.0]),
            (P9_FEW, "guest", &[8.0]),
            (P9_MANY, "minimal", &[5.0]),
            (P9_FEW, "minimal", &[4.0]),
        ]);
        let opinions = judge(target("P9", "guest", "growth"), &results, &[]).unwrap();
        let told: Vec<_> = opinions.iter().map(|o| (o.by, o.measured)).collect();
        assert_eq!(told, [("minimal", 1.2), ("itself", 1.5)]);
    }

    #[test]
    fn memory_growth_and_start_are_judged_by_themselves() {
        let mut results = of_costs(&[(P9_MANY, "guest", &[6.0]), (P9_FEW, "guest", &[5.0])]);
        let memory = Reading::Memory {
            opened: 20.0,
            touched: 57.0,
        };
        let (measure, peer) = (Measure::named(P8).unwrap(), Peer::named("guest").unwrap());
        results.add(measure, peer, Ok(memory));
        let said = |row, what| {
            let opinions = judge(target(row, "guest", what), &results, &[40.0, 60.0, 45.0]);
            opinions.unwrap()[0].to_string()
        };
        assert_eq!(said("P8", "idle connection, unused"), "reached by 17 %");
        assert_eq!(said("P8", "idle connection, used"), "missed by 50 %");
        assert_eq!(said("P9", "growth"), "missed by 4 %");
        assert_eq!(
            said("P10", "start, compiled before"),
            "reached by 10 %, within the spread"
        );
    }
}
