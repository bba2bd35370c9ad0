//! Where the load goes: `ws://HOST[:PORT][/PATH]`.

use std::str::FromStr;

use http::Uri;

/// A URL that can be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    url: String,
    /// The `Host` of the request: the authority as it was typed.
    pub(super) authority: String,
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The path with its query.
    pub(super) path: String,
}

impl Target {
    pub(super) fn as_str(&self) -> &str {
        &self.url
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let shape = || "expected ws://HOST:PORT/PATH".to_owned();
        let parsed: Uri = url.parse().map_err(|_| shape())?;
        match parsed.scheme_str().map(str::to_ascii_lowercase).as_deref() {
            Some("ws") => {}
            Some("wss") => {
                return Err("TLS cannot be measured yet: give a ws:// URL".to_owned());
            }
            _ => return Err(shape()),
        }
        let authority = parsed.authority().ok_or_else(shape)?;
        if authority.as_str().contains('@') {
            return Err("a ws:// URL has no user name and password".to_owned());
        }
        if url.contains('#') {
            return Err("a ws:// URL has no fragment (RFC 6455 section 3)".to_owned());
        }
        let host = authority.host();
        let unbracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let port = match authority.port_u16() {
            Some(port) if port > 0 => port,
            None if authority.as_str() == host => 80,
            _ => return Err("the port is a number from 1 to 65535".to_owned()),
        };
        if host.is_empty() {
            return Err(shape());
        }
        Ok(Self {
            url: url.to_owned(),
            authority: authority.to_string(),
            host: unbracketed.unwrap_or(host).to_owned(),
            port,
            path: parsed
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_to_connect_and_what_to_ask_for() {
        for (url, authority, host, port, path) in [
            ("ws://a", "a", "a", 80, "/"),
            ("ws://a/", "a", "a", 80, "/"),
            ("ws://a:4649/echo", "a:4649", "a", 4649, "/echo"),
            (
                "ws://127.0.0.1:1/a/b?c=d%20e",
                "127.0.0.1:1",
                "127.0.0.1",
                1,
                "/a/b?c=d%20e",
            ),
            ("ws://[::1]:65535/e", "[::1]:65535", "::1", 65535, "/e"),
            ("ws://[::1]/e", "[::1]", "::1", 80, "/e"),
            ("WS://a/e", "a", "a", 80, "/e"),
        ] {
            let target: Target = url.parse().unwrap();
            let found = (
                &*target.authority,
                &*target.host,
                target.port,
                &*target.path,
            );
            assert_eq!(found, (authority, host, port, path), "{url}");
            assert_eq!(target.as_str(), url);
        }
    }

    #[test]
    fn other_urls_are_refused_with_what_is_wrong() {
        for (url, said) in [
            ("", "expected ws://"),
            ("localhost:4649/echo", "expected ws://"),
            ("/echo", "expected ws://"),
            ("http://a/echo", "expected ws://"),
            ("ws://", "expected ws://"),
            ("ws:///echo", "expected ws://"),
            ("ws://a b/echo", "expected ws://"),
            ("ws://a/\r\nx: y", "expected ws://"),
            ("wss://a/echo", "TLS"),
            ("ws://me:secret@a/echo", "user name"),
            ("ws://a/echo#top", "fragment"),
            ("ws://a:0/echo", "1 to 65535"),
            ("ws://a:/echo", "1 to 65535"),
            ("ws://a:65536/echo", "1 to 65535"),
        ] {
            let error = url.parse::<Target>().expect_err(url);
            assert!(error.contains(said), "{url}: {error}");
        }
    }
}
