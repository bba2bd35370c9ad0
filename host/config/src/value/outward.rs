use super::Invalid;
use super::host::{check_host, split_port};
use std::fmt;
use std::str::FromStr;

/// Where components may connect to: a scheme of `ws`, `wss`, `http` and `https`, a host or `*.` before one for every name below it, perhaps a
/// port, perhaps what the path begins with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Outward(String);

impl Outward {
    /// As it was written, in lower case up to the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is for plain HTTP, and not for sessions.
    pub(crate) fn is_http(&self) -> bool {
        self.0.starts_with("http")
    }
}

impl FromStr for Outward {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(Invalid::Outward(
                "expected a scheme and a host, such as \"wss://feed.example\"",
            ));
        };
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(scheme.as_str(), "ws" | "wss" | "http" | "https") {
            return Err(Invalid::Outward(
                "expected \"wss\", \"ws\", \"https\" or \"http\" before \"://\"",
            ));
        }
        if rest.contains('@') {
            return Err(Invalid::Outward(
                "a user stands beside the URL: { url = ..., user = ..., password_file = ... }",
            ));
        }
        if rest.contains(['?', '#', '\\', '%']) || !rest.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Invalid::Outward(
                "it ends behind the host, the port or a plain path: no query, no fragment, no escapes",
            ));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(Invalid::Outward("write the path without \".\" and \"..\""));
        }
        let authority = authority.to_ascii_lowercase();
        let (host, _) = split_port(&authority).map_err(Invalid::Outward)?;
        check_host(host).map_err(Invalid::Outward)?;
        Ok(Self(format!("{scheme}://{authority}{path}")))
    }
}

impl fmt::Display for Outward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `http://`, a host, perhaps a port.
pub(crate) fn parse_proxy(text: &str) -> Result<String, Invalid> {
    let authority = text
        .strip_prefix("http://")
        .ok_or(Invalid::Proxy("expected \"http://\" and a host"))?;
    if authority.contains(['/', '@', '?', '#', '*']) {
        return Err(Invalid::Proxy(
            "it ends behind its host and port: no user, no path, no slash",
        ));
    }
    let (host, _) = split_port(authority).map_err(Invalid::Proxy)?;
    check_host(host).map_err(Invalid::Proxy)?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_kept_as_they_were_written() {
        let cases = [
            ("wss://feed.example", "wss://feed.example"),
            ("WSS://Feed.Example:8443/A/b", "wss://feed.example:8443/A/b"),
            ("ws://*.feed.example", "ws://*.feed.example"),
            ("ws://127.0.0.1:9000", "ws://127.0.0.1:9000"),
            ("ws://[::1]:9000/", "ws://[::1]:9000/"),
            ("HTTPS://Api.example/V1", "https://api.example/V1"),
            ("http://127.0.0.1:80", "http://127.0.0.1:80"),
        ];
        for (text, kept) in cases {
            assert_eq!(text.parse::<Outward>().unwrap().as_str(), kept);
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in [
            "",
            "feed.example",
            "ftp://feed.example",
            "wss://",
            "wss://*",
            "wss://a.*.example",
            "wss://u:p@feed.example",
            "wss://feed.example:0",
            "wss://feed.example/?q",
            "wss://feed.example/a b",
            "wss://feed.example/../a",
        ] {
            assert!(text.parse::<Outward>().is_err(), "{text}");
        }
        for text in ["proxy:3128", "https://proxy", "http://u@p", "http://p/"] {
            assert!(parse_proxy(text).is_err(), "{text}");
        }
        assert!(parse_proxy("http://proxy.example:3128").is_ok());
    }
}
