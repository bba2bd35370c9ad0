use super::Invalid;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A host that clients may ask for, in lower case: a name or an address, maybe with a port; `*.` before a name for
/// every name below it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostName(String);

impl HostName {
    /// The host as clients send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.to_ascii_lowercase();
        if text.contains("://") {
            return Err(Invalid::Host("expected no scheme, such as \"a.example\""));
        }
        if text.contains(['/', '?', '#', '@']) {
            return Err(Invalid::Host(
                "no user, no path, no slash is part of a host",
            ));
        }
        let (host, _) = split_port(&text).map_err(Invalid::Host)?;
        check_host(host).map_err(Invalid::Host)?;
        Ok(Self(text))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A host and the port behind it, or what was expected instead.
pub(super) fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => match port.parse() {
            Ok(number) if !port.starts_with(['0', '+']) => Ok((host, Some(number))),
            _ => Err("expected a port of 1 to 65535 behind the colon"),
        },
        _ => Ok((authority, None)),
    }
}

/// Whether it is a name, one with `*.` before it, or an address; or what was expected instead.
pub(super) fn check_host(host: &str) -> Result<(), &'static str> {
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        return match address.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err("expected an IPv6 address between the brackets"),
        };
    }
    let name = host.strip_prefix("*.").unwrap_or(host);
    if !name.is_ascii() {
        Err("write the host as browsers send it, in its ASCII form (\"xn--...\")")
    } else if name.contains('*') {
        Err("\"*.\" stands at the start and for whole names, as in \"*.a.example\"")
    } else if name.is_empty()
        || name.starts_with('.')
        || !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    {
        Err("expected a host such as \"a.example\"")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity B5
    #[test]
    fn hosts_are_names_or_addresses() {
        for (text, expected) in [
            ("A.Example", "a.example"),
            ("a.example:8443", "a.example:8443"),
            ("*.a.example", "*.a.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]:4649", "[::1]:4649"),
        ] {
            let parsed = text.parse::<HostName>().map(|host| host.to_string());
            assert_eq!(parsed, Ok(expected.to_owned()));
        }
        for text in [
            "",
            "*",
            "*.",
            "*.*.a",
            "a.*",
            ":80",
            "a:",
            "a:0",
            "a:+80",
            "a:080",
            "a:65536",
            "https://a",
            "a/",
            "u@a",
            "a b",
            "::1",
            "[::g]",
            "*.[::1]",
            "a\r\nb",
            "b\u{fc}cher.example",
        ] {
            let parsed = text.parse::<HostName>();
            assert!(matches!(parsed, Err(Invalid::Host(_))), "{text:?}");
        }
    }
}
