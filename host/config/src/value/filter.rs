use super::Invalid;
use std::fmt;
use std::str::FromStr;

/// What is logged: a level, and levels for parts, such as `info,wasket::guest=debug`.
///
/// Filters on spans and fields (`target[span{field=value}]=level`) are kept as they are: only what reads the
/// log's events knows whether they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl FromStr for LogFilter {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !text.contains('[') {
            text.split(',').try_for_each(check_part)?;
        }
        Ok(Self(text.to_owned()))
    }
}

fn check_part(part: &str) -> Result<(), Invalid> {
    let (target, level) = part
        .rsplit_once('=')
        .map_or((None, part), |(target, level)| (Some(target), level));
    let known = LEVELS
        .iter()
        .any(|name| name.eq_ignore_ascii_case(level.trim()));
    match target.map(str::trim) {
        _ if !known => Err(Invalid::Filter(
            "expected off, error, warn, info, debug or trace, or target=level",
        )),
        Some(target) if target.is_empty() || target.contains(char::is_whitespace) => Err(
            Invalid::Filter("expected the target before \"=\", such as \"wasket::guest=debug\""),
        ),
        _ => Ok(()),
    }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_levels_of_parts() {
        for text in [
            "info",
            "off",
            "WARN",
            "info,wasket::guest=debug",
            "a=trace, b=off",
            "a[span{x=1}]=debug",
        ] {
            assert_eq!(
                text.parse::<LogFilter>().map(|f| f.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in [
            "",
            "inof",
            "info,",
            "wasket::guest",
            "a=",
            "=debug",
            "a b=debug",
            "a=b=c",
        ] {
            assert!(text.parse::<LogFilter>().is_err(), "{text}");
        }
    }
}
