//! What was asked for.

use super::measure::{MEASURES, Measure};
use super::peer::{PEERS, Peer};
use crate::arguments::Arguments;
use crate::host::Build;
use anyhow::{Result, bail, ensure};

/// The command line of `cargo xtask bench`.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) build: Build,
    /// Short rounds, and few: to see that everything works, not to learn figures.
    pub(super) quick: bool,
    pub(super) callgrind: bool,
    pub(super) json: bool,
    rounds: Option<usize>,
    /// Row ids; empty for all.
    only: Vec<String>,
    /// Names of peers; empty for all.
    peers: Vec<String>,
}

impl Options {
    pub(super) fn parse(mut arguments: Arguments) -> Result<Self> {
        let build = match arguments.option("--profile")?.as_deref() {
            None => super::BUILD,
            Some("dist") => Build::Dist,
            Some("release") => Build::Release,
            Some(other) => bail!("--profile takes dist or release, not `{other}`"),
        };
        let rounds = match arguments.option("--rounds")? {
            None => None,
            Some(number) => match number.parse() {
                Ok(rounds @ 1..=100) => Some(rounds),
                _ => bail!("--rounds takes a number from 1 to 100, not `{number}`"),
            },
        };
        let options = Self {
            build,
            quick: arguments.flag("--quick"),
            callgrind: arguments.flag("--callgrind"),
            json: arguments.flag("--json"),
            rounds,
            only: list(arguments.option("--only")?),
            peers: list(arguments.option("--peers")?),
        };
        arguments.finish()?;
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<()> {
        let rows: Vec<_> = MEASURES.iter().map(|measure| measure.row).collect();
        for row in &self.only {
            let is_known = rows.contains(&row.as_str()) || row == "P10";
            ensure!(
                is_known,
                "--only takes rows such as P1,P2 (there are P1 to P10), not `{row}`"
            );
        }
        let names: Vec<_> = PEERS.iter().map(|peer| peer.name).collect();
        for peer in &self.peers {
            ensure!(
                peer == "wasket" || names.contains(&peer.as_str()),
                "--peers takes wasket (native and guest) and {names:?}, not `{peer}`"
            );
        }
        Ok(())
    }

    /// Whether a row is to be measured.
    pub(super) fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == row)
    }

    /// The measures of the wanted rows.
    pub(super) fn measures(&self) -> impl Iterator<Item = &'static Measure> {
        MEASURES.iter().filter(|measure| self.wants(measure.row))
    }

    /// The peers to measure.
    pub(super) fn peers(&self) -> impl Iterator<Item = &'static Peer> {
        PEERS.iter().filter(|peer| {
            let is_named = |name: &String| name == peer.name || name == "wasket" && peer.is_ours();
            self.peers.is_empty() || self.peers.iter().any(is_named)
        })
    }

    /// How often every server has its turn.
    pub(super) fn rounds(&self) -> usize {
        let usual = if self.quick { 2 } else { ROUNDS };
        self.rounds.unwrap_or(usual)
    }

    /// The command line that asks for the same.
    pub(super) fn line(&self) -> String {
        let mut line = String::new();
        if self.build != super::BUILD {
            line += " --profile release";
        }
        for (name, is_given) in [
            ("--quick", self.quick),
            ("--callgrind", self.callgrind),
            ("--json", self.json),
        ] {
            if is_given {
                line = line + " " + name;
            }
        }
        if let Some(rounds) = self.rounds {
            line += &format!(" --rounds {rounds}");
        }
        for (name, list) in [("--only", &self.only), ("--peers", &self.peers)] {
            if !list.is_empty() {
                line += &format!(" {name} {}", list.join(","));
            }
        }
        line
    }

    /// Whether this is the run that BENCHMARKS.md is made of.
    pub(super) fn is_whole(&self) -> bool {
        let is_all = self.only.is_empty() && self.peers.is_empty();
        is_all && !self.quick && self.build == super::BUILD && self.rounds() >= ROUNDS
    }
}

fn list(words: Option<String>) -> Vec<String> {
    let words = words.unwrap_or_default();
    let words = words.split(',').map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

const ROUNDS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(Arguments::new(line.split_whitespace().map(str::to_owned)))
    }

    #[test]
    fn without_options_everything_is_measured() {
        let all = parse("").unwrap();
        assert!(all.is_whole() && all.wants("P1") && all.wants("P10"));
        assert_eq!(all.peers().count(), PEERS.len());
        assert_eq!(all.measures().count(), MEASURES.len());
        assert!(parse("--callgrind --json --rounds 7").unwrap().is_whole());
    }

    #[test]
    fn a_part_is_not_the_whole() {
        for line in [
            "--quick",
            "--only P1",
            "--peers wasket",
            "--rounds 2",
            "--profile release",
        ] {
            assert!(!parse(line).unwrap().is_whole(), "{line}");
        }
        let part = parse("--only P4,P10 --peers wasket,bun").unwrap();
        let peers: Vec<_> = part.peers().map(|peer| peer.name).collect();
        assert_eq!(peers, ["native", "guest", "bun"]);
        assert!(part.measures().all(|measure| measure.row == "P4") && part.wants("P10"));
    }

    #[test]
    fn the_report_can_say_what_was_asked_for() {
        for line in [
            "",
            " --profile release --quick --callgrind --json --rounds 3 --only P1,P2 --peers bun",
        ] {
            assert_eq!(parse(line).unwrap().line(), line);
        }
    }

    #[test]
    fn mistakes_say_what_was_expected() {
        for (line, said) in [
            ("--only P11", "P1 to P10"),
            ("--peers deno", "fastwebsockets"),
            ("--rounds 0", "1 to 100"),
            ("--profile dev", "dist or release"),
            ("P1", "help"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
    }
}
