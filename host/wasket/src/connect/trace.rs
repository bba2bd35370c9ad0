//! `--verbose`: what was done on the way, line by line. Nothing that proves who we are is in it.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::sync::mpsc;
use wasket_client::{Connect, Step};

use crate::terminal::shown;

/// The connection, with its steps as lines on a queue. While nobody takes them, further ones are lost.
pub(super) fn observed(connect: Connect) -> (Connect, mpsc::Receiver<String>) {
    let (to, steps) = mpsc::channel(LINES_MAX);
    let connect = connect.observe(move |step| {
        for line in lines(step) {
            let _ = to.try_send(line);
        }
    });
    (connect, steps)
}

fn lines(step: &Step<'_>) -> Vec<String> {
    match step {
        Step::Resolved(addresses) => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            vec![format!("* addresses: {}", addresses.join(", "))]
        }
        Step::Dialling(address) => vec![format!("* dialling {address}")],
        Step::Connected(address) => vec![format!("* connected to {address}")],
        Step::Secured {
            version,
            cipher_suite,
        } => vec![format!("* secured with {version}, {cipher_suite}")],
        Step::Request {
            method,
            target,
            headers,
        } => {
            let first = format!("> {method} {} HTTP/1.1", shown(target));
            head(first, "> ", headers)
        }
        Step::Answer { status, headers } => head(format!("< HTTP/1.1 {status}"), "< ", headers),
        Step::Redirected(url) => vec![format!("* redirected to {}", shown(url))],
        _ => Vec::new(),
    }
}

fn head(first: String, start: &str, headers: &HeaderMap) -> Vec<String> {
    let fields = headers
        .iter()
        .map(|(name, value)| format!("{start}{name}: {}", value_of(name, value)));
    std::iter::once(first).chain(fields).collect()
}

/// A value as it may be shown: of a cookie that is set, the name, and nothing of what is named like a secret.
fn value_of(name: &HeaderName, value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    match text.split_once('=') {
        _ if value.is_sensitive() => match text.split_once(' ') {
            Some((scheme @ ("Basic" | "Digest" | "Bearer"), _)) => format!("{scheme} {HIDDEN}"),
            _ => HIDDEN.to_owned(),
        },
        _ if looks_secret(name.as_str()) => HIDDEN.to_owned(),
        Some((cookie, _)) if name == header::SET_COOKIE => format!("{}={HIDDEN}", shown(cookie)),
        None if name == header::SET_COOKIE => HIDDEN.to_owned(),
        _ => shown(&text),
    }
}

/// Whether a header has its name from a key or the like: `X-Api-Key`, `Private-Token`, `X-Amz-Signature`.
fn looks_secret(name: &str) -> bool {
    let is_ours = name.starts_with("sec-websocket-");
    let says_so = SECRETS.iter().any(|word| name.contains(word));
    !is_ours && (says_so || name.ends_with("key") || name.starts_with("x-auth"))
}

const SECRETS: [&str; 6] = [
    "token",
    "secret",
    "passw",
    "credential",
    "signature",
    "session",
];

const HIDDEN: &str = "(hidden)";

/// More lines than a handshake with every redirect and challenge has.
const LINES_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    // parity W8, hardening H31
    #[test]
    fn a_head_is_shown_without_secrets_and_stays_on_its_lines() {
        let mut headers = HeaderMap::new();
        let mut add = |name: HeaderName, value: &[u8], is_sensitive| {
            let mut value = HeaderValue::from_bytes(value).unwrap();
            value.set_sensitive(is_sensitive);
            headers.append(name, value);
        };
        add(header::HOST, b"example.com", false);
        add(header::AUTHORIZATION, b"Basic YTpi", true);
        add(header::COOKIE, b"a=b", true);
        add(header::SET_COOKIE, b"id=17; Secure", false);
        add(header::SET_COOKIE, b"s3cret", false);
        add(header::SERVER, b"\xc2\x9b31m", false);
        for name in [
            "x-api-key",
            "private-token",
            "x-auth-user",
            "sec-websocket-key",
            "www-authenticate",
        ] {
            add(HeaderName::from_static(name), b"geheim", false);
        }
        let step = Step::Request {
            method: "GET",
            target: "/a",
            headers: &headers,
        };
        assert_eq!(
            lines(&step),
            [
                "> GET /a HTTP/1.1",
                "> host: example.com",
                "> authorization: Basic (hidden)",
                "> cookie: (hidden)",
                "> set-cookie: id=(hidden)",
                "> set-cookie: (hidden)",
                "> server: \\u{9b}31m",
                "> x-api-key: (hidden)",
                "> private-token: (hidden)",
                "> x-auth-user: (hidden)",
                "> sec-websocket-key: geheim",
                "> www-authenticate: geheim",
            ]
        );
    }
}
