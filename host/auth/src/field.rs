//! The parameters of a header field: `name=token` and `name="quoted string"`, with commas between (RFC 9110,
//! sections 5.6 and 11.2).

use std::borrow::Cow;

/// Parameters in their order; `None` when the text breaks the grammar, has a name twice or more than
/// [`PARAMETERS_MAX`] of them.
pub(crate) fn parameters(text: &str) -> Option<Vec<(&str, Cow<'_, str>)>> {
    let mut parameters: Vec<(&str, Cow<'_, str>)> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(parameters);
        }
        let (name, after) = token(rest)?;
        let after = spaces(after).strip_prefix('=')?;
        let (value, after) = value(spaces(after))?;
        let known = |(other, _): &(&str, _)| other.eq_ignore_ascii_case(name);
        if parameters.len() == PARAMETERS_MAX || parameters.iter().any(known) {
            return None;
        }
        parameters.push((name, value));
        rest = spaces(after);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

/// Parameters of one field. Digest has eleven.
pub(crate) const PARAMETERS_MAX: usize = 32;

pub(crate) fn spaces(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

pub(crate) fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    match text.strip_prefix('"') {
        Some(inner) => quoted(inner),
        None => token(text).map(|(token, rest)| (Cow::Borrowed(token), rest)),
    }
}

pub(crate) fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let end = text.bytes().position(|b| !is_token(b));
    let (token, rest) = text.split_at(end.unwrap_or(text.len()));
    (!token.is_empty()).then_some((token, rest))
}

/// What stands behind an opening quote, unescaped, and what follows the closing one.
fn quoted(inner: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if byte != b'\t' && byte.is_ascii_control() => return None,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => {
                let (text, rest) = inner.split_at(at);
                return Some((unescaped(text), rest.get(1..)?));
            }
            _ => {}
        }
    }
    None
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_are_tokens_or_quoted() {
        let pairs = |text| {
            let parameters = parameters(text)?;
            let pairs = parameters
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            Some(pairs.collect::<Vec<_>>().join(";"))
        };
        for (text, expected) in [
            ("", Some("")),
            ("a=b", Some("a=b")),
            ("a = \"b\" ,c=d", Some("a=b;c=d")),
            (",, a=b,,\tc=\"\",", Some("a=b;c=")),
            (r#"a="b \"c\" \\ d, e=f""#, Some(r#"a=b "c" \ d, e=f"#)),
            ("a=\"\u{e9}\\\u{e9}\"", Some("a=\u{e9}\u{e9}")),
            ("a", None),
            ("a=", None),
            ("=b", None),
            ("a=b c=d", None),
            ("a=\"b", None),
            ("a=\"b\\\"", None),
            ("a=\"b\"c", None),
            ("a=b, A=c", None),
            ("a=\"\u{7f}\"", None),
            ("a=\"\\\n\"", None),
        ] {
            assert_eq!(pairs(text).as_deref(), expected, "{text:?}");
        }
    }

    // hardening H7
    #[test]
    fn parameters_are_bounded_in_number() {
        let many = |n: usize| (0..n).map(|n| format!("p{n}=v,")).collect::<String>();
        assert!(parameters(&many(PARAMETERS_MAX)).is_some());
        assert!(parameters(&many(PARAMETERS_MAX + 1)).is_none());
    }

    proptest! {
        #[test]
        fn what_was_quoted_reads_as_it_was(value in "[^\\x00-\\x08\\x0a-\\x1f\\x7f]*", more in "[a-z]*") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("v=\"{escaped}\", w=\"{more}\"");
            let parameters = parameters(&text).unwrap();
            prop_assert_eq!(&parameters[0].1, &value);
            prop_assert_eq!(&parameters[1].1, &more);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = parameters(&text);
        }
    }
}
