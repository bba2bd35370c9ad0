//! One entry of what a service may connect to.

use std::fmt;
use std::net::SocketAddr;

use url::{Host, Position, Url};
use wasket_client::{Connect, Mistake, Tls};

use super::address::is_public;

/// Where to a service's guests may connect, and as whom: a scheme, a host or all names below one, a port, and what the
/// path begins with.
#[derive(Clone)]
pub struct Grant {
    scheme: Scheme,
    host: Pattern,
    port: u16,
    /// Ends with no slash; the path itself, or what follows it behind one.
    path: String,
    user: Option<(String, String)>,
    proxy: Option<String>,
    tls: Tls,
    private: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Ws,
    Wss,
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Host(Host),
    /// Every name below this one, which begins with a dot.
    Below(String),
}

/// Why an entry grants nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotGrantable(String);

impl Grant {
    /// The entry of a URL such as `wss://feed.example.com`, `wss://*.example.com:8443`, `ws://127.0.0.1:9000/feed` or
    /// `https://api.example.com/v1`. A path covers what is below it, too. A scheme covers no other.
    ///
    /// # Errors
    /// When it is no URL of `ws`, `wss`, `http` or `https`, or has a user, a query or a fragment.
    pub fn new(url: &str) -> Result<Self, NotGrantable> {
        let wrong = |what: &str| NotGrantable(what.to_owned());
        let (text, below) = match url.split_once("://*.") {
            Some((scheme, rest)) => (format!("{scheme}://{rest}"), true),
            None => (url.to_owned(), false),
        };
        let url = Url::parse(&text).map_err(|error| NotGrantable(error.to_string()))?;
        let scheme = Scheme::of(&url)
            .ok_or_else(|| wrong("the scheme is not `ws`, `wss`, `http` or `https`"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("a user does not stand in the URL"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("a query or a fragment does not stand here"));
        }
        let host = url.host().ok_or_else(|| wrong("the host is missing"))?;
        if matches!(host, Host::Domain(name) if name.contains('*')) {
            return Err(wrong("`*.` stands before a whole name"));
        }
        let host = match (host, below) {
            (Host::Domain(name), true) => Pattern::Below(format!(".{name}")),
            (_, true) => return Err(wrong("an address has no names below it")),
            (host, false) => Pattern::Host(host.to_owned()),
        };
        let port = url.port_or_known_default().filter(|port| *port > 0);
        Ok(Self {
            scheme,
            host,
            port: port.ok_or_else(|| wrong("the port is not one of 1 to 65535"))?,
            path: url.path().trim_end_matches('/').to_owned(),
            user: None,
            proxy: None,
            tls: Tls::default(),
            private: false,
        })
    }

    /// Answers the server's challenges as this user.
    ///
    /// # Errors
    /// When the name or the password has control characters, or the entry is one of `http` or `https`.
    pub fn user(mut self, name: &str, password: &str) -> Result<Self, NotGrantable> {
        if matches!(self.scheme, Scheme::Http | Scheme::Https) {
            let what = "a user is for `ws` and `wss`: what is sent to `http` and `https` the guest says by itself";
            return Err(NotGrantable(what.to_owned()));
        }
        let tried = Connect::to(ANY_URL).and_then(|any| any.credentials(name, password));
        tried.map_err(|mistake| NotGrantable(mistake.to_string()))?;
        self.user = Some((name.to_owned(), password.to_owned()));
        Ok(self)
    }

    /// Goes through this HTTP proxy, which looks names up by itself.
    ///
    /// # Errors
    /// When it is no `http` URL of a host.
    pub fn proxy(mut self, url: &str) -> Result<Self, NotGrantable> {
        let tried = Connect::to(ANY_URL).and_then(|any| any.proxy(url));
        tried.map_err(|mistake| NotGrantable(mistake.to_string()))?;
        self.proxy = Some(url.to_owned());
        Ok(self)
    }

    /// Trusts, and shows, these certificates.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Also dials addresses that are not of the public internet: this host, and networks behind it. An entry that is
    /// such an address does so anyway.
    #[must_use]
    pub fn private(mut self, private: bool) -> Self {
        self.private = private;
        self
    }

    /// Whether a guest may connect there.
    pub(crate) fn covers(&self, url: &Url) -> bool {
        let host = match (&self.host, url.host()) {
            (Pattern::Host(Host::Domain(name)), Some(Host::Domain(asked))) => name == asked,
            (Pattern::Host(Host::Ipv4(address)), Some(Host::Ipv4(asked))) => *address == asked,
            (Pattern::Host(Host::Ipv6(address)), Some(Host::Ipv6(asked))) => *address == asked,
            (Pattern::Below(end), Some(Host::Domain(name))) => {
                name.len() > end.len() && name.ends_with(end.as_str())
            }
            _ => false,
        };
        let path = url.path().strip_prefix(self.path.as_str());
        // A server that decodes before it resolves dots would be led out of the path.
        let leads_out = !self.path.is_empty() && has_hidden_way(url.path());
        host && !leads_out
            && Some(self.scheme) == Scheme::of(url)
            && url.port_or_known_default() == Some(self.port)
            && path.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// How a connection is made for a request to this URL, which it [covers](Self::covers).
    pub(crate) fn dial(&self, url: &Url) -> Result<Connect, Mistake> {
        let socket = match self.scheme {
            Scheme::Ws | Scheme::Http => "ws",
            Scheme::Wss | Scheme::Https => "wss",
        };
        let origin = &url[Position::BeforeHost..Position::AfterPort];
        self.connect(&format!("{socket}://{origin}"))
    }

    /// How such a connection is made; without what the guest adds.
    pub(crate) fn connect(&self, url: &str) -> Result<Connect, Mistake> {
        let mut connect = Connect::to(url)?.tls(self.tls.clone());
        if let Some((name, password)) = &self.user {
            connect = connect.credentials(name, password)?;
        }
        if let Some(proxy) = &self.proxy {
            // It is the operator's, wherever it is.
            return connect.proxy(proxy);
        }
        let anywhere = self.private
            || !matches!(
                self.host,
                Pattern::Host(Host::Domain(_)) | Pattern::Below(_)
            );
        Ok(match anywhere {
            true => connect,
            false => connect.allow(|address: SocketAddr| is_public(address.ip())),
        })
    }
}

impl Scheme {
    fn of(url: &Url) -> Option<Self> {
        Some(match url.scheme() {
            "ws" => Self::Ws,
            "wss" => Self::Wss,
            "http" => Self::Http,
            "https" => Self::Https,
            _ => return None,
        })
    }
}

/// Whether there is an escape of what divides or climbs a path, or of an escape; or a `..` with parameters.
fn has_hidden_way(path: &str) -> bool {
    let mut escapes = path.split('%').skip(1);
    let is_way = |rest: &str| {
        let code = rest.get(..2).unwrap_or_default();
        HIDDEN
            .iter()
            .any(|hidden| code.eq_ignore_ascii_case(hidden))
    };
    escapes.any(is_way) || path.contains("..;")
}

/// To try what goes with a URL.
const ANY_URL: &str = "ws://localhost";

/// A slash, a backslash, a dot, a percent sign.
const HIDDEN: [&str; 4] = ["2f", "5c", "2e", "25"];

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("scheme", &self.scheme)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity W1, hardening H29
    #[test]
    fn a_grant_is_for_a_scheme_a_host_a_port_and_what_is_below_a_path() {
        let cases = [
            ("wss://a.example", "wss://a.example/x?y", true),
            ("wss://a.example", "wss://A.EXAMPLE:443/", true),
            ("wss://a.example", "ws://a.example/", false),
            ("wss://a.example", "ws://a.example:443/", false),
            ("wss://a.example", "wss://a.example:444/", false),
            ("wss://a.example", "wss://b.a.example/", false),
            ("wss://a.example", "wss://a.example.evil.example/", false),
            ("wss://*.a.example", "wss://b.a.example/", true),
            ("wss://*.a.example", "wss://c.b.a.example/", true),
            ("wss://*.a.example", "wss://a.example/", false),
            ("wss://*.a.example", "wss://ba.example/", false),
            ("wss://*.a.example", "wss://.a.example/", false),
            ("ws://a.example/x", "ws://a.example/x", true),
            ("ws://a.example/x/", "ws://a.example/x/y", true),
            ("ws://a.example/x", "ws://a.example/xy", false),
            ("ws://a.example/x", "ws://a.example/x/../y", false),
            ("ws://a.example/x", "ws://a.example/x/%2E%2e/y", false),
            ("ws://a.example/x", "ws://a.example/x\\..\\y", false),
            ("ws://a.example/x", "ws://a.example/x/..%2fy", false),
            ("ws://a.example/x", "ws://a.example/x/..%5Cy", false),
            ("ws://a.example/x", "ws://a.example/x/..;/y", false),
            ("ws://a.example/x", "ws://a.example/x/.%2e/y", false),
            ("ws://a.example/x", "ws://a.example/x/..%252fy", false),
            ("ws://a.example/x", "ws://a.example/x/%20;a..b?q=%2f", true),
            ("ws://a.example", "ws://a.example/a%2Fb", true),
            ("ws://a.example", "ws://a.example./", false),
            ("ws://a.example", "ws://a.example\\@b.example/", true),
            ("ws://127.0.0.1:9", "ws://127.0.0.1:9/", true),
            ("ws://127.0.0.1:9", "ws://127.1:9/", true),
            ("ws://127.0.0.1:9", "ws://localhost:9/", false),
            ("ws://127.0.0.1:9", "ws://[::ffff:127.0.0.1]:9/", false),
            ("ws://127.0.0.1:9", "ws://2130706433:9/", true),
            ("ws://[::1]:9", "ws://[0:0::1]:9/", true),
            ("https://a.example/x", "https://a.example:443/x/y?z", true),
            ("https://a.example", "http://a.example:443/", false),
            ("https://a.example", "wss://a.example/", false),
            ("wss://a.example", "https://a.example/", false),
            ("http://a.example", "http://a.example:80/", true),
            ("http://a.example", "ws://a.example/", false),
            ("http://*.a.example:81", "http://b.a.example:81/", true),
            ("http://a.example/x", "http://a.example/x/../y", false),
        ];
        for (grant, url, covered) in cases {
            let grant = Grant::new(grant).expect("an entry");
            let url = Url::parse(url).expect("a URL");
            assert_eq!(grant.covers(&url), covered, "{grant:?} {url}");
        }
    }

    #[test]
    fn what_grants_nothing_is_told() {
        for text in [
            "",
            "a.example",
            "ftp://a.example",
            "ws://u:p@a.example",
            "ws://a.example/?x",
            "ws://a.example/#x",
            "ws://*.127.0.0.1",
            "ws://a.example:0",
            "ws://*",
        ] {
            assert!(Grant::new(text).is_err(), "{text}");
        }
        // hardening H30: when the configuration is read, not when a guest connects.
        let grant = || Grant::new("wss://a.example").expect("an entry");
        assert!(grant().user("ada", "tab\t").is_err());
        assert!(grant().user("ada", "p\u{e4}ss").is_ok());
        assert!(grant().proxy("https://proxy.example").is_err());
        assert!(grant().proxy("http://proxy.example:3128").is_ok());
        let requests = || Grant::new("https://a.example").expect("an entry");
        assert!(requests().user("ada", "secret").is_err());
        assert!(requests().proxy("http://proxy.example:3128").is_ok());
    }

    #[test]
    fn a_request_goes_where_it_was_judged_to_go() {
        for (url, secure, host, port) in [
            ("http://a.example/x?y", false, "Domain(\"a.example\")", 80),
            ("http://a.example:81", false, "Domain(\"a.example\")", 81),
            ("https://a.example", true, "Domain(\"a.example\")", 443),
            ("https://[::1]:80", true, "Ipv6(::1)", 80),
            ("http://A.EXAMPLE:80", false, "Domain(\"a.example\")", 80),
        ] {
            let grant = Grant::new(url.split('?').next().expect("a URL"));
            let url = Url::parse(url).expect("a URL");
            let connect = grant.expect("an entry").dial(&url).expect("a way");
            let shown = format!("{connect:?}");
            let expected = format!("secure: {secure}, host: {host}, port: {port}, path: \"/\"");
            assert!(shown.contains(&expected), "{shown}");
        }
    }
}
