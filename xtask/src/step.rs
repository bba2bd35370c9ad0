//! Running other programs: each is shown before it starts and named when it fails.

use crate::tree;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// A program to be run, at first in the root of the repository.
pub(crate) struct Step {
    command: Command,
}

impl Step {
    /// A program with its arguments.
    pub(crate) fn new<A: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(tree::root());
        Self { command }
    }

    /// The cargo that runs this program.
    pub(crate) fn cargo(line: &str) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(cargo, line.split_whitespace())
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Runs it in this folder.
    pub(crate) fn within(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it; its output goes to the terminal.
    pub(crate) fn run(self) -> Result<()> {
        if self.succeeds()? {
            Ok(())
        } else {
            bail!("that failed")
        }
    }

    /// Runs it; says whether it ended well.
    pub(crate) fn succeeds(mut self) -> Result<bool> {
        let line = self.show();
        let status = self
            .command
            .status()
            .with_context(|| format!("running {line}"))?;
        Ok(status.success())
    }

    /// Runs it without showing it and returns what it printed.
    pub(crate) fn output(mut self) -> Result<String> {
        let line = self.line();
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("running {line}"))?;
        if !output.status.success() {
            bail!("`{line}` failed");
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it and hands every line of its standard output to `each` while it also goes to the terminal; says
    /// whether it ended well.
    pub(crate) fn each_line(mut self, mut each: impl FnMut(&str)) -> Result<bool> {
        let line = self.show();
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("running {line}"))?;
        if let Some(output) = child.stdout.take() {
            for text in BufReader::new(output).split(b'\n') {
                let text = text.with_context(|| format!("reading the output of {line}"))?;
                let text = String::from_utf8_lossy(&text);
                println!("{text}");
                each(&text);
            }
        }
        let status = child.wait().with_context(|| format!("running {line}"))?;
        Ok(status.success())
    }

    /// The command itself, for those who wait for it in their own way.
    pub(crate) fn into_command(self) -> Command {
        self.show();
        self.command
    }

    fn show(&self) -> String {
        let line = self.line();
        let folder = self.command.get_current_dir().unwrap_or(Path::new("."));
        match folder.strip_prefix(tree::root()) {
            Ok(below) if !below.as_os_str().is_empty() => {
                eprintln!("$ (cd {} && {line})", below.display());
            }
            _ => eprintln!("$ {line}"),
        }
        line
    }

    /// The command as one would type it, paths shortened to the root of the repository.
    fn line(&self) -> String {
        let root = format!("{}/", tree::root().display());
        let program = Path::new(self.command.get_program())
            .file_name()
            .unwrap_or_default();
        let words = std::iter::once(program).chain(self.command.get_args());
        words
            .map(|word| word.to_string_lossy().replace(&root, ""))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Counts of checks, read from the lines that test programs end with.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Checks that held.
    pub(crate) passed: u64,
    /// Checks that did not hold, and programs that ended badly without saying why.
    pub(crate) failed: u64,
}

impl Tally {
    /// Adds what a line says: libtest's `test result: ...`, or our own `N passed, M failed`. Others change nothing.
    pub(crate) fn read(&mut self, line: &str) {
        let counted = line.contains("test result: ") || line.ends_with(" failed");
        if let (true, Some(passed), Some(failed)) =
            (counted, before(line, " passed"), before(line, " failed"))
        {
            self.passed += passed;
            self.failed += failed;
        }
    }

    /// Runs a step and adds what it counted.
    pub(crate) fn run(&mut self, step: Step) -> Result<()> {
        let before = self.failed;
        if !step.each_line(|line| self.read(line))? && self.failed == before {
            self.failed += 1; // it did not compile, or died
        }
        Ok(())
    }

    /// Adds one check, and says so as the scripts do.
    pub(crate) fn check(&mut self, name: &str, holds: bool) {
        if holds {
            println!("ok      {name}");
            self.passed += 1;
        } else {
            println!("FAILED  {name}");
            self.failed += 1;
        }
    }

    /// Prints `N passed, M failed`; an error unless all passed.
    pub(crate) fn conclude(self) -> Result<()> {
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed > 0 || self.passed == 0 {
            bail!("not everything passed")
        } else {
            Ok(())
        }
    }
}

/// The number that stands before a word.
fn before(line: &str, word: &str) -> Option<u64> {
    let (head, _) = line.split_once(word)?;
    head.rsplit(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_reads_summary_lines_and_no_others() {
        let cases = [
            (
                "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s",
                (12, 0),
            ),
            (
                "test result: \u{1b}[31mFAILED\u{1b}[0m. 2 passed; 3 failed; 0 ignored",
                (2, 3),
            ),
            ("17 passed, 1 failed", (17, 1)),
            ("ok      echo: 3 passed through", (0, 0)),
            ("test x ... ok", (0, 0)),
            ("", (0, 0)),
        ];
        for (line, (passed, failed)) in cases {
            let mut tally = Tally::default();
            tally.read(line);
            assert_eq!(tally, Tally { passed, failed }, "{line}");
        }
    }
}
