//! Header fields that are lists (RFC 6455 sections 9.1 and 11.3, RFC 9110 section 5.6).

/// One element of `Sec-WebSocket-Extensions`: an extension and its parameters, as they were sent.
///
/// Parameters keep their order, and doubled ones stay doubled: what that means is the extension's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionParams {
    /// The extension's name.
    pub name: String,
    /// Its parameters; quoted values are without their quotes.
    pub params: Vec<(String, Option<String>)>,
}

/// Whether `text` is a token (RFC 9110 section 5.6.2), as subprotocols and extensions have to be.
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Whether a field of an answer is not for services to set: it frames the answer, or belongs to the handshake.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let begins = |start: &str| {
        let first = name.get(..start.len());
        first.is_some_and(|first| first.eq_ignore_ascii_case(start))
    };
    let reserved = |other: &&str| name.eq_ignore_ascii_case(other);
    begins("sec-websocket-") || RESERVED.iter().any(reserved)
}

/// Beside `Sec-WebSocket-*`.
const RESERVED: [&str; 8] = [
    "connection",
    "upgrade",
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "te",
    "trailer",
    "proxy-connection",
];

/// The values of all fields called `name`, as text without white space around it. `None` stands for one that is not
/// ASCII, and so is not what any of our fields may hold.
pub(super) fn values<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    name: &str,
) -> impl Iterator<Item = Option<&'h str>> {
    headers
        .inspect(|(other, _)| look_at(other.len()))
        .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
        .inspect(|(_, value)| look_at(value.len()))
        .map(|(_, value)| str::from_utf8(value).ok().filter(|text| text.is_ascii()))
        .map(|value| value.map(|text| text.trim_matches(is_white)))
}

/// The value of the one field called `name`; `Err` if there is none, or more than one, or it is not ASCII.
pub(super) fn only_value<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    name: &str,
) -> Result<&'h str, ()> {
    let mut values = values(headers, name);
    match (values.next(), values.next()) {
        (Some(Some(value)), None) => Ok(value),
        _ => Err(()),
    }
}

/// Whether a comma-separated list, over all its lines, has this token in any case.
pub(super) fn list_has<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    name: &str,
    token: &str,
) -> bool {
    values(headers, name)
        .flatten()
        .flat_map(|value| value.split(','))
        .inspect(|element| look_at(element.len()))
        .any(|element| element.trim_matches(is_white).eq_ignore_ascii_case(token))
}

/// Whether a body follows these headers (RFC 9112 section 6), however they say so.
pub(super) fn has_body<'h>(headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone) -> bool {
    let transferred = values(headers.clone(), "transfer-encoding")
        .next()
        .is_some();
    transferred || values(headers, "content-length").any(|length| length != Some("0"))
}

/// A list of distinct tokens, over all its lines. `None` if one is not a token or is there twice, or if the field is
/// there without any.
pub(super) fn distinct_tokens<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    name: &str,
) -> Option<Vec<String>> {
    let mut tokens = Vec::<String>::new();
    let mut is_there = false;
    for value in values(headers, name) {
        is_there = true;
        for token in value?.split(',').map(|token| token.trim_matches(is_white)) {
            // Empty elements are legal in any list, and say nothing (RFC 9110 section 5.6.1.2).
            if token.is_empty() {
                continue;
            }
            let is_same = |other: &String| {
                look_at(other.len().min(token.len()));
                other == token
            };
            if !is_token(token) || tokens.len() == TOKENS_MAX || tokens.iter().any(is_same) {
                return None;
            }
            tokens.push(token.to_owned());
        }
    }
    (!is_there || !tokens.is_empty()).then_some(tokens)
}

/// All elements of `Sec-WebSocket-Extensions`; `None` if one is malformed.
pub(super) fn extensions<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
) -> Option<Vec<ExtensionParams>> {
    let mut all = Vec::new();
    for value in values(headers, "sec-websocket-extensions") {
        let mut cursor = Cursor { rest: value? };
        loop {
            while cursor.eat(',') {}
            if cursor.is_at_end() {
                break;
            }
            all.push(cursor.extension()?);
            if !cursor.is_at_end() && !cursor.eat(',') {
                return None;
            }
        }
    }
    Some(all)
}

/// What is left of a field's value.
struct Cursor<'v> {
    rest: &'v str,
}

