//! The runs: measure by measure, in every round each server has its turn. One server runs at a time, and anew each time,
//! so that none of them rests on what an earlier load left behind.

use super::contestant::Contestant;
use super::load::{self, Times};
use super::machine::Machine;
use super::measure::{Connections, Measure};
use super::options::Options;
use super::reading::Reading;
use super::results::Results;
use super::server::Launch;
use anyhow::Result;
use std::path::Path;

/// Runs everything that is asked for. A run that fails is told in the results, and the next one follows.
pub(super) fn run(
    options: &Options,
    machine: &Machine,
    host: &Path,
    contestants: &[Contestant],
) -> Result<Results> {
    let bench = Bench {
        machine,
        host,
        times: if options.quick {
            Times::QUICK
        } else {
            Times::USUAL
        },
    };
    let mut results = Results::default();
    for round in 0..options.rounds() {
        let measures = options
            .measures()
            .filter(|measure| round < measure.rounds_max);
        for measure in measures {
            for contestant in contestants {
                let Ok(launch) = &contestant.launch else {
                    continue;
                };
                if !measure.fits(contestant.peer) {
                    continue;
                }
                let reading = bench.once(measure, launch);
                let told = told(measure, &reading);
                let of = options.rounds();
                eprintln!(
                    "round {}/{of}  {:<24} {:<16} {told}",
                    round + 1,
                    measure.name,
                    contestant.peer.name
                );
                results.add(measure, contestant.peer, reading);
            }
        }
    }
    Ok(results)
}

struct Bench<'a> {
    machine: &'a Machine,
    host: &'a Path,
    times: Times,
}

impl Bench<'_> {
    fn once(&self, measure: &Measure, launch: &Launch) -> Result<Reading> {
        let connections = load::connections(measure, self.machine);
        anyhow::ensure!(
            connections > FEW || matches!(measure.connections, Connections::Some(_)),
            "the limits allow {connections} connections only: raise `ulimit -Hn` and vm.max_map_count"
        );
        let server = launch.start(self.machine.server_core())?;
        load::run(self.host, self.machine, measure, self.times, &server)
            .map_err(|error| error.context(format!("the load failed{}", launch.last_words())))
    }
}

fn told(measure: &Measure, reading: &Result<Reading>) -> String {
    let unit = measure.unit.name();
    match reading {
        Ok(Reading::Cost {
            cpu_us,
            per_second,
            instructions,
        }) => {
            let counted = instructions.map(|count| format!(", {count:.0} instructions"));
            let counted = counted.unwrap_or_default();
            format!("{cpu_us:9.2} us/{unit}{counted}, {per_second:.0}/s")
        }
        Ok(Reading::Memory { opened, touched }) => {
            format!("{opened:.2} KB/{unit} when open, {touched:.2} KB after a message")
        }
        Err(error) => format!("FAILED: {error:#}"),
    }
}

/// With fewer, what grows with the connections does not show.
const FEW: u32 = 256;
