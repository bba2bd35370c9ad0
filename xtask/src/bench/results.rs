//! What all runs gave, by measure, peer and round.

use super::measure::Measure;
use super::peer::Peer;
use super::reading::Reading;
use super::sample::{self, Sample};
use std::collections::BTreeMap;

/// Readings of all rounds, and what failed.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// By the names of the measure and of the peer; a round that failed is `None`.
    readings: BTreeMap<(&'static str, &'static str), Vec<Option<Reading>>>,
    failures: Vec<String>,
}

/// What a message and the like cost: what is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Counted instructions: the same at any time, on any machine.
    Instructions,
    /// CPU time, which means something as a ratio only.
    CpuTime,
}

impl Results {
    pub(super) fn add(&mut self, measure: &Measure, peer: &Peer, reading: anyhow::Result<Reading>) {
        if let Err(error) = &reading {
            let failure = format!("{}, {}: {error:#}", peer.name, measure.name);
            if !self.failures.contains(&failure) {
                self.failures.push(failure);
            }
        }
        let rounds = self.readings.entry((measure.name, peer.name)).or_default();
        rounds.push(reading.ok());
    }

    /// Runs that failed, each reason once.
    pub(super) fn failures(&self) -> &[String] {
        &self.failures
    }

    pub(super) fn is_complete(&self) -> bool {
        self.failures.is_empty()
    }

    /// Instructions, if every run counted them.
    pub(super) fn scale(&self) -> Scale {
        let mut costs = self
            .readings
            .values()
            .flatten()
            .flatten()
            .filter(|reading| reading.cpu_us().is_some())
            .peekable();
        let is_counted = costs.peek().is_some()
            && costs.all(|reading| reading.thousand_instructions().is_some());
        match is_counted {
            true => Scale::Instructions,
            false => Scale::CpuTime,
        }
    }

    /// One figure of a peer in a measure, round by round; empty if it had no turn.
    pub(super) fn rounds(
        &self,
        measure: &str,
        peer: &str,
        figure: impl Fn(&Reading) -> Option<f64>,
    ) -> Vec<Option<f64>> {
        let mut found = self.readings.iter();
        let rounds = found.find(|((of, by), _)| *of == measure && *by == peer);
        let rounds = rounds.map(|(_, rounds)| rounds.iter());
        rounds
            .into_iter()
            .flatten()
            .map(|reading| reading.as_ref().and_then(&figure))
            .collect()
    }

    /// The same over all rounds.
    pub(super) fn sample(
        &self,
        measure: &str,
        peer: &str,
        figure: impl Fn(&Reading) -> Option<f64>,
    ) -> Option<Sample> {
        Sample::of(self.rounds(measure, peer, figure).into_iter().flatten())
    }

    /// What a unit of work costs: thousands of instructions, or microseconds of CPU.
    pub(super) fn cost(&self, measure: &str, peer: &str) -> Option<Sample> {
        let scale = self.scale();
        self.sample(measure, peer, |reading| scale.of(reading))
    }

    /// What a unit costs a peer, in parts of what another (or the same) costs another, in the same round.
    pub(super) fn ratio(&self, of: (&str, &str), to: (&str, &str)) -> Option<Sample> {
        Sample::of(self.ratios(of, to).into_iter().flatten())
    }

    /// The same, round by round.
    pub(super) fn ratios(&self, of: (&str, &str), to: (&str, &str)) -> Vec<Option<f64>> {
        let scale = self.scale();
        let figures = self.rounds(of.0, of.1, |reading| scale.of(reading));
        let references = self.rounds(to.0, to.1, |reading| scale.of(reading));
        sample::ratios(&figures, &references)
    }
}

impl Scale {
    fn of(self, reading: &Reading) -> Option<f64> {
        match self {
            Self::Instructions => reading.thousand_instructions(),
            Self::CpuTime => reading.cpu_us(),
        }
    }

    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Instructions => "thousand instructions",
            Self::CpuTime => "microseconds of CPU",
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::measure::{P1, P8};
    use super::*;
    use anyhow::anyhow;

    /// Results in which each peer has these costs in CPU time.
    pub(in crate::bench) fn of_costs(costs: &[(&str, &str, &[f64])]) -> Results {
        let mut results = Results::default();
        for (measure, peer, rounds) in costs {
            let (measure, peer) = (Measure::named(measure).unwrap(), Peer::named(peer).unwrap());
            for cpu_us in *rounds {
                results.add(measure, peer, Ok(cost(*cpu_us, None)));
            }
        }
        results
    }

    pub(in crate::bench) fn cost(cpu_us: f64, instructions: Option<f64>) -> Reading {
        Reading::Cost {
            cpu_us,
            instructions,
            per_second: 1e6 / cpu_us,
        }
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let results = of_costs(&[(P1, "guest", &[6.0, 18.0]), (P1, "bun", &[3.0, 9.0])]);
        let ratio = results.ratio((P1, "guest"), (P1, "bun")).unwrap();
        assert_eq!((ratio.median(), ratio.spread()), (2.0, 0.0));
        assert_eq!(results.cost(P1, "guest").unwrap().median(), 12.0);
        assert_eq!(results.ratio((P1, "guest"), (P1, "ws")), None);
    }

    #[test]
    fn a_failed_round_is_told_once_and_keeps_its_place() {
        let mut results = Results::default();
        let (measure, peer) = (Measure::named(P1).unwrap(), Peer::named("ws").unwrap());
        results.add(measure, peer, Err(anyhow!("it died")));
        results.add(measure, peer, Ok(cost(2.0, None)));
        results.add(measure, peer, Err(anyhow!("it died")));
        assert_eq!(results.failures(), ["ws, 16 B, 1 in flight: it died"]);
        assert!(!results.is_complete());
        let rounds = results.rounds(P1, "ws", Reading::cpu_us);
        assert_eq!(rounds, [None, Some(2.0), None]);
    }

    #[test]
    fn instructions_count_only_where_all_runs_have_them() {
        let mut results = Results::default();
        assert_eq!(results.scale(), Scale::CpuTime);
        let native = Peer::named("native").unwrap();
        let memory = Reading::Memory {
            opened: 1.0,
            touched: 1.0,
        };
        results.add(Measure::named(P8).unwrap(), native, Ok(memory));
        let measure = Measure::named(P1).unwrap();
        results.add(measure, native, Ok(cost(4.0, Some(14_000.0))));
        assert_eq!(results.scale(), Scale::Instructions);
        assert_eq!(results.cost(P1, "native").unwrap().median(), 14.0);
        results.add(measure, native, Ok(cost(4.0, None)));
        assert_eq!(results.scale(), Scale::CpuTime);
    }
}
