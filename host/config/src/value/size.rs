use super::Invalid;

/// A number of bytes as it is written in settings when it is not a plain integer: a whole number and its unit,
/// `B`, `KiB`, `MiB` or `GiB`.
///
/// # Errors
/// [`Invalid::Size`] when it is anything else, or does not fit 64 bits.
pub fn parse_size(text: &str) -> Result<u64, Invalid> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(Invalid::Size(
            "expected a whole number and a unit, such as \"64KiB\" or \"1MiB\"",
        ));
    }
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "" => {
            return Err(Invalid::Size(
                "the unit is missing: \"B\", \"KiB\", \"MiB\" or \"GiB\"",
            ));
        }
        _ => {
            return Err(Invalid::Size(
                "expected the unit \"B\", \"KiB\", \"MiB\" or \"GiB\" behind a whole number",
            ));
        }
    };
    number
        .parse()
        .ok()
        .and_then(|number: u64| number.checked_mul(1 << shift))
        .ok_or(Invalid::Size("that does not fit 64 bits"))
}

/// Writes a number of bytes as [`parse_size`] reads it, in the largest unit that keeps it whole.
pub fn show_size(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_size() {
        for (text, bytes) in [
            ("0B", 0),
            ("1000B", 1000),
            ("64KiB", 65_536),
            ("1MiB", 1 << 20),
            ("2GiB", 2 << 30),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
            assert_eq!(show_size(bytes), text);
        }
        assert_eq!(show_size(1536), "1536B");
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "MiB",
            "64",
            "64 KiB",
            "64KB",
            "64kib",
            "64k",
            "-1B",
            "1.5MiB",
            "99999999999GiB",
        ] {
            assert!(matches!(parse_size(text), Err(Invalid::Size(_))), "{text}");
        }
    }
}
