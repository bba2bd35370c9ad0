use crate::authority::{Authority, HostPattern, default_port};

/// Which origins may open sessions of a service (RFC 6455, section 10.2). A request without an `Origin`
/// does not come from a page and is always allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// The origin must name the host that was asked: the default.
    #[default]
    SameHost,
    /// Any.
    Any,
    /// Those listed, besides the host itself.
    Listed(Vec<OriginPattern>),
}

/// One entry of an allow list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPattern(Pattern);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// A page without an origin of its own: sandboxed, or from a file.
    Null,
    /// Scheme, host and port.
    Page {
        scheme: String,
        host: HostPattern,
        port: u16,
    },
}

/// What a request says where it comes from (RFC 6454, section 7).
enum Origin {
    Null,
    Page {
        /// `https`, or `http`.
        scheme: String,
        host: String,
        /// The scheme's own when none was given.
        port: u16,
    },
}

/// This is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no origin: expected `https://host`, `https://host:port`, `https://*.host`, `null` or `*`"
)]
pub struct OriginError(String);

impl Origins {
    /// From the texts of a setting: none means the host itself, `*` means any.
    ///
    /// # Errors
    /// When one of them is no origin.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, OriginError> {
        if texts.is_empty() {
            return Ok(Self::SameHost);
        }
        if texts.iter().any(|text| text.as_ref() == "*") {
            return Ok(Self::Any);
        }
        let listed = texts.iter().map(|text| {
            let text = text.as_ref();
            Pattern::parse(text)
                .map(OriginPattern)
                .ok_or_else(|| OriginError(text.to_owned()))
        });
        listed.collect::<Result<_, _>>().map(Self::Listed)
    }

    /// Whether a request for `authority` (its Host) from a page of `origin` may go on. `secure`: the client is
    /// known to use TLS. Where it is not, somebody before us may have ended it.
    #[must_use]
    pub fn allow(&self, origin: &[u8], authority: &str, secure: bool) -> bool {
        if *self == Self::Any {
            return true;
        }
        let Some(origin) = str::from_utf8(origin).ok().and_then(Origin::parse) else {
            return false;
        };
        match self {
            Self::Listed(listed) if listed.iter().any(|entry| entry.0.matches(&origin)) => true,
            _ => origin.is_of(authority, secure),
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        if text == "null" {
            return Some(Self::Null);
        }
        let (scheme, rest) = split_scheme(text)?;
        let (host, port) = HostPattern::parse(rest)?;
        Some(Self::Page {
            port: port.or_else(|| default_port(&scheme))?,
            scheme,
            host,
        })
    }

    fn matches(&self, origin: &Origin) -> bool {
        match (self, origin) {
            (Self::Null, Origin::Null) => true,
            (
                Self::Page {
                    scheme: own_scheme,
                    host: pattern,
                    port: own_port,
                },
                Origin::Page { scheme, host, port },
            ) => own_scheme == scheme && own_port == port && pattern.matches(host),
            _ => false,
        }
    }
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        if text == "null" {
            return Some(Self::Null);
        }
        let (scheme, rest) = split_scheme(text)?;
        let Authority { host, port } = Authority::parse(rest)?;
        Some(Self::Page {
            port: port.or_else(|| default_port(&scheme))?,
            scheme,
            host,
        })
    }

    /// Whether this is the origin of pages of that host. Where TLS is not known of, the scheme is not compared:
    /// behind a proxy that ends it, the page is `https` and we see plain HTTP.
    fn is_of(&self, authority: &str, secure: bool) -> bool {
        let (Self::Page { scheme, host, port }, Some(own)) = (self, Authority::parse(authority))
        else {
            return false;
        };
        own.host == *host
            && own.port.or_else(|| default_port(scheme)) == Some(*port)
            && (!secure || scheme == "https")
    }
}

