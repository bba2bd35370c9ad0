use crate::authority::{Authority, HostPattern};

/// Which hosts a service answers for: the names that clients may have asked for. Without any, all.
///
/// What a browser is made to ask for under another name (DNS rebinding) does not get past it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<(HostPattern, Option<u16>)>);

/// This is no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host: expected `host`, `host:port` or `*.host`")]
pub struct HostError(String);

impl Hosts {
    /// From the texts of a setting: `a.example`, `a.example:8443`, `[::1]`, `*.a.example`.
    ///
    /// # Errors
    /// When one of them is no host.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, HostError> {
        let patterns = texts.iter().map(|text| {
            let text = text.as_ref();
            HostPattern::parse(text).ok_or_else(|| HostError(text.to_owned()))
        });
        patterns.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a request for `authority` (its Host) may go on. An entry without a port is about every port; one
    /// with the port that the scheme implies is also about hosts without one.
    #[must_use]
    pub fn allow(&self, authority: &str, secure: bool) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let Some(asked) = Authority::parse(authority) else {
            return false;
        };
        // Who ends TLS before us need not say so: then 443 may be what was meant.
        let implied: &[u16] = if secure { &[443] } else { &[80, 443] };
        self.0.iter().any(|(pattern, port)| {
            pattern.matches(&asked.host)
                && port.is_none_or(|port| match asked.port {
                    Some(asked) => asked == port,
                    None => implied.contains(&port),
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity B5, hardening H15
    #[test]
    fn a_host_that_is_not_listed_is_not_ours() {
        let hosts = Hosts::parse(&["Chat.Example", "*.b.example:8443", "[::1]", "c.example:443"]);
        let hosts = hosts.unwrap();
        for (authority, plain, secure) in [
            ("chat.example", true, true),
            ("CHAT.example:4649", true, true),
            ("x.b.example:8443", true, true),
            ("x.b.example", false, false),
            ("b.example:8443", false, false),
            ("[0::1]:80", true, true),
            ("c.example", true, true),
            ("c.example:80", false, false),
            ("chat.example.evil", false, false),
            ("evil-chat.example", false, false),
            ("chat.example@evil", false, false),
            ("chat.example:", false, false),
            ("127.0.0.1", false, false),
            ("", false, false),
        ] {
            assert_eq!(hosts.allow(authority, false), plain, "{authority}");
            assert_eq!(hosts.allow(authority, true), secure, "{authority}");
        }
        let plain_only = Hosts::parse(&["a:80"]).unwrap();
        assert!(plain_only.allow("a", false) && !plain_only.allow("a", true));
        assert!(Hosts::default().allow("anything at all", false));
        for wrong in ["", "*", "*.", "http://a", "a/b", "a.*"] {
            assert!(Hosts::parse(&[wrong]).is_err(), "{wrong}");
        }
    }
}
