use super::Invalid;
use std::time::Duration;

/// A length of time as it is written in settings: a whole number and its unit, `ms`, `s`, `m` or `h`.
///
/// # Errors
/// [`Invalid::Time`] when it is anything else, or longer than 2^64 milliseconds.
pub fn parse_time(text: &str) -> Result<Duration, Invalid> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(Invalid::Time(
            "expected a whole number and a unit, such as \"10s\" or \"100ms\"",
        ));
    }
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "" => {
            return Err(Invalid::Time(
                "the unit is missing: \"ms\", \"s\", \"m\" or \"h\"",
            ));
        }
        _ => {
            return Err(Invalid::Time(
                "expected the unit \"ms\", \"s\", \"m\" or \"h\" behind a whole number",
            ));
        }
    };
    number
        .parse()
        .ok()
        .and_then(|number: u64| number.checked_mul(milliseconds))
        .map(Duration::from_millis)
        .ok_or(Invalid::Time("that is longer than any duration"))
}

/// Writes a length of time as [`parse_time`] reads it, in the largest unit that keeps it whole.
pub fn show_time(time: Duration) -> String {
    let milliseconds = time.as_millis();
    match milliseconds {
        0 => "0s".to_owned(),
        n if n % 3_600_000 == 0 => format!("{}h", n / 3_600_000),
        n if n % 60_000 == 0 => format!("{}m", n / 60_000),
        n if n % 1000 == 0 => format!("{}s", n / 1000),
        n => format!("{n}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_duration() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("100ms", 100),
            ("10s", 10_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(
                parse_time(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
            assert_eq!(show_time(Duration::from_millis(milliseconds)), text);
        }
        assert_eq!(show_time(Duration::from_millis(90_000)), "90s");
    }

    #[test]
    fn anything_else_is_not() {
        let too_long = format!("{}h", u64::MAX);
        for text in [
            "", "s", "10", "10 s", " 10s", "10s ", "-1s", "+1s", "1.5s", "1d", "1m30s", "10S",
            "1\u{b5}s", &too_long,
        ] {
            assert!(matches!(parse_time(text), Err(Invalid::Time(_))), "{text}");
        }
    }
}
