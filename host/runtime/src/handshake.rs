//! A guest's answer to an opening handshake, checked before it becomes bytes of a response.

use std::fmt;

use wasket_session::ws::handshake::is_reserved;
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
    let principal = acceptance.principal.map(Principal::from);
    if let Some(principal) = &principal {
        check_principal(principal)?;
    }
    Ok(Answer {
        protocol,
        headers: acceptance.headers,
        principal,
    })
}

/// A rejection that may be sent.
pub(crate) fn reject(rejection: Rejection) -> Result<Refusal, Wrong> {
    if !(300..=599).contains(&rejection.status) {
        return Err(Wrong::Status(rejection.status));
    }
    check(&rejection.headers)?;
    if rejection.body.len() > BODY_BYTES_MAX {
        return Err(Wrong::BodyLength(rejection.body.len()));
    }
    Ok(Refusal {
        status: rejection.status,
        headers: rejection.headers,
        body: rejection.body,
    })
}

/// Who somebody is stays with the session for as long as it lives, and in each line about its opening.
pub(crate) fn check_principal(principal: &Principal) -> Result<(), Wrong> {
    let claims = principal
        .claims
        .iter()
        .flat_map(|(name, value)| [name, value]);
    let texts = [&principal.name].into_iter().chain(&principal.roles);
    let bytes: usize = texts.chain(claims).map(String::len).sum();
    if principal.name.is_empty() {
        Err(Wrong::NamelessPrincipal)
    } else if bytes > PRINCIPAL_BYTES_MAX {
        Err(Wrong::PrincipalLength(bytes))
    } else {
        Ok(())
    }
}

/// Field names are tokens; values have no control characters but tabs (RFC 9110, section 5). What frames the answer
/// or belongs to the handshake is the host's.
fn check(headers: &[(String, String)]) -> Result<(), Wrong> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    for (name, value) in headers {
        if name.is_empty() || !name.bytes().all(token) {
            return Err(Wrong::HeaderName(name.clone()));
        }
        if is_reserved(name) {
            return Err(Wrong::HeaderReserved(name.clone()));
        }
        if value
            .bytes()
            .any(|byte| byte != b'\t' && byte.is_ascii_control())
        {
            return Err(Wrong::HeaderValue(name.clone()));
        }
    }
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > HEADERS_BYTES_MAX {
        return Err(Wrong::HeadersLength(bytes));
    }
    Ok(())
}

/// Names and values together: twice what common clients and proxies take.
const HEADERS_BYTES_MAX: usize = 16 << 10;
/// A page that says why, and not what the page is about.
const BODY_BYTES_MAX: usize = 256 << 10;
/// Name, roles and claims together.
const PRINCIPAL_BYTES_MAX: usize = 16 << 10;

/// Why a guest's answer cannot be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Protocol(String),
    Status(u16),
    HeaderName(String),
    HeaderValue(String),
    HeaderReserved(String),
    HeadersLength(usize),
    BodyLength(usize),
    NamelessPrincipal,
    PrincipalLength(usize),
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
            Self::HeaderReserved(name) => {
                write!(f, "the header \"{name}\" is for the host to set")
            }
            Self::HeadersLength(bytes) => {
                write!(
                    f,
                    "headers of {bytes} bytes are more than {HEADERS_BYTES_MAX}"
                )
            }
            Self::BodyLength(bytes) => {
                write!(f, "a body of {bytes} bytes is more than {BODY_BYTES_MAX}")
            }
            Self::NamelessPrincipal => write!(f, "the principal has no name"),
            Self::PrincipalLength(bytes) => {
                write!(
                    f,
                    "a principal of {bytes} bytes is more than {PRINCIPAL_BYTES_MAX}"
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
            ("Sec-WebSocket-Accept", "v"),
            ("sec-websocket-anything", "v"),
            ("Connection", "close"),
            ("UPGRADE", "h2c"),
            ("Content-Length", "3"),
            ("transfer-encoding", "chunked"),
        ];
        let headers = |(name, value): (&str, &str)| [(name.to_owned(), value.to_owned())];
        for pair in good {
            assert_eq!(check(&headers(pair)), Ok(()), "{pair:?}");
        }
        for pair in bad {
            assert!(check(&headers(pair)).is_err(), "{pair:?}");
        }
    }

    // parity B6
    #[test]
    fn what_a_guest_answers_is_bounded() {
        let rejection = |body: usize, value: usize| {
            reject(Rejection {
                status: 401,
                headers: vec![("a".into(), "v".repeat(value))],
                body: vec![b'x'; body],
            })
        };
        assert!(rejection(BODY_BYTES_MAX, HEADERS_BYTES_MAX - 1).is_ok());
        assert!(rejection(BODY_BYTES_MAX + 1, 0).is_err());
        assert!(rejection(0, HEADERS_BYTES_MAX).is_err());
        let principal = |name: &str, claim: usize| {
            check_principal(&Principal {
                name: name.into(),
                roles: vec!["r".into()],
                claims: vec![("c".into(), "v".repeat(claim))],
            })
        };
        assert_eq!(principal("ada", PRINCIPAL_BYTES_MAX - 5), Ok(()));
        assert!(principal("ada", PRINCIPAL_BYTES_MAX - 4).is_err());
        assert_eq!(principal("", 0), Err(Wrong::NamelessPrincipal));
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
