//! The parts of what is typed that have a form of their own.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use wasket_config::parse_time;
use wasket_ws::{CloseCode, CloseFrame, Role};

/// A URL, to which `ws://` is added where it has no scheme.
pub(super) fn url(text: &str) -> Result<String, Infallible> {
    let has_scheme = match text.split_once("://") {
        Some((scheme, _)) => scheme.chars().all(|c| c.is_ascii_alphanumeric()),
        // A slash was forgotten.
        None => text.starts_with("ws:") || text.starts_with("wss:"),
    };
    Ok(match has_scheme {
        true => text.to_owned(),
        false => format!("ws://{text}"),
    })
}

/// `Name: value`, or `@FILE` for a file of such lines: what is typed other users of the machine may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Header {
    Field(Field),
    File(PathBuf),
}

impl FromStr for Header {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix('@') {
            Some("" | "-") => Err("expected the name of a file behind the @"),
            Some(file) => Ok(Self::File(file.into())),
            None => text.parse().map(Self::Field),
        }
    }
}

/// `Name: value`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: String,
}

impl FromStr for Field {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.trim().to_owned(),
            }),
            _ => Err("expected a name and a value, such as 'X-Room: lobby'"),
        }
    }
}

/// `name=value`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cookie {
    pub(super) name: String,
    pub(super) value: String,
}

impl FromStr for Cookie {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("expected a name and a value, such as session=17"),
        }
    }
}

/// What a client may close with (RFC 6455 section 7.4): `1000`, `4001:bye`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CloseWith {
    pub(super) code: u16,
    pub(super) reason: String,
}

impl FromStr for CloseWith {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (code, reason) = text.split_once(':').unwrap_or((text, ""));
        let number = code.parse().map_err(|_| CLOSE_CODES)?;
        let code = CloseCode::new(number)
            .filter(|code| code.may_be_sent_by(Role::Client))
            .ok_or(CLOSE_CODES)?;
        CloseFrame::new(code, reason).map_err(|_| "a reason has at most 123 bytes")?;
        Ok(Self {
            code: number,
            reason: reason.to_owned(),
        })
    }
}

const CLOSE_CODES: &str =
    "a client may close with 1000-1003, 1007-1010, 1012-1014 and 3000-4999, such as 4001:bye";

/// How long to wait for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    For(Duration),
    Forever,
}

impl FromStr for Patience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "forever" => Ok(Self::Forever),
            _ => parse_time(text)
                .map(Self::For)
                .map_err(|invalid| format!("{invalid}, or \"forever\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity W1
    #[test]
    fn a_url_may_have_no_scheme() {
        for (text, expected) in [
            ("wss://a", "wss://a"),
            ("http://a", "http://a"),
            ("a:4649/b?c=d", "ws://a:4649/b?c=d"),
            ("[::1]:4649", "ws://[::1]:4649"),
            ("a/b?c=http://d", "ws://a/b?c=http://d"),
            ("ws:/a", "ws:/a"),
            ("wss:a", "wss:a"),
        ] {
            assert_eq!(url(text).as_deref(), Ok(expected), "{text}");
        }
    }

    // parity W10
    #[test]
    fn a_field_has_a_name_and_a_value() {
        for (text, name, value) in [
            ("X-Room: lobby", "X-Room", "lobby"),
            ("X-Room:lobby", "X-Room", "lobby"),
            ("Time: 10:30 ", "Time", "10:30"),
            ("Empty:", "Empty", ""),
        ] {
            let field: Field = text.parse().unwrap();
            assert_eq!((&*field.name, &*field.value), (name, value), "{text}");
        }
        for text in ["", "X-Room", ": lobby"] {
            assert!(text.parse::<Field>().is_err(), "{text}");
        }
        assert_eq!("@/a:b".parse(), Ok(Header::File("/a:b".into())));
        assert!(matches!("a:b".parse(), Ok(Header::Field(_))));
        for text in ["@", "@-", "a"] {
            assert!(text.parse::<Header>().is_err(), "{text}");
        }
        let cookie: Cookie = "a=b=c".parse().unwrap();
        assert_eq!((&*cookie.name, &*cookie.value), ("a", "b=c"));
        for text in ["", "a", "=b"] {
            assert!(text.parse::<Cookie>().is_err(), "{text}");
        }
    }

    // parity W15
    #[test]
    fn what_a_client_may_not_close_with_is_refused() {
        for (text, code, reason) in [
            ("1000", 1000, ""),
            ("4001:bye: all", 4001, "bye: all"),
            ("3000:", 3000, ""),
        ] {
            let close: CloseWith = text.parse().unwrap();
            assert_eq!((close.code, &*close.reason), (code, reason), "{text}");
        }
        let long = format!("1000:{}", "x".repeat(124));
        for text in [
            "", "bye", ":bye", "999", "1005", "1006", "1011", "1015", "5000", "65536", "-1", &long,
        ] {
            assert!(text.parse::<CloseWith>().is_err(), "{text}");
        }
    }

    #[test]
    fn patience_is_a_time_or_without_end() {
        let second = Duration::from_secs(1);
        assert_eq!("1s".parse(), Ok(Patience::For(second)));
        assert_eq!("0s".parse(), Ok(Patience::For(Duration::ZERO)));
        assert_eq!("forever".parse(), Ok(Patience::Forever));
        for text in ["", "1", "ever", "-1s"] {
            assert!(text.parse::<Patience>().is_err(), "{text}");
        }
    }
}
