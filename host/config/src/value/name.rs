use super::{Invalid, is_token};
use std::fmt;
use std::str::FromStr;

/// The name of a service: 1 to 64 of `a-z`, `0-9`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(String);

impl ServiceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fits = (1..=64).contains(&text.len());
        if fits
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::ServiceName(
                "expected 1 to 64 of a-z, 0-9, \"-\" and \"_\"",
            ))
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a login: 1 to 64 of `a-z`, `0-9`, `-` and `_`, but not `off`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthName(String);

impl AuthName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AuthName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.parse::<ServiceName>() {
            Ok(_) if text != "off" => Ok(Self(text.to_owned())),
            _ => Err(Invalid::AuthName(
                "expected 1 to 64 of a-z, 0-9, \"-\" and \"_\", and not \"off\"",
            )),
        }
    }
}

impl fmt::Display for AuthName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a store: 1 to 64 of `a-z`, `0-9`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreName(String);

impl StoreName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StoreName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.parse::<ServiceName>() {
            Ok(ServiceName(name)) => Ok(Self(name)),
            Err(invalid) => Err(Invalid::StoreName(invalid.expected())),
        }
    }
}

impl fmt::Display for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a subprotocol: a token (RFC 6455, section 4.1; RFC 9110, section 5.6.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subprotocol(String);

impl Subprotocol {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subprotocol {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if is_token(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::Subprotocol(
                "expected letters, digits and !#$%&'*+-.^_`|~ only",
            ))
        }
    }
}

impl fmt::Display for Subprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_names_are_plain() {
        let longest = "a".repeat(64);
        for name in ["a", "chat-with_nyan2", &longest] {
            assert_eq!(
                name.parse::<ServiceName>().map(|n| n.to_string()),
                Ok(name.to_owned())
            );
        }
        let too_long = "a".repeat(65);
        for name in ["", "Chat", "a b", "a.b", "a\n", "\u{e9}", &too_long] {
            assert!(name.parse::<ServiceName>().is_err(), "{name:?}");
        }
    }

    // hardening H17
    #[test]
    fn subprotocols_are_tokens() {
        for name in [
            "chat",
            "chat.v2",
            "graphql-transport-ws",
            "a!#$%&'*+-.^_`|~b",
        ] {
            assert_eq!(
                name.parse::<Subprotocol>().map(|n| n.to_string()),
                Ok(name.to_owned())
            );
        }
        for name in ["", "a b", "a,b", "a\r\nb", "a\0", "a/b", "\"a\"", "\u{e9}"] {
            assert!(name.parse::<Subprotocol>().is_err(), "{name:?}");
        }
    }
}
