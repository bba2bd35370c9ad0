//! Where to: a checked URL.

use std::fmt;

use http::HeaderValue;
use percent_encoding::percent_decode_str;
use url::{Host, Position, Url};

use crate::{Credentials, Mistake};

/// A `ws` or `wss` URL of which every part was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) secure: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// Path and query: the request target (RFC 9112 section 3.2.1).
    pub(crate) path: String,
    url: Url,
}

impl Target {
    /// Reads a URL, and takes the name and password that stand in it.
    pub(crate) fn parse(text: &str) -> Result<(Self, Option<Credentials>), Mistake> {
        let url = read(text, &["ws", "wss"], "is not `ws` or `wss`")?;
        let credentials = credentials(&url)?;
        Ok((Self::of(url)?, credentials))
    }

    /// Where a `Location` leads from here (RFC 9110 section 10.2.2); `http` and `https` mean `ws` and `wss`. What it
    /// says of users and fragments counts for nothing.
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, &'static str> {
        if location.chars().any(is_unsafe) {
            return Err("leads to what is no URL");
        }
        let mut url = self
            .url
            .join(location)
            .map_err(|_| "leads to what is no URL")?;
        let scheme = match url.scheme() {
            "http" | "ws" => "ws",
            "https" | "wss" => "wss",
            _ => return Err("leads to another scheme than ws, wss, http or https"),
        };
        let changed = url.set_scheme(scheme).is_ok()
            && url.set_username("").is_ok()
            && url.set_password(None).is_ok();
        url.set_fragment(None);
        match Self::of(url) {
            Ok(to) if changed && self.secure && !to.secure => {
                Err("leads from wss to ws, which would give up TLS")
            }
            Ok(to) if changed => Ok(to),
            _ => Err("leads to what is no URL"),
        }
    }

    /// The same scheme, host and port (RFC 6454 section 5).
    pub(crate) fn is_same_origin(&self, other: &Self) -> bool {
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
    }

    /// The value of `Host`: without the port that the scheme has anyway.
    pub(crate) fn host_field(&self) -> Option<HeaderValue> {
        let text = match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        };
        HeaderValue::from_str(&text).ok()
    }

    /// Host and port, as CONNECT wants them (RFC 9110 section 9.3.6).
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn of(mut url: Url) -> Result<Self, Mistake> {
        let shown = shown(&url);
        let mistake = |part, what| Mistake::Url {
            url: shown.clone(),
            part,
            what,
        };
        let secure = matches!(url.scheme(), "wss" | "https");
        let host = url.host().map(|host| host.to_owned());
        let host = host.ok_or_else(|| mistake("host", "is missing"))?;
        let port = url.port_or_known_default().filter(|port| *port > 0);
        let port = port.ok_or_else(|| mistake("port", "is not one of 1 to 65535"))?;
        // Kept apart from here on, and shown to nobody.
        let bare = url.set_username("").is_ok() && url.set_password(None).is_ok();
        if !bare {
            return Err(mistake("user", "cannot stand there"));
        }
        Ok(Self {
            secure,
            host,
            port,
            path: url[Position::BeforePath..Position::AfterQuery].to_owned(),
            url,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// An HTTP proxy: a host, a port, and who we are there.
#[derive(Clone, Debug)]
pub(crate) struct ProxyTarget {
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) credentials: Option<Credentials>,
}

impl ProxyTarget {
    pub(crate) fn parse(text: &str) -> Result<Self, Mistake> {
        Self::read(text).map_err(|mistake| Mistake::Proxy(Box::new(mistake)))
    }

    fn read(text: &str) -> Result<Self, Mistake> {
        let url = read(
            text,
            &["http"],
            "is not `http`, the only way to speak to a proxy here",
        )?;
        let credentials = credentials(&url)?;
        let target = Target::of(url)?;
        Ok(Self {
            host: target.host,
            port: target.port,
            credentials,
        })
    }
}

impl fmt::Display for ProxyTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// `url` alone would pass over line breaks, and take a scheme without slashes.
fn read(text: &str, schemes: &[&str], not_scheme: &'static str) -> Result<Url, Mistake> {
    let url = Url::parse(text).map_err(|error| (None, error));
    let shown = match &url {
        Ok(url) if url.has_host() => shown(url),
        // `ada:secret@host` is a URL, too: of the scheme `ada`.
        _ => before_user(text),
    };
    let mistake = |part, what| Mistake::Url {
        url: shown.clone(),
        part,
        what,
    };
    if text.chars().any(is_unsafe) {
        return Err(mistake("text", "has spaces or control characters"));
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    if !scheme.is_some_and(|scheme| schemes.iter().any(|it| scheme.eq_ignore_ascii_case(it))) {
        return Err(mistake("scheme", not_scheme));
    }
    let url = url.map_err(|(_, error): (Option<()>, _)| match error {
        url::ParseError::InvalidPort => mistake("port", "is not one of 1 to 65535"),
        url::ParseError::EmptyHost => mistake("host", "is missing"),
        _ => mistake("host", "is neither a name nor an address"),
    })?;
    if url.fragment().is_some() {
        return Err(mistake("fragment", "cannot be sent; write # as %23"));
    }
    Ok(url)
}

fn is_unsafe(c: char) -> bool {
    c.is_control() || c.is_whitespace()
}

/// What the URL says of who we are.
fn credentials(url: &Url) -> Result<Option<Credentials>, Mistake> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let plain = |text: &str| {
        percent_decode_str(text)
            .decode_utf8()
            .ok()
            .map(String::from)
    };
    let name = plain(url.username());
    let password = plain(url.password().unwrap_or_default());
    match (name, password) {
        (Some(name), Some(password)) => Credentials::new(&name, &password).map(Some),
        _ => Err(Mistake::Credentials),
    }
}

/// A URL as it may be shown.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // A URL that cannot have a password has none to hide.
    let _ = url.set_password(None);
    url.to_string()
}

/// The same of text that is no URL: nothing of what may be a password.
fn before_user(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://...@{rest}"),
        (None, Some((_, rest))) => format!("...@{rest}"),
        _ => text.to_owned(),
    }
    .escape_debug()
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Target {
        Target::parse(text).unwrap().0
    }

    // parity W1
    #[test]
    fn urls_are_read_part_by_part() {
        for (text, secure, authority, path, host) in [
            (
                "ws://example.com",
                false,
                "example.com:80",
                "/",
                "example.com",
            ),
            (
                "wss://example.com/a?b=c",
                true,
                "example.com:443",
                "/a?b=c",
                "example.com",
            ),
            (
                "WSS://Example.COM:443/",
                true,
                "example.com:443",
                "/",
                "example.com",
            ),
            (
                "ws://example.com:8080?x",
                false,
                "example.com:8080",
                "/?x",
                "example.com:8080",
            ),
            ("ws://[::1]:9/%20", false, "[::1]:9", "/%20", "[::1]:9"),
            (
                "ws://b\u{fc}cher.example/\u{e9}",
                false,
                "xn--bcher-kva.example:80",
                "/%C3%A9",
                "xn--bcher-kva.example",
            ),
            ("ws://127.1", false, "127.0.0.1:80", "/", "127.0.0.1"),
        ] {
            let target = parse(text);
            assert_eq!(target.secure, secure, "{text}");
            assert_eq!(target.authority(), authority, "{text}");
            assert_eq!(target.path, path, "{text}");
            assert_eq!(target.host_field().unwrap(), host, "{text}");
        }
    }

    // parity W1
    #[test]
    fn a_mistake_names_the_part() {
        for (text, part) in [
            ("http://example.com", "scheme"),
            ("example.com", "scheme"),
            ("ws:example.com", "scheme"),
            ("", "scheme"),
            ("ws://", "host"),
            ("ws://:80/", "host"),
            ("ws://a b/", "text"),
            ("ws://exa%mple/", "host"),
            ("ws://example.com:99999/", "port"),
            ("ws://example.com:x/", "port"),
            ("ws://example.com:0/", "port"),
            ("ws://example.com/#a", "fragment"),
            ("ws://example.com/#", "fragment"),
            ("ws://u:geheim@example.com:x/", "port"),
            ("ws://u:geheim@example.com/#x", "fragment"),
            ("u:geheim@example.com:3128", "scheme"),
            ("ws:u:geheim@example.com", "scheme"),
            ("mailto:u:geheim@example.com", "scheme"),
        ] {
            let mistake = Target::parse(text).unwrap_err();
            assert!(
                matches!(&mistake, Mistake::Url { part: named, .. } if *named == part),
                "{text}: {mistake}"
            );
            assert!(!mistake.to_string().contains("geheim"), "{mistake}");
            assert!(!mistake.to_string().contains('\n'), "{mistake}");
        }
    }

    // hardening H17
    #[test]
    fn nothing_that_breaks_a_line_is_in_a_url() {
        for c in ['\r', '\n', '\0', '\t', ' ', '\u{85}', '\u{2028}'] {
            for text in [
                format!("ws://example.com/{c}x"),
                format!("ws://exam{c}ple.com/"),
                format!("{c}ws://example.com/"),
                format!("ws://example.com/?a={c}"),
            ] {
                assert!(Target::parse(&text).is_err(), "{text:?}");
            }
            let location = format!("ws://example.com/{c}x");
            assert!(parse("ws://a/").redirected(&location).is_err(), "{c:?}");
        }
    }

    #[test]
    fn a_url_may_say_who_we_are() {
        let (target, credentials) = Target::parse("ws://ada:p%40ss@example.com/").unwrap();
        assert_eq!(credentials, Some(Credentials::new("ada", "p@ss").unwrap()));
        assert_eq!(target.to_string(), "ws://example.com/");
        assert_eq!(
            Target::parse("ws://a%0a:b@example.com/").unwrap_err(),
            Mistake::Credentials
        );
    }

    // parity W5
    #[test]
    fn a_redirect_never_gives_up_tls() {
        for (from, location, to) in [
            ("ws://a.example/x/y", "z?q", Some("ws://a.example/x/z?q")),
            ("ws://a.example/x", "/z", Some("ws://a.example/z")),
            (
                "ws://a.example/x",
                "https://b.example/",
                Some("wss://b.example/"),
            ),
            (
                "ws://a.example/x",
                "wss://b.example:1/",
                Some("wss://b.example:1/"),
            ),
            (
                "wss://a.example/x",
                "//b.example/",
                Some("wss://b.example/"),
            ),
            (
                "ws://a.example/",
                "http://u:p@b.example/#f",
                Some("ws://b.example/"),
            ),
            ("wss://a.example/x", "http://a.example/", None),
            ("wss://a.example/x", "ws://a.example/", None),
            ("ws://a.example/x", "ftp://a.example/", None),
            ("ws://a.example/x", "http://", None),
        ] {
            let found = parse(from).redirected(location).ok();
            let found = found.map(|target| target.to_string());
            assert_eq!(found.as_deref(), to, "{from} {location}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let here = parse("wss://a.example/x");
        for (other, same) in [
            ("wss://a.example:443/y?z", true),
            ("wss://A.example/", true),
            ("ws://a.example:443/", false),
            ("wss://a.example:444/", false),
            ("wss://b.a.example/", false),
        ] {
            assert_eq!(here.is_same_origin(&parse(other)), same, "{other}");
        }
    }

    // parity W12
    #[test]
    fn a_proxy_is_spoken_to_in_http() {
        let proxy = ProxyTarget::parse("http://ada:secret@proxy.example:3128").unwrap();
        assert_eq!(proxy.to_string(), "proxy.example:3128");
        assert!(proxy.credentials.is_some());
        assert_eq!(ProxyTarget::parse("http://proxy.example").unwrap().port, 80);
        for text in ["https://p", "socks5://p", "p:3128", "http://p#x"] {
            assert!(
                matches!(ProxyTarget::parse(text), Err(Mistake::Proxy(_))),
                "{text}"
            );
        }
    }
}
