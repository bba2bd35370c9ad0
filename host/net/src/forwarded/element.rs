use std::net::{IpAddr, Ipv6Addr};

use crate::authority::Authority;

/// One `forwarded-element` (RFC 7239, section 4): what one proxy says. Parameters that are not here are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) node: Option<Node>,
    pub(super) secure: Option<bool>,
    pub(super) host: Option<String>,
}

/// Who asked a proxy (RFC 7239, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Port 0: not told.
    Address(IpAddr, u16),
    /// `unknown`, or a name that means something to the proxy alone.
    Unknown,
}

impl Element {
    /// Reads all elements of one field, passing over empty ones and empty pairs (RFC 7239, section 4; RFC 9110,
    /// section 5.6.1.2). Everything else is read strictly: a quote that somebody left open would hide what others
    /// append.
    pub(super) fn parse_all(text: &str, elements: &mut Vec<Self>) -> Option<()> {
        let mut rest = text;
        loop {
            let mut element = Self::default();
            let pairs;
            (pairs, rest) = element.parse(rest)?;
            if pairs > 0 {
                elements.push(element);
            }
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => return rest.is_empty().then_some(()),
            }
        }
    }

    /// Reads pairs up to a comma or the end: how many, and what is left, which begins there.
    fn parse<'t>(&mut self, mut rest: &'t str) -> Option<(usize, &'t str)> {
        let mut seen = Vec::new();
        loop {
            rest = rest.trim_start_matches(BLANKS);
            if !rest.is_empty() && !rest.starts_with([';', ',']) {
                rest = self.pair(rest, &mut seen)?.trim_start_matches(BLANKS);
            }
            match rest.strip_prefix(';') {
                Some(next) => rest = next,
                None => return Some((seen.len(), rest)),
            }
        }
    }

    fn pair<'t>(&mut self, text: &'t str, seen: &mut Vec<String>) -> Option<&'t str> {
        let (name, behind) = text.split_once('=')?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let (value, rest) = value(behind)?;
        let name = name.to_ascii_lowercase();
        self.take(&name, &value)?;
        // Each only once (section 4).
        if seen.contains(&name) || seen.len() >= PARAMETERS_MAX {
            return None;
        }
        seen.push(name);
        Some(rest)
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "for" => self.node = Some(Node::parse_told(value)?),
            "proto" => self.secure = Some(secure(value)?),
            "host" => self.host = Some(host(value)?),
            _ => {}
        }
        Some(())
    }
}

impl Node {
    /// An entry of `X-Forwarded-For`: in practice with or without brackets, with or without a port.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.parse::<Ipv6Addr>() {
            Ok(address) => Some(Self::Address(IpAddr::V6(address).to_canonical(), 0)),
            Err(_) => Self::parse_told(text),
        }
    }

    /// `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80`, `unknown`, `_name`; the port may be a
    /// name, too.
    fn parse_told(text: &str) -> Option<Self> {
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (text, None),
        };
        let port = port.map_or(Some(0), port_number)?;
        if name.eq_ignore_ascii_case("unknown") || is_obfuscated(name) {
            return Some(Self::Unknown);
        }
        let bracketed = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        let address = match bracketed {
            Some(address) => IpAddr::V6(address.parse().ok()?),
            None => IpAddr::V4(name.parse().ok()?),
        };
        Some(Self::Address(address.to_canonical(), port))
    }
}

/// Whether a scheme is one of TLS.
pub(super) fn secure(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(true),
        "http" | "ws" => Some(false),
        _ => None,
    }
}

/// What may stand in a Host field.
pub(super) fn host(text: &str) -> Option<String> {
    Authority::parse(text).map(|_| text.to_owned())
}

/// 0 for one that is no number.
fn port_number(text: &str) -> Option<u16> {
    if is_obfuscated(text) {
        return Some(0);
    }
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn is_obfuscated(text: &str) -> bool {
    let name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.strip_prefix('_')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(name))
}

/// A token or a quoted string (RFC 9110, section 5.6.4), and what is behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.bytes().position(|byte| !is_token(byte));
        let (value, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
        return (!value.is_empty()).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

const BLANKS: [char; 2] = [' ', '\t'];
/// RFC 7239 has four; nobody has many more.
const PARAMETERS_MAX: usize = 16;
