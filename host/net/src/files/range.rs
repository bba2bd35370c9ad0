use std::ops::Range;

/// What a `Range` field asks for (RFC 9110, section 14).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// These bytes.
    Part(Range<u64>),
    /// Nothing that is there.
    Nothing,
    /// What need not be heeded: another unit, several ranges, or what cannot be read.
    Other,
}

/// Reads the field for a file of so many bytes.
pub(super) fn read(field: &[u8], bytes: u64) -> Asked {
    let Some((unit, range)) = str::from_utf8(field).ok().and_then(|f| f.split_once('=')) else {
        return Asked::Other;
    };
    let Some((first, last)) = range.trim_matches([' ', '\t']).split_once('-') else {
        return Asked::Other;
    };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Asked::Other;
    }
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Asked::Other,
        (Some(first), _) if first >= bytes && (last.is_empty() || number(last).is_some()) => {
            Asked::Nothing
        }
        (Some(first), Some(last)) => Asked::Part(first..last.saturating_add(1).min(bytes)),
        (Some(first), None) if last.is_empty() => Asked::Part(first..bytes),
        (None, Some(count)) if first.is_empty() => match count.min(bytes) {
            0 => Asked::Nothing,
            count => Asked::Part(bytes - count..bytes),
        },
        _ => Asked::Other,
    }
}

/// Digits. What does not fit is past every file.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity H1
    #[test]
    fn ranges_are_those_of_the_rfc() {
        let cases = [
            ("bytes=0-499", 1000, Asked::Part(0..500)),
            ("bytes=500-", 1000, Asked::Part(500..1000)),
            ("bytes=-500", 1000, Asked::Part(500..1000)),
            ("bytes=0-0", 1000, Asked::Part(0..1)),
            ("bytes=-1", 1000, Asked::Part(999..1000)),
            ("Bytes= 0-1 ", 1000, Asked::Part(0..2)),
            ("bytes=900-5000", 1000, Asked::Part(900..1000)),
            ("bytes=-5000", 1000, Asked::Part(0..1000)),
            ("bytes=0-18446744073709551615", 9, Asked::Part(0..9)),
            ("bytes=0-99999999999999999999999", 9, Asked::Part(0..9)),
            ("bytes=1000-", 1000, Asked::Nothing),
            ("bytes=1000-1001", 1000, Asked::Nothing),
            ("bytes=99999999999999999999999-", 9, Asked::Nothing),
            ("bytes=-0", 1000, Asked::Nothing),
            ("bytes=0-", 0, Asked::Nothing),
            ("bytes=-1", 0, Asked::Nothing),
            ("bytes=2-1", 1000, Asked::Other),
            ("bytes=0-1,3-4", 1000, Asked::Other),
            ("bytes=-", 1000, Asked::Other),
            ("bytes=a-b", 1000, Asked::Other),
            ("bytes=0x1-2", 1000, Asked::Other),
            ("bytes=+1-2", 1000, Asked::Other),
            ("bytes=1-2x", 1000, Asked::Other),
            ("bytes=2000-x", 1000, Asked::Other),
            ("bytes=", 1000, Asked::Other),
            ("lines=0-1", 1000, Asked::Other),
            ("", 1000, Asked::Other),
        ];
        for (field, bytes, expected) in cases {
            assert_eq!(
                read(field.as_bytes(), bytes),
                expected,
                "{field} of {bytes}"
            );
        }
        assert_eq!(read(b"bytes=\xff-", 1), Asked::Other);
    }

    proptest::proptest! {
        // parity H1
        #[test]
        fn a_range_is_within_the_file(field in "bytes=[0-9]{0,21}-[0-9]{0,21}", bytes: u64) {
            if let Asked::Part(range) = read(field.as_bytes(), bytes) {
                proptest::prop_assert!(range.start < range.end && range.end <= bytes);
            }
        }
    }
}
