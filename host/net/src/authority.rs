//! A host and its port, as they stand in a Host header, in an origin and in a setting.

use std::net::Ipv6Addr;

/// A host, maybe with a port, and nothing else (RFC 3986, sections 3.2.2 and 3.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    /// In lower case; an IPv6 address in its shortest form, with its brackets.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

/// The hosts that one entry of a list is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    /// This one.
    Exact(String),
    /// Every name below this one, however deep, and not the name itself: `*.a.example`.
    Below(String),
}

impl Authority {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = split_port(text)?;
        Some(Self {
            host: canonical(host)?,
            port,
        })
    }

    /// Whether both are the same, a port that the scheme implies being as good as told.
    pub(crate) fn is(&self, other: &Self, scheme: &str) -> bool {
        let implied = match scheme {
            "ws" => default_port("http"),
            "wss" => default_port("https"),
            scheme => default_port(scheme),
        };
        self.host == other.host && self.port.or(implied) == other.port.or(implied)
    }
}

impl HostPattern {
    /// Reads `a.example`, `*.a.example`, and the same with a port behind a colon.
    pub(crate) fn parse(text: &str) -> Option<(Self, Option<u16>)> {
        let Some(parent) = text.strip_prefix("*.") else {
            let Authority { host, port } = Authority::parse(text)?;
            return Some((Self::Exact(host), port));
        };
        let Authority { host, port } = Authority::parse(parent)?;
        let name = !host.starts_with('[') && !host.starts_with('.');
        name.then_some((Self::Below(host), port))
    }

    /// `host` is one of an [`Authority`].
    pub(crate) fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(own) => own == host,
            Self::Below(parent) => host
                .strip_suffix(parent.as_str())
                .and_then(|below| below.strip_suffix('.'))
                .is_some_and(|labels| labels.split('.').all(|label| !label.is_empty())),
        }
    }
}

/// The port that a scheme implies.
pub(crate) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let plain = port.bytes().all(|byte| byte.is_ascii_digit());
            let padded = port.len() > 1 && port.starts_with('0');
            let port = (plain && !padded).then(|| port.parse().ok()).flatten()?;
            Some((host, Some(port)))
        }
        _ => Some((text, None)),
    }
}

fn canonical(host: &str) -> Option<String> {
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        let address: Ipv6Addr = address.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,;=%".contains(&byte);
    let valid = !host.is_empty() && host.bytes().all(named);
    valid.then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_and_nothing_else() {
        for (text, host, port) in [
            ("Chat.Example", "chat.example", None),
            ("a:80", "a", Some(80)),
            ("127.0.0.1:0", "127.0.0.1", Some(0)),
            ("[::1]", "[::1]", None),
            ("[0:0::0001]:65535", "[::1]", Some(65535)),
        ] {
            let parsed = Authority::parse(text).unwrap();
            assert_eq!((&*parsed.host, parsed.port), (host, port), "{text}");
        }
        for text in [
            "",
            ":80",
            "a:",
            "a:+80",
            "a:080",
            "a:65536",
            "a b",
            "a/b",
            "u@a",
            "a:1:2",
            "::1",
            "[::1",
            "::1]",
            "[::1]x",
            "[]",
            "[a]",
            "a\r\nb",
            "caf\u{e9}",
            "a#b",
            "a?b",
            "[v1.x]",
            "a\0",
        ] {
            assert_eq!(Authority::parse(text), None, "{text:?}");
        }
    }

    // hardening H15
    #[test]
    fn a_wildcard_stands_for_labels_below_a_name() {
        let (pattern, port) = HostPattern::parse("*.A.example:8443").unwrap();
        assert_eq!(port, Some(8443));
        for (host, matches) in [
            ("x.a.example", true),
            ("y.x.a.example", true),
            ("a.example", false),
            (".a.example", false),
            ("x..a.example", false),
            (".x.a.example", false),
            ("xa.example", false),
            ("x.a.example.evil", false),
            ("x.a.example.", false),
        ] {
            assert_eq!(pattern.matches(host), matches, "{host}");
        }
        for text in [
            "*", "*.", "*.[::1]", "*..a", "*.a:x", "a.*", "*a.b", "*.*.a",
        ] {
            assert_eq!(HostPattern::parse(text), None, "{text}");
        }
    }
}
