use std::net::SocketAddr;
use std::sync::Arc;

/// The opening handshake as the host received it, kept for as long as the session lives: few
/// allocations, and what can be derived (query, cookies) is derived when somebody asks.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The name of the service.
    pub service: Arc<str>,
    /// `GET`, or `CONNECT` over HTTP/2.
    pub method: &'static str,
    /// The Host header or the `:authority`, seen through trusted proxies.
    pub authority: Box<str>,
    /// The request target as sent, undecoded.
    pub target: Box<str>,
    /// Percent-decoded, without the query.
    pub path: Box<str>,
    /// What the route's `{name}` and `*` parts matched, decoded.
    pub parameters: Box<[(Box<str>, Box<str>)]>,
    /// Every header field, but for `authorization` where the host has done the login.
    pub headers: Headers,
    /// Subprotocols the client offers, in its order of preference.
    pub protocols: Box<[Box<str>]>,
    /// Who is asking, as far as the host knows.
    pub principal: Option<Box<Principal>>,
    /// The peer, seen through trusted proxies.
    pub remote_address: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// What else the host knows, such as `http-version`: the same for many sessions, so it is shared.
    pub properties: Arc<[(Box<str>, Box<str>)]>,
}

impl Opening {
    /// The query's pairs, decoded, in order.
    #[must_use]
    pub fn query(&self) -> Vec<(String, String)> {
        self.target
            .split_once('?')
            .map(|(_, query)| query_pairs(query))
            .unwrap_or_default()
    }

    /// The cookies of all `cookie` headers, in order (RFC 6265, section 5.4). A pair of double quotes
    /// around a value is taken off; a part without `=` is left out.
    #[must_use]
    pub fn cookies(&self) -> Vec<(&str, &str)> {
        self.headers
            .iter()
            .filter(|(name, _)| *name == "cookie")
            .flat_map(|(_, value)| value.split(';'))
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| {
                let value = value.trim();
                let unquoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
                (name.trim(), unquoted.unwrap_or(value))
            })
            .collect()
    }
}

/// Who is asking: established by the host's authentication, or by the component's own handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// Non-empty.
    pub name: String,
    /// What the principal may act as.
    pub roles: Vec<String>,
    /// Whatever else was established.
    pub claims: Vec<(String, String)>,
}

/// Header fields in one piece of memory: names in lower case, in order; bytes beyond UTF-8 read as Latin-1.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    text: Box<str>,
    /// Where each name and each value ends in `text`.
    ends: Box<[(u32, u32)]>,
}

impl Headers {
    /// Collects fields. What lies past 4 GiB of text is left out; a request head never comes near.
    #[must_use]
    pub fn new<'a>(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut text = String::new();
        let mut ends = Vec::new();
        for (name, value) in fields {
            text.extend(name.chars().map(|c| c.to_ascii_lowercase()));
            let name_end = text.len();
            match str::from_utf8(value) {
                Ok(value) => text.push_str(value),
                Err(_) => text.extend(value.iter().map(|&byte| char::from(byte))),
            }
            let (Ok(name_end), Ok(end)) = (u32::try_from(name_end), u32::try_from(text.len()))
            else {
                break;
            };
            ends.push((name_end, end));
        }
        Self {
            text: text.into(),
            ends: ends.into(),
        }
    }

    /// Every field as name and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |&(name_end, end)| {
            let (name_end, end) = (name_end as usize, end as usize);
            let field = (
                self.text.get(start..name_end).unwrap_or_default(),
                self.text.get(name_end..end).unwrap_or_default(),
            );
            start = end;
            field
        })
    }

    /// The value of the first field with this name, in whatever case.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// The pairs of a query string as `application/x-www-form-urlencoded` reads them: `+` is a space,
/// broken percent-escapes stay as they are, bytes beyond UTF-8 become U+FFFD.
#[must_use]
pub fn query_pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (form_decode(name), form_decode(value))
        })
        .collect()
}

fn form_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let pair = (ahead.next().and_then(hex), ahead.next().and_then(hex));
        match (byte, pair) {
            (b'%', (Some(high), Some(low))) => {
                bytes.push(high << 4 | low);
                rest = ahead;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_as_forms() {
        let cases: [(&str, &[(&str, &str)]); 7] = [
            ("", &[]),
            ("name=Ada", &[("name", "Ada")]),
            ("a=1&b=2&a=3", &[("a", "1"), ("b", "2"), ("a", "3")]),
            ("a+b=%C3%A9%20x", &[("a b", "\u{e9} x")]),
            ("flag&=v&&", &[("flag", ""), ("", "v")]),
            ("a=%zz%4", &[("a", "%zz%4")]),
            ("a=%ff", &[("a", "\u{fffd}")]),
        ];
        for (query, expected) in cases {
            let pairs = query_pairs(query);
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            assert_eq!(pairs, expected, "{query}");
        }
    }

    #[test]
    fn headers_keep_order_lower_case_and_latin_1() {
        let headers = Headers::new([
            ("Host", b"a".as_slice()),
            ("X-Name", b"caf\xe9"),
            ("x-name", "caf\u{e9}".as_bytes()),
            ("Empty", b""),
        ]);
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(
            all,
            [
                ("host", "a"),
                ("x-name", "caf\u{e9}"),
                ("x-name", "caf\u{e9}"),
                ("empty", "")
            ]
        );
        assert_eq!(headers.first("X-NAME"), Some("caf\u{e9}"));
        assert_eq!(headers.first("none"), None);
    }

    // parity B2
    #[test]
    fn cookies_come_from_every_cookie_header() {
        let opening = Opening {
            service: "s".into(),
            method: "GET",
            authority: "h".into(),
            target: "/p?a=1".into(),
            path: "/p".into(),
            parameters: Box::default(),
            headers: Headers::new([
                ("cookie", b"a=1; b=\"x y\"; odd".as_slice()),
                ("host", b"h"),
                ("cookie", b" c = 3=3 "),
            ]),
            protocols: Box::default(),
            principal: None,
            remote_address: SocketAddr::from(([127, 0, 0, 1], 1)),
            secure: false,
            properties: Arc::default(),
        };
        assert_eq!(opening.cookies(), [("a", "1"), ("b", "x y"), ("c", "3=3")]);
        assert_eq!(opening.query(), [("a".to_owned(), "1".to_owned())]);
    }
}
