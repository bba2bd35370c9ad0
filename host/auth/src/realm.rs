use std::fmt;
use std::str::FromStr;

/// What a name and a password are asked for: 1 to 128 bytes without control characters (RFC 9110, section 11.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm(Box<str>);

/// This is no realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a realm has 1 to 128 bytes and no control characters")]
pub struct RealmError;

impl Realm {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a quoted string of a header field.
    pub(crate) fn quoted(&self) -> String {
        quoted(&self.0)
    }
}

/// Text as a quoted string (RFC 9110, section 5.6.4). It has no control characters.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

impl FromStr for Realm {
    type Err = RealmError;

    fn from_str(text: &str) -> Result<Self, RealmError> {
        if (1..=128).contains(&text.len()) && !text.chars().any(char::is_control) {
            Ok(Self(text.into()))
        } else {
            Err(RealmError)
        }
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H17
    #[test]
    fn a_realm_stays_within_its_quotes() {
        let realm: Realm = r#"a "b" \c"#.parse().unwrap();
        assert_eq!(realm.quoted(), r#""a \"b\" \\c""#);
        for wrong in ["", "a\r\nb", "a\0", "\u{85}", &"x".repeat(129)] {
            assert_eq!(wrong.parse::<Realm>(), Err(RealmError), "{wrong:?}");
        }
    }
}
