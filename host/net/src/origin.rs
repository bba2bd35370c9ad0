use http::uri::Authority;

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
    Listed(Vec<Origin>),
}

/// One origin of an allow list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A page without an origin of its own: sandboxed, or from a file.
    Null,
    /// Scheme, host and port.
    Exact {
        /// `https`, or `http`.
        scheme: String,
        /// In lower case.
        host: String,
        /// The scheme's own when none was given.
        port: u16,
    },
}

/// This is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin: expected `https://host`, `https://host:port`, `null` or `*`")]
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
            Origin::parse(text).ok_or_else(|| OriginError(text.to_owned()))
        });
        listed.collect::<Result<_, _>>().map(Self::Listed)
    }

    /// Whether a request for `authority` (its Host) from a page of `origin` may go on. Over our own TLS (`secure`) only
    /// `https` pages are of the host itself.
    #[must_use]
    pub fn allow(&self, origin: &[u8], authority: &str, secure: bool) -> bool {
        if *self == Self::Any {
            return true;
        }
        let Some(origin) = str::from_utf8(origin).ok().and_then(Origin::parse) else {
            return false;
        };
        match self {
            Self::Listed(listed) if listed.contains(&origin) => true,
            _ => origin.is_of(authority, secure),
        }
    }
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        if text == "null" {
            return Some(Self::Null);
        }
        let (scheme, rest) = text.split_once("://")?;
        let default_port = default_port(scheme)?;
        let (host, port) = host_and_port(rest)?;
        Some(Self::Exact {
            scheme: scheme.to_ascii_lowercase(),
            host,
            port: port.unwrap_or(default_port),
        })
    }

    /// Whether this is the origin of pages of that host. On a plain connection the scheme is not compared: behind a
    /// proxy that ends TLS, the page is `https` and we see plain HTTP.
    fn is_of(&self, authority: &str, secure: bool) -> bool {
        let Self::Exact { scheme, host, port } = self else {
            return false;
        };
        if secure && scheme != "https" {
            return false;
        }
        let Some((own_host, own_port)) = host_and_port(authority) else {
            return false;
        };
        own_host == *host && own_port.or_else(|| default_port(scheme)) == Some(*port)
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    if scheme.eq_ignore_ascii_case("https") {
        Some(443)
    } else if scheme.eq_ignore_ascii_case("http") {
        Some(80)
    } else {
        None
    }
}

/// Splits what is a host and maybe a port, and nothing else.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    if text.contains('@') {
        return None;
    }
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let port = match text.strip_prefix(host)? {
        "" => None,
        // `http` passes over what is no number behind the colon.
        rest => Some(
            rest.strip_prefix(':')
                .filter(|digits| is_port(digits))?
                .parse()
                .ok()?,
        ),
    };
    (!host.is_empty()).then(|| (host.to_ascii_lowercase(), port))
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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
    fn over_tls_the_page_of_the_host_is_https() {
        let listed = Origins::parse(&["http://a.example"]).unwrap();
        for (origins, origin, allowed) in [
            (&Origins::SameHost, "https://a.example", true),
            (&Origins::SameHost, "http://a.example", false),
            (&Origins::SameHost, "http://a.example:443", false),
            (&listed, "http://a.example", true),
            (&Origins::Any, "http://a.example", true),
        ] {
            assert_eq!(
                origins.allow(origin.as_bytes(), "a.example", true),
                allowed,
                "{origin}"
            );
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
        assert!(Origins::parse(&["app.example"]).is_err());
    }
}
