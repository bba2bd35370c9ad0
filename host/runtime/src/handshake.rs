//! A guest's answer to an opening handshake, checked before it becomes bytes of a response.

use std::fmt;

use wasket_session::{Opening, Principal, Refusal};

use crate::text::escaped;
use crate::wire::{Acceptance, Rejection};

/// What the 101 answer will carry.
pub(crate) struct Answer {
    pub(crate) protocol: Option<Box<str>>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) principal: Option<Principal>,
}

/// An acceptance whose parts may be sent.
pub(crate) fn accept(acceptance: Acceptance, opening: &Opening) -> Result<Answer, Wrong> {
    let protocol = match acceptance.protocol {
        Some(name) if opening.protocols.iter().any(|offered| **offered == *name) => {
            Some(name.into())
        }
        Some(name) => return Err(Wrong::Protocol(name)),
        None => None,
    };
    check(&acceptance.headers)?;
    Ok(Answer {
        protocol,
        headers: acceptance.headers,
        principal: acceptance.principal.map(Into::into),
    })
}

/// A rejection that may be sent.
pub(crate) fn reject(rejection: Rejection) -> Result<Refusal, Wrong> {
    if !(300..=599).contains(&rejection.status) {
        return Err(Wrong::Status(rejection.status));
    }
    check(&rejection.headers)?;
    Ok(Refusal {
        status: rejection.status,
        headers: rejection.headers,
        body: rejection.body,
    })
}

/// Field names are tokens; values have no control characters but tabs (RFC 9110, section 5).
fn check(headers: &[(String, String)]) -> Result<(), Wrong> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    for (name, value) in headers {
        if name.is_empty() || !name.bytes().all(token) {
            return Err(Wrong::HeaderName(name.clone()));
        }
        if value
            .bytes()
            .any(|byte| byte != b'\t' && byte.is_ascii_control())
        {
            return Err(Wrong::HeaderValue(name.clone()));
        }
    }
    Ok(())
}

/// Why a guest's answer cannot be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Protocol(String),
    Status(u16),
    HeaderName(String),
    HeaderValue(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(name) => {
                write!(
                    f,
                    "the client did not offer the subprotocol \"{}\"",
                    escaped(name)
                )
            }
            Self::Status(status) => write!(f, "the status {status} is not one of 300-599"),
            Self::HeaderName(name) => write!(f, "\"{}\" is no header name", escaped(name)),
            Self::HeaderValue(name) => {
                write!(
                    f,
                    "the value of the header \"{name}\" has control characters"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H17
    #[test]
    fn headers_cannot_break_out_of_their_line() {
        let good = [
            ("set-cookie", "a=b; HttpOnly"),
            ("X-Name", "caf\u{e9}\tx"),
            ("x", ""),
        ];
        let bad = [
            ("", "v"),
            ("a b", "v"),
            ("a:", "v"),
            ("a\r\n", "v"),
            ("n\u{e9}", "v"),
            ("a", "v\r\nset-cookie: b"),
            ("a", "v\n"),
            ("a", "v\0"),
            ("a", "\u{7f}"),
        ];
        let headers = |(name, value): (&str, &str)| [(name.to_owned(), value.to_owned())];
        for pair in good {
            assert_eq!(check(&headers(pair)), Ok(()), "{pair:?}");
        }
        for pair in bad {
            assert!(check(&headers(pair)).is_err(), "{pair:?}");
        }
    }

    #[test]
    fn a_rejection_has_a_status_that_rejects() {
        for (status, sendable) in [
            (200, false),
            (299, false),
            (300, true),
            (599, true),
            (600, false),
        ] {
            let rejection = Rejection {
                status,
                headers: Vec::new(),
                body: Vec::new(),
            };
            assert_eq!(reject(rejection).is_ok(), sendable, "{status}");
        }
    }
}
