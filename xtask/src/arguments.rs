//! The command line, taken apart piece by piece.

use anyhow::{Context, Result, bail};
use std::collections::VecDeque;

/// What is left of the command line. Options may stand anywhere; what follows `--` is not looked at.
pub(crate) struct Arguments {
    left: VecDeque<String>,
    verbatim: Vec<String>,
}

impl Arguments {
    /// The arguments of this process.
    pub(crate) fn from_command_line() -> Self {
        Self::new(std::env::args().skip(1))
    }

    pub(crate) fn new(words: impl IntoIterator<Item = String>) -> Self {
        let mut words = words.into_iter();
        let left = words.by_ref().take_while(|word| word != "--").collect();
        Self {
            left,
            verbatim: words.collect(),
        }
    }

    /// Takes the next word that is no option.
    pub(crate) fn next(&mut self) -> Option<String> {
        let at = self.left.iter().position(|word| !word.starts_with('-'))?;
        self.left.remove(at)
    }

    /// Takes a switch such as `--all`; says whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.left.len();
        self.left.retain(|word| word != name);
        self.left.len() < before
    }

    /// Takes an option with a value: `--jobs 2` or `--jobs=2`. The last one counts.
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<String>> {
        let mut value = None;
        while let Some(at) = self
            .left
            .iter()
            .position(|word| word.split('=').next() == Some(name))
        {
            let word = self.left.remove(at).unwrap_or_default();
            value = match word.split_once('=') {
                Some((_, value)) => Some(value.to_owned()),
                None => Some(
                    self.left
                        .remove(at)
                        .with_context(|| format!("{name} needs a value"))?,
                ),
            };
        }
        Ok(value)
    }

    /// What stands after `--`.
    pub(crate) fn verbatim(&mut self) -> Vec<String> {
        std::mem::take(&mut self.verbatim)
    }

    /// Complains about everything that nobody took.
    pub(crate) fn finish(self) -> Result<()> {
        match self.left.front().or(self.verbatim.first()) {
            None => Ok(()),
            Some(word) => bail!("`{word}` means nothing here; see `cargo xtask help`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Arguments {
        Arguments::new(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_may_stand_anywhere() {
        let mut a = arguments("test --all name --jobs 2 -- --nocapture");
        assert_eq!(a.option("--jobs").unwrap().as_deref(), Some("2"));
        assert!(a.flag("--all") && !a.flag("--all"));
        assert_eq!(
            (a.next().as_deref(), a.next().as_deref(), a.next()),
            (Some("test"), Some("name"), None)
        );
        assert_eq!(a.verbatim(), ["--nocapture"]);
        a.finish().unwrap();
    }

    #[test]
    fn a_value_may_be_joined_and_the_last_counts() {
        let mut a = arguments("--jobs=2 --jobs 3");
        assert_eq!(a.option("--jobs").unwrap().as_deref(), Some("3"));
        assert!(arguments("--jobs").option("--jobs").is_err());
    }

    #[test]
    fn what_nobody_took_is_an_error() {
        for line in ["--wrong", "word", "-- word"] {
            let error = arguments(line).finish().unwrap_err().to_string();
            assert!(
                error.contains('`') && error.contains("help"),
                "{line}: {error}"
            );
        }
    }
}