impl<'v> Cursor<'v> {
    fn extension(&mut self) -> Option<ExtensionParams> {
        let name = self.token()?.to_owned();
        let mut params = Vec::new();
        while self.eat(';') {
            let param = self.token()?.to_owned();
            let value = match self.eat('=') {
                true => Some(self.value()?),
                false => None,
            };
            params.push((param, value));
        }
        Some(ExtensionParams { name, params })
    }

    fn token(&mut self) -> Option<&'v str> {
        self.skip_white();
        let len = self
            .rest
            .bytes()
            .take_while(|&byte| is_token_byte(byte))
            .count();
        let (token, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    /// A token, perhaps in quotes: what is quoted has to be a token, too (RFC 6455 section 9.1).
    fn value(&mut self) -> Option<String> {
        if !self.eat('"') {
            return self.token().map(str::to_owned);
        }
        let mut value = String::new();
        let mut chars = self.rest.chars();
        loop {
            look_at(1);
            match chars.next()? {
                '"' => break,
                '\\' => value.push(chars.next()?),
                char => value.push(char),
            }
        }
        self.rest = chars.as_str();
        is_token(&value).then_some(value)
    }

    /// Whether `char` comes next, which is then behind us.
    fn eat(&mut self, char: char) -> bool {
        self.skip_white();
        match self.rest.strip_prefix(char) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_white();
        self.rest.is_empty()
    }

    fn skip_white(&mut self) {
        self.rest = self.rest.trim_start_matches(is_white);
    }
}

fn is_white(char: char) -> bool {
    look_at(1);
    matches!(char, ' ' | '\t')
}

fn is_token_byte(byte: u8) -> bool {
    look_at(1);
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Notes how many bytes something looks at. A header that costs more than its length is an attack, and times prove
/// nothing; so the tests count. In a build there is nothing of it.
#[inline]
fn look_at(bytes: usize) {
    #[cfg(test)]
    super::work::note(bytes);
    #[cfg(not(test))]
    let _ = bytes;
}

/// More subprotocols than anyone offers; it keeps the search for doubled ones cheap.
const TOKENS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Option<Vec<ExtensionParams>> {
        extensions([("Sec-WebSocket-Extensions", value.as_bytes())].into_iter())
    }

    fn extension(name: &str, params: &[(&str, Option<&str>)]) -> ExtensionParams {
        let owned =
            |&(name, value): &(&str, Option<&str>)| (name.to_owned(), value.map(ToOwned::to_owned));
        ExtensionParams {
            name: name.to_owned(),
            params: params.iter().map(owned).collect(),
        }
    }

    #[test]
    fn extension_lists_are_read() {
        let cases = [
            ("", vec![]),
            (" , ,", vec![]),
            ("foo", vec![extension("foo", &[])]),
            (
                "foo, bar",
                vec![extension("foo", &[]), extension("bar", &[])],
            ),
            (
                "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
                vec![extension(
                    "permessage-deflate",
                    &[
                        ("client_max_window_bits", None),
                        ("server_max_window_bits", Some("10")),
                    ],
                )],
            ),
            (
                "a;b=\"1\\0\" ;b\t,a",
                vec![
                    extension("a", &[("b", Some("10")), ("b", None)]),
                    extension("a", &[]),
                ],
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(parsed(value), Some(expected), "{value:?}");
        }
    }

    #[test]
    fn malformed_extensions_are_refused() {
        for value in [
            "foo bar",
            ";",
            "foo;",
            "foo;=1",
            "foo;b=",
            "foo;b=\"",
            "foo;b=\"\\",
            "foo;b=\"\"",
            "foo;b=\"a b\"",
            "foo;b=\"a,b\"",
            "foo;b=1 2",
            "f(oo",
            "foo;b=\"1\"2",
            "föo",
        ] {
            assert_eq!(parsed(value), None, "{value:?}");
        }
    }

    #[test]
    fn extensions_come_from_all_lines_in_order() {
        let headers = [
            ("sec-websocket-extensions", b"a;x=1".as_slice()),
            ("host", b"b"),
            ("SEC-WEBSOCKET-EXTENSIONS", b"c"),
        ];
        let expected = vec![extension("a", &[("x", Some("1"))]), extension("c", &[])];
        assert_eq!(extensions(headers.into_iter()), Some(expected));
    }
}
