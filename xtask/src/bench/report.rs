//! BENCHMARKS.md: what was measured, of what, on what, how, and whether the targets are reached.

use super::callgrind::Count;
use super::contestant::Contestant;
use super::machine::Machine;
use super::measure::{MEASURES, Measure, P1, P2, P8, Unit};
use super::method;
use super::options::Options;
use super::reading::Reading;
use super::results::{Results, Scale};
use super::sample::Sample;
use super::table::{capital, nothing, short, table};
use super::target::{Goal, TARGETS, Target};
use super::verdict::{Opinion, judge};

/// Everything that there is to tell.
pub(super) struct Report<'a> {
    pub(super) options: &'a Options,
    pub(super) machine: &'a Machine,
    pub(super) contestants: &'a [Contestant],
    pub(super) results: &'a Results,
    /// Milliseconds of the starts.
    pub(super) starts: &'a [f64],
    pub(super) counts: &'a [Count],
}

impl Report<'_> {
    /// The page.
    pub(super) fn markdown(&self) -> String {
        let sections = [
            self.head(),
            self.servers(),
            self.targets(),
            self.costs(),
            self.ratios(),
            self.rates(),
            self.memory(),
            self.starts(),
            self.counts(),
            self.failures(),
            method::text(self),
        ];
        let sections: Vec<_> = sections
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        sections.join("\n")
    }

    fn head(&self) -> String {
        let machine = self.machine;
        let cores = machine.cores.len();
        format!(
            "<!-- Written by `cargo xtask bench`: run it anew instead of changing this page. -->\n\
             # Benchmarks\n\n\
             What a message costs, here and in other servers: measured in turns in one run, so that the ratios hold on \
             other machines too; the numbers themselves do not. Less is better everywhere, but for throughput.\n\n\
             - Date: {}\n- Version: {} ({})\n- Machine: {}, {cores} cores, Linux {}\n\
             - Load average before the run: {:.2} (above 0.3 something else was running)\n- Rounds: {}\n",
            machine.date,
            machine.commit,
            machine.rustc,
            machine.cpu,
            machine.kernel,
            machine.load_before,
            self.options.rounds(),
        )
    }

    fn servers(&self) -> String {
        let rows = self.contestants.iter().map(|contestant| {
            let version = match &contestant.launch {
                Ok(_) => contestant.version.clone(),
                Err(reason) => format!("absent: {reason}"),
            };
            [
                contestant.peer.name.to_owned(),
                contestant.peer.what.to_owned(),
                version,
            ]
        });
        table("## Servers", ["name", "what", "version"], rows)
    }

    fn targets(&self) -> String {
        let wanted = TARGETS
            .iter()
            .filter(|target| self.options.wants(target.row));
        let rows = wanted.map(|target| {
            let (measured, by, verdict, others) = match judge(target, self.results, self.starts) {
                Err(reason) => ("-".to_owned(), "-", reason, String::new()),
                Ok(opinions) => {
                    let others: Vec<_> = opinions.iter().skip(1).map(further).collect();
                    let first = &opinions[0];
                    let measured =
                        format!("{} ± {:.0} %", short(first.measured), first.spread * 100.0);
                    (
                        measured,
                        first.by,
                        format!("**{first}**"),
                        others.join("; "),
                    )
                }
            };
            let who = format!("{} {}", target.row, target.peer);
            [
                who,
                target.what.to_owned(),
                goal(target),
                measured,
                by.to_owned(),
                verdict,
                others,
            ]
        });
        let head = [
            "row",
            "what",
            "target, at most",
            "measured",
            "by",
            "verdict",
            "other opinions",
        ];
        table("## Targets", head, rows)
    }

    fn costs(&self) -> String {
        let title = format!(
            "## Costs\n\n{} of the server (user and kernel) for a message, a delivery or a cycle: the median of the rounds, and how \
             far the worst of them was off.",
            capital(self.results.scale().unit())
        );
        self.by_measure(&title, |measure, peer| {
            let sample = self.results.cost(measure.name, peer)?;
            Some(with_spread(&sample))
        })
    }

    fn ratios(&self) -> String {
        let title =
            format!("## Ratios\n\nThe same in parts of what {REFERENCE} cost in the same round.");
        self.by_measure(&title, |measure, peer| {
            let of = (measure.name, peer);
            let ratio = self.results.ratio(of, (measure.name, REFERENCE))?;
            Some(with_spread(&ratio))
        })
    }

    /// A table of all servers and measures, without the rows and columns that are empty.
    fn by_measure(&self, title: &str, cell: impl Fn(&Measure, &str) -> Option<String>) -> String {
        let measures: Vec<_> = MEASURES
            .iter()
            .filter(|measure| measure.unit != Unit::Memory)
            .filter(|measure| self.present().any(|peer| cell(measure, peer).is_some()))
            .collect();
        let head = ["server"].into_iter().map(str::to_owned);
        let head = head.chain(
            measures
                .iter()
                .map(|measure| format!("{} {}", measure.row, measure.name)),
        );
        let rows = self.present().map(|peer| {
            let cells = measures
                .iter()
                .map(|measure| cell(measure, peer).unwrap_or_else(nothing));
            std::iter::once(peer.to_owned())
                .chain(cells)
                .collect::<Vec<_>>()
        });
        match measures.is_empty() {
            true => String::new(),
            false => table(title, head, rows),
        }
    }

    fn rates(&self) -> String {
        let rate = |measure, peer| {
            let sample = self.results.sample(measure, peer, Reading::per_second);
            sample.map_or_else(nothing, |sample| short(sample.most() / 1000.0))
        };
        let rows = self
            .present()
            .map(|peer| [peer.to_owned(), rate(P1, peer), rate(P2, peer)]);
        let title =
            "## Throughput\n\nThousands of messages a second, in the best round, on one core.";
        match self.options.wants("P1") || self.options.wants("P2") {
            true => table(title, ["server", P1, P2], rows),
            false => String::new(),
        }
    }

    fn memory(&self) -> String {
        let rows = self.present().filter_map(|peer| {
            let kb = |figure: fn(&Reading) -> Option<f64>| {
                Some(format!(
                    "{:.1}",
                    self.results.sample(P8, peer, figure)?.median()
                ))
            };
            Some([
                peer.to_owned(),
                kb(Reading::opened_kb)?,
                kb(Reading::touched_kb)?,
            ])
        });
        let title = "## Memory\n\nKB of the server's memory for an idle connection, without what the kernel keeps for sockets.";
        table(title, ["server", "open", "after the first message"], rows)
    }

    fn starts(&self) -> String {
        let Some(sample) = Sample::of(self.starts.iter().copied()) else {
            return String::new();
        };
        format!(
            "## Start\n\nFrom before the process exists to the line that says where it listens, with two components that are \
             compiled before: {:.1} ms ({:.1} to {:.1} ms in {} starts).\n",
            sample.median(),
            sample.least(),
            sample.most(),
            sample.count()
        )
    }

    fn counts(&self) -> String {
        let rows = self.counts.iter().map(|count| {
            let count_text = format!("{:.0}", count.instructions_a_message);
            [count.measure.to_owned(), count.peer.to_owned(), count_text]
        });
        let title = "## User instructions\n\nFor a message, counted by callgrind: without the kernel's, and so not what the targets \
             are about, but the same in every run.";
        table(title, ["what", "server", "instructions"], rows)
    }

    fn failures(&self) -> String {
        let failures = self.results.failures();
        match failures {
            [] => String::new(),
            failures => format!("## Failures\n\n- {}\n", failures.join("\n- ")),
        }
    }

    /// The names of the servers that were measured.
    fn present(&self) -> impl Iterator<Item = &'static str> {
        let present = self
            .contestants
            .iter()
            .filter(|contestant| contestant.launch.is_ok());
        present.map(|contestant| contestant.peer.name)
    }

    /// Whether instructions were counted.
    pub(super) fn is_counted(&self) -> bool {
        self.results.scale() == Scale::Instructions
    }
}

fn goal(target: &Target) -> String {
    match target.goal {
        Goal::Cost { thousand, .. } => format!("{thousand} k instructions"),
        Goal::Opened(kb) | Goal::Touched(kb) => format!("{kb} KB"),
        Goal::Growth(most) => format!("{most} of the cost at 64"),
        Goal::Start(ms) => format!("{ms} ms"),
        Goal::Nothing(_) => "-".to_owned(),
    }
}

fn further(opinion: &Opinion) -> String {
    let measured = short(opinion.measured);
    format!(
        "{} says {measured} ± {:.0} %",
        opinion.by,
        opinion.spread * 100.0
    )
}

fn with_spread(sample: &Sample) -> String {
    match sample.count() {
        1 => short(sample.median()),
        _ => format!(
            "{} ± {:.0} %",
            short(sample.median()),
            sample.spread() * 100.0
        ),
    }
}

/// The peer whose cost is 1 in the table of ratios: it can do everything, and repeats well.
pub(super) const REFERENCE: &str = "fastwebsockets";

#[cfg(test)]
mod tests;
