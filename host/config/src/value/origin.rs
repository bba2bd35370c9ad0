use super::Invalid;
use super::host::{check_host, split_port};
use std::fmt;
use std::str::FromStr;

/// A web origin as browsers write it in the Origin header (RFC 6454, section 6.2), in lower case and without
/// the port that its scheme implies; `*.` before the host for every name below it; or `null`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// The origin as a browser sends it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "null" {
            return Ok(Self(text.to_owned()));
        }
        let text = text.to_ascii_lowercase();
        let Some((scheme, authority)) = text.split_once("://") else {
            return Err(Invalid::Origin(
                "expected a scheme and a host, such as \"https://a.example\"",
            ));
        };
        if !matches!(scheme, "http" | "https") {
            return Err(Invalid::Origin(
                "expected \"https\" or \"http\" before \"://\"",
            ));
        }
        if authority.contains(['/', '?', '#', '@']) {
            return Err(Invalid::Origin(
                "an origin ends behind its host and port: no user, no path, no slash",
            ));
        }
        let (host, port) = split_port(authority).map_err(Invalid::Origin)?;
        check_host(host).map_err(Invalid::Origin)?;
        let implied = matches!((scheme, port), ("http", Some(80)) | ("https", Some(443)));
        Ok(Self(match port {
            Some(port) if !implied => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        }))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_kept_as_browsers_send_them() {
        let cases = [
            ("https://a.example", "https://a.example"),
            ("HTTPS://A.Example", "https://a.example"),
            ("https://a.example:443", "https://a.example"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://127.0.0.1:443", "http://127.0.0.1:443"),
            ("http://[::1]", "http://[::1]"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://*.A.example:443", "https://*.a.example"),
            ("null", "null"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                text.parse::<Origin>().map(|o| o.to_string()),
                Ok(expected.to_owned()),
                "{text}"
            );
        }
    }

    // hardening H17
    #[test]
    fn anything_else_is_not_an_origin() {
        let wrong = [
            "",
            "*",
            "a.example",
            "//a.example",
            "://a",
            "https://",
            "https://a.example/",
            "https://a.example/chat",
            "https://user@a.example",
            "https://a.example:",
            "https://a.example:0",
            "https://a.example:65536",
            "https://*",
            "https://*.",
            "https://a.*.example",
            "https://*a.example",
            "https://*.*.example",
            "https://*.[::1]",
            "https://b\u{fc}cher.example",
            "https://a b",
            "https://a\r\nb",
            "https://[::g]",
            "https://[::1",
            "1https://a",
            "wss://a.example",
            "chrome-extension://abcdef",
            "https://a.example?x",
            "NULL",
        ];
        for text in wrong {
            assert!(
                matches!(text.parse::<Origin>(), Err(Invalid::Origin(_))),
                "{text:?}"
            );
        }
    }
}