/// The scheme in lower case, and what is behind it.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    default_port(&scheme)?;
    Some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H15
    #[test]
    fn without_a_list_the_origin_must_name_the_host() {
        let cases = [
            ("http://chat.example", "chat.example", true),
            ("http://Chat.Example", "chat.example:80", true),
            ("https://chat.example", "chat.example", true),
            ("https://chat.example", "chat.example:443", true),
            ("http://127.0.0.1:4649", "127.0.0.1:4649", true),
            ("http://[::1]:4649", "[::1]:4649", true),
            ("http://chat.example:81", "chat.example", false),
            ("http://chat.example", "chat.example:4649", false),
            ("http://chat.example.evil", "chat.example", false),
            ("http://evil-chat.example", "chat.example", false),
            ("http://chat.example@evil", "evil", false),
            ("http://chat.example/", "chat.example", false),
            ("ftp://chat.example", "chat.example", false),
            ("null", "chat.example", false),
            ("", "chat.example", false),
            ("http://a:!0", "a", false),
            ("http://a:", "a", false),
            ("http://a:+80", "a", false),
            ("http://a:65536", "a", false),
            ("http://a", "a:!0", false),
            ("http://", "", false),
            ("http://chat.example", "", false),
        ];
        for (origin, authority, allowed) in cases {
            assert_eq!(
                Origins::SameHost.allow(origin.as_bytes(), authority, false),
                allowed,
                "{origin} at {authority}"
            );
        }
        assert!(!Origins::SameHost.allow(b"http://\xff", "chat.example", false));
    }

    // hardening H15
    #[test]
    fn under_tls_a_plain_page_is_foreign() {
        for (origin, allowed) in [
            ("https://chat.example", true),
            ("https://chat.example:443", true),
            ("http://chat.example", false),
            ("http://chat.example:443", false),
        ] {
            let allow = |authority| Origins::SameHost.allow(origin.as_bytes(), authority, true);
            assert_eq!(allow("chat.example"), allowed, "{origin}");
            assert_eq!(allow("chat.example:443"), allowed, "{origin}");
        }
        let listed = Origins::parse(&["http://a.example"]).unwrap();
        assert!(listed.allow(b"http://a.example", "a.example", true));
    }

    // hardening H15, parity B5
    #[test]
    fn a_wildcard_has_a_scheme_and_a_port() {
        let origins = Origins::parse(&["https://*.app.example", "http://*.b:81"]).unwrap();
        for (origin, allowed) in [
            ("https://a.app.example", true),
            ("https://b.a.App.Example:443", true),
            ("https://app.example", false),
            ("http://a.app.example", false),
            ("https://a.app.example:8443", false),
            ("https://evilapp.example", false),
            ("https://a.app.example.evil", false),
            ("https://a.app.example@evil", false),
            ("https://.app.example", false),
            ("https://a..app.example", false),
            ("https://*.app.example", false),
            ("http://a.b:81", true),
            ("http://a.b", false),
            ("null", false),
        ] {
            let allow = origins.allow(origin.as_bytes(), "own.example", false);
            assert_eq!(allow, allowed, "{origin}");
        }
    }

    // hardening H15, parity B5
    #[test]
    fn a_list_adds_to_the_host_itself() {
        let origins = Origins::parse(&["https://app.example:8443", "null"]).unwrap();
        for (origin, allowed) in [
            ("https://app.example:8443", true),
            ("https://APP.example:8443", true),
            ("null", true),
            ("http://own.example", true),
            ("http://app.example:8443", false),
            ("https://app.example", false),
            ("https://app.example:8443.evil", false),
        ] {
            assert_eq!(
                origins.allow(origin.as_bytes(), "own.example", false),
                allowed,
                "{origin}"
            );
        }
        assert!(Origins::parse(&["*"]).unwrap().allow(b"null", "x", false));
        for wrong in [
            "app.example",
            "https://*",
            "https://a.*",
            "wss://a",
            "https://a/",
        ] {
            assert!(Origins::parse(&[wrong]).is_err(), "{wrong}");
        }
    }
}
